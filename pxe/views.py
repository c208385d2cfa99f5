"""The views that machines request during boot: plain HTTP, without login or cookies."""

from __future__ import annotations

import re
from dataclasses import replace
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

from core.commands import manage_command
from core.errors import NotFound
from core.proxies import client_address
from ipam.addresses import parse_address, parse_mac
from pxe import file_response, files, loaders
from pxe.boot import boot_once, install, permits
from pxe.boot.decide import Decision, decide
from pxe.boot.identify import Identification, identify
from pxe.boot.records import BootClient, Plan
from pxe.boot.script import script
from pxe.events import reports
from pxe.events.journal import Kind, last_answer_to, log_end, log_event
from pxe.models import BootFile, BootPermit
from pxe.names import is_file_name

TEXT = "text/plain; charset=utf-8"
_PLATFORM = re.compile(r"efi|pcbios")
_ARCH = re.compile(r"[a-z0-9_]{1,20}")


@never_cache
@require_safe
def boot_script(request: HttpRequest) -> HttpResponse:
    """The iPXE script for this machine. An unknown machine gets the default menu."""
    client = boot_client(request)
    if request.method == "HEAD":  # a check that we are up, not a boot attempt
        return HttpResponse(content_type=TEXT)
    with transaction.atomic():
        identified = identify(client)
        decision = decide(client, identified, timezone.now())
        log_decision(client, identified, decision)
    plan = replace(decision.plan, report=_report_path())
    return HttpResponse(script(plan), content_type=TEXT)


def _report_path() -> str:
    """The path below which scripts tell what becomes of them."""
    event, subject = "event", "subject"
    return reverse("boot_report", args=[event, subject]).removesuffix(f"{event}/{subject}")


def boot_client(request: HttpRequest) -> BootClient:
    """What the machine claims about itself. Unreadable values are dropped: it must boot anyway."""
    claimed, source = request.GET, client_address(request)
    return BootClient(
        source=parse_address(source) if source else None,
        mac=_mac(claimed),
        uuid=_uuid(claimed),
        serial="".join(filter(str.isprintable, claimed.get("serial", "")[:100])).strip(),
        platform=_matching(_PLATFORM, claimed.get("platform", "")),
        arch=_matching(_ARCH, claimed.get("arch", "")),
        base=settings.BOOT_URL or f"http://{request.get_host()}",
    )


def log_decision(client: BootClient, identified: Identification, decision: Decision) -> None:
    """Log what the machine was given, and the assignments that ended because of this request."""
    server, assignment, plan = identified.server, decision.assignment, decision.plan
    for ended in decision.ended:
        assert server
        log_end(ended, server, client, boot_once.reason(ended))
    image = assignment.image if assignment else None
    log_event(_kind(plan), server, client, plan.why, image=image, assignment=assignment)
    if plan.image:
        assert assignment
        assert server
        if identified.confirmed and boot_once.ends_unseen(assignment):
            boot_once.finish(assignment, server, client)


def _kind(plan: Plan) -> Kind:
    if plan.image:
        return Kind.OFFER
    if plan.menu:
        return Kind.MENU
    return Kind.LOCAL


@require_safe
def boot_file(request: HttpRequest, name: str) -> HttpResponseBase:
    """A kernel, an initrd or another boot file, by the name of its row."""
    file = BootFile.objects.filter(name=name, url="").first() if is_file_name(name) else None
    if file is None:
        with transaction.atomic():
            reports.file_missing(boot_client(request), name)
        return _not_found("no such boot file\n")
    try:
        response = file_response.answer(request, file)
    except NotFound:
        with transaction.atomic():
            reports.file_missing(boot_client(request), file.name)
        return _not_found("the boot file is missing\n")
    if request.method == "GET" and response.status_code == 200:
        with transaction.atomic():
            file_fetched(boot_client(request), file)
    return response


