"""What all of the pages have in common."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ipam.models import Subnet
from ipmanager.networks.head import Head


def each(request: HttpRequest) -> dict[str, Any]:
    """What the admin's own frame needs."""
    return {
        **admin.site.each_context(request),
        "media": admin.site.get_model_admin(Subnet).media,
    }


def page_context(request: HttpRequest, head: Head, tab: str) -> dict[str, Any]:
    """What every page of a subnet needs."""
    return {
        **each(request),
        "title": str(head.subnet),
        "head": head,
        "subnet": head.subnet,
        "tabs": head.tabs(tab),
    }
