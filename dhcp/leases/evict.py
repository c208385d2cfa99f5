"""Take a lease from a machine whose address the ledger gives to another, so that the other need not
wait for its end.

The former holder goes on using the address until he asks for more time; until then the two may
meet."""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import files
from core.errors import Conflict, Invalid, Unavailable
from dhcp.files.targets import Target
from dhcp.leases import lease_file
from dhcp.leases.ingest import read_stable
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
    """The lease could not be taken away."""

    code = "not_evicted"


def is_possible() -> bool:
    """Whether this installation has a way to do it."""
    return settings.DNSMASQ_EVICT != "none"


def evict(lease: Sighting, who: str = "") -> Eviction:
    """Free the lease, and remember who may believe in it until when.

    Raises Invalid or Conflict when it is none that may be taken away, Unavailable when dnsmasq
    keeps it."""
    _refuse(lease)
    target = _serving(lease)
    if _holds(lease, target):
        try:
            _METHODS[settings.DNSMASQ_EVICT](lease, target)
        except subprocess.TimeoutExpired as error:
            raise NotEvicted(_("%s did not end.") % error.cmd[0]) from error
        except OSError as error:
            raise NotEvicted(f"{error.filename}: {error.strerror}") from error
    return _note(lease, who)


def _refuse(lease: Sighting) -> None:
    if not is_possible():
        raise Unavailable(
            _("Leases cannot be ended from here."), hint=_("Set IPMANAGER_DNSMASQ_EVICT.")
        )
    if lease.ip_address.version != 4 or not lease.mac_address:
        raise Invalid(
            _("Only IPv4 leases can be ended from here; %s runs out by itself.") % lease.ip_address
        )
    if not Lease.objects.conflicting().filter(pk=lease.pk).exists():
        text = _("%(ip)s is not another machine's address: the lease of %(mac)s stays.")
        raise Conflict(text % {"ip": lease.ip_address, "mac": holder_name(lease)})


def _serving(lease: Sighting) -> Target:
    """The server of the address's subnet, if its files are on this host."""
    server_id = ServerSelector.load().server_id_for(
        Subnet.objects.containing(lease.ip_address, None)
    )
    server = DhcpServer.objects.get(pk=server_id) if server_id else None
    if server and server.run_by == DhcpServer.RunBy.AGENT:
        raise NotEvicted(
            _("%s runs on another host: end the lease there, with dhcp_release.") % server
        )
    target = Target.of(server)
    if target.leases is None:
        raise NotEvicted(_("Nobody has told where %s keeps its lease file.") % target.name)
    return target


def _ask_dbus(lease: Sighting, target: Target) -> None:
    """Needs `enable-dbus` in dnsmasq and a policy of the bus for our user."""
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
        raise NotEvicted(
            _("dnsmasq does not end it: %s")
            % (done.stderr.strip()[:300] or done.stdout.strip()[:300])
        )
    _wait(lease, target)


def _ask_helper(lease: Sighting, target: Target) -> None:
    """Lay out a request; what is not answered in time is taken back, so that nothing happens later
    unasked."""
    target.evict.mkdir(exist_ok=True)
    request = target.evict / secrets.token_hex(16)
    files.replace(request, f"release {lease.ip_address} {lease.mac_address}\n".encode("ascii"))
    try:
        _wait(lease, target)
    finally:
        request.unlink(missing_ok=True)


def _wait(lease: Sighting, target: Target) -> None:
    deadline = time.monotonic() + WAIT
    while _holds(lease, target):
        if time.monotonic() > deadline:
            text = _("dnsmasq still has the lease of %(ip)s after %(seconds)d s.")
            raise NotEvicted(
                text % {"ip": lease.ip_address, "seconds": WAIT}, hint=_("Does its helper run?")
            )
        time.sleep(0.02)


_METHODS: dict[str, Callable[[Sighting, Target], None]] = {"dbus": _ask_dbus, "helper": _ask_helper}


def _holds(lease: Sighting, target: Target) -> bool:
    """Whether this very machine holds this address, as dnsmasq itself has written it down."""
    assert target.leases is not None
    try:
        found = lease_file.parse_leases(read_stable(target.leases))
    except OSError as error:
        raise NotEvicted(
            f"{target.leases}: {error.strerror}", hint=_("Is that its lease file?")
        ) from error
    return any((one.ip, one.mac) == (lease.ip_address, lease.mac_address) for one in found)


def _note(lease: Sighting, who: str) -> Eviction:
    now = timezone.now()
    with transaction.atomic():
        Eviction.objects.filter(until__lt=now - KEPT).delete()
        Sighting.objects.filter(pk=lease.pk, leased_until__gt=now).update(leased_until=now)
        facts = {
            "ip_address": lease.ip_address,
            "mac_address": lease.mac_address,
            "until": lease.leased_until,
        }
        return Eviction.objects.create(**facts, who=who)