@never_cache
@require_safe
def report(request: HttpRequest, event: str, subject: str) -> HttpResponse:
    """A script tells what the machine does: what was chosen, that an image could not be started,
    that the disk comes next."""
    with transaction.atomic():
        is_known = reports.reported(boot_client(request), event, subject)
    return HttpResponse("ok\n", content_type="text/plain") if is_known else _unknown()


@require_safe
def loader(request: HttpRequest, name: str) -> HttpResponseBase:
    """An iPXE loader, for firmware that boots by HTTP. UEFI sends HEAD first."""
    if name not in loaders.NAMES:
        return _not_found("no such loader\n")
    try:
        response = file_response.stream(request, files.open_file(name, settings.TFTP_ROOT))
    except NotFound:
        return _not_found(f"not published yet: {manage_command('publish_loaders')}\n")
    if request.method == "GET":
        client = boot_client(request)
        with transaction.atomic():
            log_event(Kind.LOADER, identify(client).server, client, name)
    return response


@never_cache
@require_safe
def answer_file(request: HttpRequest, secret: str, name: str = "") -> HttpResponse:
    """An installer's answer file, for the server that the permit was issued to.

    All refusals look the same from outside; the reason is in the server's timeline."""
    client = boot_client(request)
    with transaction.atomic():
        permit = permits.find_for_fetch(secret)
        if permit is None:
            return _unknown()
        assignment = permit.assignment
        facts = {"image": assignment.image, "assignment": assignment}
        try:
            text = _document(permit, client, secret, name)
        except ValueError as error:
            log_event(Kind.REFUSED, assignment.server, client, f"{name}: {error}", **facts)
            return _unknown()
        if text is None:
            return _unknown()
        if request.method == "GET":
            permits.use(permit, timezone.now())
            log_event(Kind.ANSWER, assignment.server, client, name, **facts)
    return HttpResponse(text, content_type=TEXT)


def _document(permit: BootPermit, client: BootClient, secret: str, name: str) -> str | None:
    """The document of this name. Raises ValueError when the permit or a variable is not valid."""
    image = permit.assignment.image
    if image is None or image.answers is None:
        return None
    problem = permits.problem(permit, client.source, timezone.now())
    if problem:
        raise ValueError(problem)
    callback = reverse("boot_done", args=[permits.callback_secret(secret)])
    server = permit.assignment.server
    return install.document(name, image.answers, server, f"{client.base}{callback}")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def done(request: HttpRequest, secret: str) -> HttpResponse:
    """The installed system calls back. GET is accepted because every installer can send it."""
    with transaction.atomic():
        permit = permits.find_for_callback(secret, timezone.now())
        if permit is None:
            return _unknown()
        install.called_back(permit.assignment, boot_client(request))
    return HttpResponse("ok\n", content_type="text/plain")


def file_fetched(client: BootClient, file: BootFile) -> None:
    """Log the fetch for the server that was last offered something at this address. If the address
    is known as the server's and this was its last file, end the assignment."""
    offer = last_answer_to(client)
    if offer is None or offer.server is None:
        return
    facts = {"image": offer.image, "assignment": offer.assignment}
    log_event(Kind.FILE, offer.server, client, file.name, **facts)
    if not offer.assignment or not boot_once.ends_with_file(offer.assignment, file):
        return
    if identify(client).server == offer.server:
        boot_once.finish(offer.assignment, offer.server, client)


def _not_found(text: str) -> HttpResponse:
    return HttpResponseNotFound(text, content_type="text/plain")


def _unknown() -> HttpResponse:
    return _not_found("unknown\n")


def _mac(claimed: QueryDict) -> str | None:
    try:
        return parse_mac(claimed.get("mac", "")[:40])
    except ValueError:
        return None


def _uuid(claimed: QueryDict) -> UUID | None:
    try:
        return UUID(claimed.get("uuid", "")[:40])
    except ValueError:
        return None


def _matching(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
