"""What all pages of plans do: ask, show what will happen, do what was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from changes.plans.verb import Outdated, Plan, Work, apply, preview
from ipam.admin.base import REFUSALS, sentences
from ipam.models import Subnet
from ipmanager.networks.head import Head
from ipmanager.networks.links import page
from ipmanager.networks.page import page_context
from ipmanager.plans import shown

LONGEST = 2000  # characters of a text that is typed


class PlanPage:
    """A plan. `work` carries it out and returns what the page shows of it, read to its end."""

    template: ClassVar[str]
    needed: Sequence[str] = ()

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def answer(self) -> HttpResponse:
        """GET shows the choices, POST what will happen; with `apply` it is done."""
        user: Any = self.request.user
        if not user.has_perms([*self.needed, *self.also_needed()]):
            raise PermissionDenied
        if self.request.method != "POST":
            return self.page(self.before())
        try:
            work = self.work()
            if "apply" in self.request.POST:
                return self._apply(work)
            return self.page(self._shown(work))
        except REFUSALS as error:
            return self.page({"refusal": sentences(error)}, status=409)

    def _apply(self, work: Work[Any]) -> HttpResponse:
        try:
            done = apply(work, self.given("digest"))
        except Outdated as error:
            return self.page({"outdated": str(error), **self._shown(work)}, status=409)
        messages.success(self.request, self.done(done.found))
        return HttpResponseRedirect(self.url())

    def _shown(self, work: Work[Any]) -> dict[str, Any]:
        plan = preview(work)
        return {**shown.context(self.request, plan), **self.of_plan(plan)}

    def page(self, found: dict[str, Any], status: int = 200) -> HttpResponse:
        context = {**self.frame(), "given": self.request.POST, **self.choices(), **found}
        return TemplateResponse(self.request, self.template, context, status=status)

    def given(self, name: str) -> str:
        """A text of the form."""
        return self.request.POST.get(name, "")[:LONGEST].replace("\0", "").strip()

    # --- what each of them says

    def also_needed(self) -> Sequence[str]:
        """Further permissions."""
        return ()

    def before(self) -> dict[str, Any]:
        """What is shown before anything was chosen."""
        return {}

    def work(self) -> Work[Any]:
        """What was chosen. Raises Invalid."""
        raise NotImplementedError

    def frame(self) -> dict[str, Any]:
        """What stands around the plan."""
        raise NotImplementedError

    def choices(self) -> dict[str, Any]:
        """What can be chosen."""
        return {}

    def of_plan(self, plan: Plan[Any]) -> dict[str, Any]:
        """What is said of a plan of this kind."""
        return {}

    def done(self, found: Any) -> str:
        """The message afterwards."""
        raise NotImplementedError

    def url(self) -> str:
        """The page afterwards."""
        raise NotImplementedError


class SubnetPlanPage(PlanPage):
    """A plan of one subnet."""

    def __init__(self, request: HttpRequest, subnet: Subnet) -> None:
        super().__init__(request)
        self.subnet = subnet

    def fresh(self) -> Subnet:
        """The subnet as it is when the work is done."""
        return Subnet.objects.get(pk=self.subnet.pk)

    def frame(self) -> dict[str, Any]:
        subnet = Subnet.objects.select_related("vrf").get(pk=self.subnet.pk)
        return page_context(self.request, Head(self.request, subnet), "")

    def url(self) -> str:
        return page("network", self.subnet.pk)
