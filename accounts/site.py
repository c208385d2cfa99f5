"""The admin's site: its login with a second step, and the pages about one's own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from accounts import second_factor, views
from accounts.login import pending


class Login(LoginView):
    """The first step: name and password."""

    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if second_factor.is_set_up(user):
            next_step = "admin:second_factor"
        elif second_factor.is_required(user):
            next_step = "admin:second_factor_setup"
        else:
            login(self.request, user)
            return HttpResponseRedirect(self.get_success_url())
        pending.begin(self.request, user, self.get_success_url())
        return HttpResponseRedirect(reverse(next_step))


_pages: list[Callable[[], list[URLPattern]]] = []


def add_pages(urls: Callable[[], list[URLPattern]]) -> None:
    """Let a room above add pages that belong to no model."""
    _pages.append(urls)


class Site(UnfoldAdminSite):
    """The admin."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("second-factor/", views.second_step, name="second_factor"),
            path("second-factor/setup/", views.set_up, name="second_factor_setup"),
            path("account/", self.admin_view(views.account), name="account"),
        ]
        for urls in _pages:
            own += urls()
        return own + super().get_urls()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """The models by their apps, made when somebody looks at them: each page is offered them,
        and the sidebar shows its own list."""
        return SimpleLazyObject(lambda: UnfoldAdminSite.get_app_list(self, request, app_label))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        pending.cancel(request)
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index")
        request.current_app = self.name
        view: Any = Login.as_view(extra_context=context, authentication_form=self.login_form)
        return view(request)
