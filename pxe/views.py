"""What machines fetch on their way up: plain HTTP, without a login, without a cookie."""

from __future__ import annotations

import re
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import NotFound
from core.proxies import client_address
from ipam.addresses import parse_address, parse_mac
from pxe import file_response, files, loaders
from pxe.boot import boot_once, install, permits
from pxe.boot.decide import Due, due
from pxe.boot.identify import Found, identify
from pxe.boot.records import Asker
from pxe.boot.script import script
from pxe.events.journal import Kind, asker_behind, note, note_end
from pxe.models import BootFile
from pxe.names import is_file_name

PLATFORMS = ("efi", "pcbios")
_WORD = re.compile(r"[a-z0-9_]{1,20}")


@never_cache
@require_safe
def boot_script(request: HttpRequest) -> HttpResponse:
    """What this machine shall boot. Every machine gets an answer; one that we cannot make out gets
    the default menu."""
    asker = read(request)
    if request.method == "HEAD":
        return HttpResponse(
            content_type="text/plain; charset=utf-8"
        )  # asking whether we are there is no attempt
    with transaction.atomic():
        found = identify(asker)
        answer = due(asker, found, timezone.now())
        write_down(asker, found, answer)
    return HttpResponse(script(answer.plan), content_type="text/plain; charset=utf-8")


def read(request: HttpRequest) -> Asker:
    """What the machine says of itself. What cannot be read is left out: a machine must boot all the
    same."""
    said, source = request.GET, client_address(request)
    return Asker(
        source=parse_address(source) if source else None,
        mac=_mac(said),
        uuid=_uuid(said),
        serial="".join(sign for sign in said.get("serial", "")[:100] if sign.isprintable()).strip(),
        platform=said["platform"] if said.get("platform") in PLATFORMS else "",
        arch=said["arch"] if _WORD.fullmatch(said.get("arch", "")) else "",
        base=settings.BOOT_URL or f"http://{request.get_host()}",
    )


def write_down(asker: Asker, found: Found, answer: Due) -> None:
    for ended in answer.ended:
        assert found.server
        note_end(ended, found.server, asker, boot_once.reason(ended))
    plan, assignment = answer.plan, answer.assignment
    kind = Kind.OFFER if plan.image else Kind.MENU if plan.menu else Kind.LOCAL
    image = assignment.image if assignment else None
    note(kind, found.server, asker, plan.why, image=image, assignment=assignment)
    if assignment and found.server and plan.image and boot_once.ends_unseen(assignment):
        boot_once.finish(assignment, found.server, asker)


@require_safe
def boot_file(request: HttpRequest, name: str) -> HttpResponseBase:
    """A kernel, an initrd or the like, by the name that an administrator has given it."""
    file = BootFile.objects.filter(name=name, url="").first() if is_file_name(name) else None
    if file is None:
        return HttpResponseNotFound("no such boot file\n", content_type="text/plain")
    try:
        response = file_response.answer(request, file)
    except NotFound:
        return HttpResponseNotFound("the boot file is missing\n", content_type="text/plain")
    if request.method == "GET" and response.status_code == 200:
        with transaction.atomic():
            fetched(read(request), file)
    return response


@require_safe
def loader(request: HttpRequest, name: str) -> HttpResponseBase:
    """iPXE itself, for firmware that boots by HTTP. UEFI asks for its head first."""
    if name not in loaders.NAMES:
        return HttpResponseNotFound("no such loader\n", content_type="text/plain")
    try:
        response = file_response.stream(request, files.open_file(name, settings.TFTP_ROOT))
    except NotFound:
        return HttpResponseNotFound(
            "not published yet: manage.py publish_loaders\n", content_type="text/plain"
        )
    if request.method == "GET":
        asker = read(request)
        with transaction.atomic():
            note(Kind.LOADER, identify(asker).server, asker, name)
    return response


@never_cache
@require_safe
def answer_file(request: HttpRequest, secret: str, name: str = "") -> HttpResponse:
    """An installer's answers, for the server that the permit was made for. All refusals look alike
    from outside."""
    asker, now = read(request), timezone.now()
    with transaction.atomic():
        permit = permits.to_fetch(secret)
        given = permit.assignment.image.answers if permit and permit.assignment.image else None
        if permit is None or given is None:
            return _unknown()
        assignment = permit.assignment
        facts = {"image": assignment.image, "assignment": assignment}
        if complaint := permits.complaint(permit, asker.source, now):
            note(Kind.REFUSED, assignment.server, asker, f"{name}: {complaint}", **facts)
            return _unknown()
        callback = f"{asker.base}{reverse('boot_done', args=[permits.callback_of(secret)])}"
        try:
            text = install.document(name, given, assignment.server, callback)
        except ValueError as error:
            note(Kind.REFUSED, assignment.server, asker, f"{name}: {error}", **facts)
            return _unknown()
        if text is None:
            return _unknown()
        if request.method == "GET":
            permits.use(permit, now)
            note(Kind.ANSWER, assignment.server, asker, name, **facts)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def done(request: HttpRequest, secret: str) -> HttpResponse:
    """The installed system calls back. Installers can at least GET, so that is enough."""
    with transaction.atomic():
        permit = permits.to_call_back(secret, timezone.now())
        if permit is None:
            return _unknown()
        install.called_back(permit.assignment, read(request))
    return HttpResponse("ok\n", content_type="text/plain")


def _unknown() -> HttpResponse:
    return HttpResponseNotFound("unknown\n", content_type="text/plain")


def fetched(asker: Asker, file: BootFile) -> None:
    """Note it in the timeline of the machine that has been told of this file, and end what ends
    with it."""
    told = asker_behind(asker)
    if told is None or told.server is None:
        return
    note(Kind.FILE, told.server, asker, file.name, image=told.image, assignment=told.assignment)
    if told.assignment and boot_once.ends_with_file(told.assignment, file):
        boot_once.finish(told.assignment, told.server, asker)


def _mac(said: QueryDict) -> str | None:
    try:
        return parse_mac(str(said["mac"])[:40]) if said.get("mac") else None
    except ValueError:
        return None


def _uuid(said: QueryDict) -> UUID | None:
    try:
        return UUID(str(said["uuid"])[:40]) if said.get("uuid") else None
    except ValueError:
        return None
