"""End a lease before its time, so that the machine to which the ledger gives the address need not
wait.

dnsmasq forgets the lease; the former holder does not. It goes on using the address until it renews,
and until then both machines may use it."""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import files
from core.errors import Conflict, Invalid, Unavailable
from dhcp.files.targets import Target
from dhcp.leases.intervals import record as intervals
from dhcp.leases.lease_file import parse_leases, read_stable
from dhcp.models import DhcpServer, Eviction, Lease
from dhcp.servers import ServerSelector
from dhcp.state.machines import holder_name
from ipam.models import Sighting, Subnet

WAIT = 2.0  # seconds until the lease must be gone from the lease file
KEPT = timedelta(days=90)
_DBUS = [
    "dbus-send",
    "--system",
    "--print-reply=literal",
    "--reply-timeout=2000",
    "--dest=uk.org.thekelleys.dnsmasq",
    "/uk/org/thekelleys/dnsmasq",
    "uk.org.thekelleys.dnsmasq.DeleteDhcpLease",
]
_TRUE = re.compile(r"\s*boolean true\s*")


class NotEvicted(Unavailable):
    """The lease could not be ended."""

    code = "not_evicted"


def is_possible() -> bool:
    """Whether this installation can end leases (IPMANAGER_DNSMASQ_EVICT)."""
    return settings.DNSMASQ_EVICT != "none"


def evict(lease: Sighting, who: str = "") -> Eviction:
    """End the lease, and record until when its holder may use the address.

    Raises Invalid or Conflict for a lease that must stay, Unavailable when dnsmasq keeps it."""
    _check_allowed(lease)
    target, began = _serving(lease), timezone.now()
    if _is_in_lease_file(lease, target):
        try:
            _METHODS[settings.DNSMASQ_EVICT](lease, target)
        except subprocess.TimeoutExpired as error:
            raise NotEvicted(_("%s did not end.") % error.cmd[0]) from error
        except OSError as error:
            raise NotEvicted(f"{error.filename}: {error.strerror}") from error
    return _record(lease, who, began)


def _check_allowed(lease: Sighting) -> None:
    if not is_possible():
        hint = _("Set IPMANAGER_DNSMASQ_EVICT.")
        raise Unavailable(_("Leases cannot be ended from here."), hint=hint)
    if lease.ip_address.version != 4 or not lease.mac_address:
        text = _("Only IPv4 leases can be ended from here. %s ends by itself.")
        raise Invalid(text % lease.ip_address)
    if not Lease.objects.conflicting().filter(pk=lease.pk).exists():
        text = _("%(ip)s does not belong to another machine: the lease of %(holder)s stays.")
        raise Conflict(text % {"ip": lease.ip_address, "holder": holder_name(lease)})


def _serving(lease: Sighting) -> Target:
    """The files of the DHCP server of the address's subnet. Raises NotEvicted when they are on
    another host."""
    subnet = Subnet.objects.containing(lease.ip_address, None)
    server_id = ServerSelector.load().server_id_for(subnet)
    server = None
    if server_id:
        server = DhcpServer.objects.get(pk=server_id)
        if server.run_by == DhcpServer.RunBy.AGENT:
            text = _("%s runs on another host. End the lease there, with dhcp_release.")
            raise NotEvicted(text % server)
    target = Target.of(server)
    if target.leases is None:
        raise NotEvicted(_("The lease file of %s is not known.") % target.name)
    return target


def _ask_dbus(lease: Sighting, target: Target) -> None:
    """Needs `enable-dbus` in dnsmasq and a bus policy for our user."""
    done = subprocess.run(
        [*_DBUS, f"string:{lease.ip_address}"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=5,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode or not _TRUE.fullmatch(done.stdout):
        answer = done.stderr.strip() or done.stdout.strip()
        raise NotEvicted(_("dnsmasq does not end it: %s") % answer[:300])
    _wait(lease, target)


def _ask_helper(lease: Sighting, target: Target) -> None:
    """Write a request for the root-owned helper. One that is not answered in time is withdrawn, so
    that the lease does not end later, unasked."""
    target.evict.mkdir(exist_ok=True)
    request = target.evict / secrets.token_hex(16)
    files.replace(request, f"release {lease.ip_address} {lease.mac_address}\n".encode("ascii"))
    try:
        _wait(lease, target)
    finally:
        request.unlink(missing_ok=True)


def _wait(lease: Sighting, target: Target) -> None:
    deadline = time.monotonic() + WAIT
    while _is_in_lease_file(lease, target):
        if time.monotonic() > deadline:
            text = _("dnsmasq still has the lease of %(ip)s after %(seconds)d s.")
            facts = {"ip": lease.ip_address, "seconds": WAIT}
            raise NotEvicted(text % facts, hint=_("Check that its helper runs."))
        time.sleep(0.02)


_METHODS: dict[str, Callable[[Sighting, Target], None]] = {"dbus": _ask_dbus, "helper": _ask_helper}


def _is_in_lease_file(lease: Sighting, target: Target) -> bool:
    """Whether dnsmasq says that this machine holds this address."""
    assert target.leases is not None
    try:
        found = parse_leases(read_stable(target.leases))
    except OSError as error:
        hint = _("Check that this is its lease file.")
        raise NotEvicted(f"{target.leases}: {error.strerror}", hint=hint) from error
    return (lease.ip_address, lease.mac_address) in map(attrgetter("ip", "mac"), found)


def _record(lease: Sighting, who: str, began: datetime) -> Eviction:
    now = timezone.now()
    until = lease.leased_until
    assert until is not None and lease.mac_address
    with transaction.atomic():
        Eviction.objects.filter(until__lt=now - KEPT).delete()
        Sighting.objects.filter(pk=lease.pk, leased_until__gt=now).update(leased_until=now)
        intervals.evicted(lease.ip_address, lease.mac_address, since=began, now=now)
        return Eviction.objects.create(
            ip_address=lease.ip_address,
            mac_address=lease.mac_address,
            until=until,
            who=who,
        )
