"""The ledger's own page: the list of addresses that staff look at all day."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ipam.pages.listing import Listing

View = Callable[[HttpRequest], HttpResponse]


def staff_only(view: View) -> View:
    """Send strangers to the login; tell other users that this is not for them."""

    @login_required
    def checked(request: HttpRequest) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied(
                _("This page is for staff. Ask an administrator for staff status.")
            )
        return view(request)

    return checked


@require_safe
@cache_control(private=True)
@staff_only
def address_list(request: HttpRequest) -> HttpResponse:
    listing = Listing(request.GET)
    status = 400 if listing.problems else 200
    return render(request, "ipam/address_list.html", {"listing": listing}, status=status)
