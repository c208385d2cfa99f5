"""The page /admin/import-from/: upload files of another system, look at what would be made, import.

The preview carries the files, so the page works without JavaScript and without a place for
uploads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.errors import Invalid, IPManagerError
from core.history import origin
from importers import carried, rights
from importers.carried import Carried
from importers.kinds import KINDS
from importers.outcome import STATES, Outcome
from importers.plan import import_records
from importers.records import Records
from importers.source import Source
from importers.words import KIND_TITLES, STATE_TITLES, groups
from ipam.models import VRF, Subnet

Files = dict[str, bytes]
# A form field is larger than the files that it carries.
LARGEST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST with files the preview, POST with a preview imports it."""
    if not request.user.has_perm(rights.ENTRY):
        raise PermissionDenied
    if request.method == "GET":
        return _answer(request, {})
    try:
        return _posted(request)
    except (IPManagerError, ValidationError) as error:
        return _answer(request, {"error": _text(error)}, status=400)


def _text(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return str(error)


def _posted(request: HttpRequest) -> HttpResponse:
    user_id = str(request.user.pk)
    preview = request.POST.get("preview", "")
    if preview:
        given = carried.unpack(user_id, preview)
    else:
        given = _uploaded(request)
    _check_vrf(given.vrf)
    records = _records(request, given)
    outcome = _applied(records, given) if preview else _tried(records, given)
    context = {"kind": KINDS[given.kind], "files": sorted(given.files), **_shown(outcome)}
    if outcome.written:
        context["undo"] = reverse("admin:changes_undo", args=[origin.current().change])
        messages.success(request, _("What is new was written."))
        return _answer(request, context)
    if preview:
        text = _("The ledger has changed since this was shown. This is what would happen now.")
        context["error"] = text
    if outcome.totals["new"]:
        context["preview"] = carried.pack(user_id, replace(given, digest=outcome.digest))
    return _answer(request, context, status=409 if preview else 200)


def _uploaded(request: HttpRequest) -> Carried:
    asked = request.POST
    return Carried(asked.get("kind", ""), _uploads(request), asked.get("vrf", ""))


def _tried(records: Records, given: Carried) -> Outcome:
    return import_records(records, apply=False, vrf=given.vrf)


def _applied(records: Records, given: Carried) -> Outcome:
    """Nothing is written where it would do something else than was shown."""
    with transaction.atomic():
        outcome = import_records(records, apply=True, vrf=given.vrf)
        is_as_shown = outcome.digest == given.digest
        transaction.set_rollback(not is_as_shown)
    return replace(outcome, written=is_as_shown)


def _uploads(request: HttpRequest) -> Files:
    files: Files = {}
    size = 0
    for file in request.FILES.getlist("files"):
        size += file.size or 0
        if size > LARGEST:
            facts = {"most": filesizeformat(LARGEST)}
            text = _("The files are larger than %(most)s.") % facts
            raise Invalid(text, _("Use manage.py import_from."))
        files[file.name or ""] = file.read()
    if not files:
        raise Invalid(_("Choose the files to import."))
    return files


def _check_vrf(name: str) -> None:
    if name and not VRF.objects.filter(name=name).exists():
        raise Invalid(_("There is no VRF %s.") % name[:60])


def _records(request: HttpRequest, given: Carried) -> Records:
    if given.kind not in KINDS:
        raise Invalid(_("Choose what the files are."))
    records = KINDS[given.kind].records(Source.of_uploads(given.files))
    if missing := rights.missing(records, request.user.has_perm):
        raise Invalid(_("You lack these rights: %s.") % ", ".join(missing))
    return records


def _shown(outcome: Outcome) -> dict[str, Any]:
    totals = outcome.totals
    states = list(filter(totals.__getitem__, STATES))
    counts = []
    for kind, numbers in outcome.counts.items():
        counts.append((KIND_TITLES[kind], list(map(numbers.__getitem__, states))))
    return {
        "outcome": outcome,
        "states": list(map(STATE_TITLES.__getitem__, states)),
        "counts": counts,
        "groups": groups(outcome),
    }


def _answer(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "media": admin.site.get_model_admin(Subnet).media,
        "title": _("Import from another system"),
        "kinds": KINDS.values(),
        "chosen": request.POST.get("kind", ""),
        "vrfs": VRF.objects.order_by("name")[:200],
        **context,
    }
    return TemplateResponse(request, "admin/importers/import.html", context, status=status)
