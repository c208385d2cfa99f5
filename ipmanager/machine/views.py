"""The views of the pages; each asks a module for its context."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from changes.log.rights import Reader
from ipam.models import IPAddress, Server, Subnet
from ipmanager.machine.change import ChangePage
from ipmanager.machine.page import MachinePage
from ipmanager.machine.subject import Subject, find_server, find_vm
from ipmanager.networks.access import needs
from ipmanager.networks.page import each

_changes = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@needs(Server)
def server_page(request: HttpRequest, key: int) -> HttpResponse:
    return _page(request, find_server(Reader.of(request), key))


@require_safe
@needs(IPAddress)
def vm_page(request: HttpRequest, key: int) -> HttpResponse:
    return _page(request, find_vm(key))


@_changes
@needs(Server, Subnet)
def server_move(request: HttpRequest, key: int) -> HttpResponse:
    return ChangePage(request, find_server(Reader.of(request), key), "move").answer()


@_changes
@needs(Server, Subnet, IPAddress)
def server_release(request: HttpRequest, key: int) -> HttpResponse:
    return ChangePage(request, find_server(Reader.of(request), key), "release").answer()


@_changes
@needs(Server, Subnet, IPAddress)
def server_quarantine(request: HttpRequest, key: int) -> HttpResponse:
    return ChangePage(request, find_server(Reader.of(request), key), "quarantine").answer()


def _page(request: HttpRequest, subject: Subject) -> HttpResponse:
    context = {
        **each(request),
        "title": subject.server or subject.name,
        "machine": MachinePage(request, subject),
        "subject": subject,
    }
    return TemplateResponse(request, "admin/machine/page.html", context)
