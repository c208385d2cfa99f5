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


def addresses_visible(view: View) -> View:
    """Send strangers to the login; let staff in who may view addresses."""

    @login_required
    def checked(request: HttpRequest) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied(
                _("This page is for staff. Ask an administrator for staff status.")
            )
        if not request.user.has_perm("ipam.view_ipaddress"):
            raise PermissionDenied(
                _("You may not view IP addresses. Ask an administrator for the permission.")
            )
        return view(request)

    return checked


@require_safe
@cache_control(private=True)
@addresses_visible
def address_list(request: HttpRequest) -> HttpResponse:
    listing = Listing(request.GET, request.user)
    status = 400 if listing.problems else 200
    return render(request, "ipam/address_list.html", {"listing": listing}, status=status)
