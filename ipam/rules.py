"""The checks behind every `clean()`; each message names the reason and the holder.

They raise ValidationError keyed by field. They only read; `ValidatedModel.save` runs them under
locks that keep the answers true until the row is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.errors import Clash, Conflict, Reason
from ipam import addresses
from ipam.addresses import Address
from ipam.hostnames import interface_name

if TYPE_CHECKING:
    from ipam.models import Interface, IPAddress, Pool, Server, Subnet

Errors = dict[str, list[str]]
Named = tuple[str, Address | None]  # a machine's host name and its address

# Rooms above this one that give out names, too: for each machine of the global address space, who
# has its name already, or nothing.
NAME_HOLDERS: list[Callable[[Sequence[Named]], Sequence[str]]] = []


def raise_any(errors: Errors) -> None:
    """Raise what was found, if anything was."""
    if errors:
        raise ValidationError(dict(errors))


# --- subnets --------------------------------------------------------------------------------------


def check_subnet(subnet: Subnet) -> None:
    """A subnet's gateway, its place among the others, and what a resize would break."""
    errors: Errors = defaultdict(list)
    if subnet.network:
        _check_twin(subnet, errors)
        _check_gateway(subnet, errors)
        _check_ends(subnet, errors)
        _check_parents_dhcp(subnet, errors)
        if subnet.pk:
            _check_resize(subnet, errors)
    for kind, strings in subnet.__dict__.get("_new_pools", {}).items():
        _check_strings(kind, strings, errors)
    if subnet.domain:
        subnet.domain = subnet.domain.lower()
    raise_any(errors)


def _check_strings(kind: str, strings: Iterable[object], errors: Errors) -> None:
    for text in strings:
        try:
            addresses.parse_range(str(text))
        except ValueError as error:
            name = "static_ip_pools" if kind == "static" else "dhcp_pools"
            errors[name].append(Reason(error))


def _check_twin(subnet: Subnet, errors: Errors) -> None:
    twin = (
        type(subnet)
        .objects.in_vrf(subnet.vrf_id)
        .filter(network=subnet.network)
        .exclude(pk=subnet.pk)
        .first()
    )
    if twin:
        errors["network"].append(Clash(_("%s exists already.") % twin, twin))


def _check_gateway(subnet: Subnet, errors: Errors) -> None:
    """The gateway is a host address that nobody else holds or may be given."""
    if not subnet.gateway:
        return
    if addresses.is_host(subnet.network, subnet.gateway):
        _check_gateway_in_pools(subnet, subnet.gateway, errors)
        _check_gateway_held(subnet, errors)
        return
    text = _("%(gateway)s is not a host address of %(network)s, which has %(first)s to %(last)s.")
    names = {
        "gateway": subnet.gateway,
        "network": subnet.network,
        "first": addresses.first_host(subnet.network),
        "last": addresses.last_host(subnet.network),
    }
    errors["gateway"].append(Reason(text % names))


def _check_gateway_in_pools(subnet: Subnet, gateway: Address, errors: Errors) -> None:
    from ipam.models import Pool

    around = Pool.objects.overlapping(gateway, gateway, subnet.vrf_id)
    pool = around.filter(kind="dhcp").first()
    if pool:
        text = _(
            "%(gateway)s lies in the DHCP pool %(pool)s and would be handed out; "
            "change the pool first."
        )
        errors["gateway"].append(Reason(text % {"gateway": subnet.gateway, "pool": pool}, pool))
    others = around.filter(kind="static").exclude(subnet=subnet.pk).select_related("subnet")
    for pool in others.exclude(subnet__gateway=subnet.gateway):
        if addresses.inside(pool.subnet.network, subnet.network):
            text = _("%(gateway)s lies in the pool %(pool)s of %(subnet)s; change that pool first.")
            names = {"gateway": subnet.gateway, "pool": pool, "subnet": pool.subnet}
            errors["gateway"].append(Reason(text % names, pool))


def _check_gateway_held(subnet: Subnet, errors: Errors) -> None:
    from ipam.models import IPAddress

    rows = IPAddress.objects.filter(vrf=subnet.vrf_id, ip_address=subnet.gateway, server=None)
    row = rows.live().first()
    if row:
        errors["gateway"].append(taken(row))


def _check_ends(subnet: Subnet, errors: Errors) -> None:
    """No machine may end up on what becomes a network or broadcast address."""
    from ipam.models import IPAddress

    if not addresses.has_ends(subnet.network):
        return
    ends = {subnet.network.network_address, subnet.network.broadcast_address} - {
        addresses.last_host(subnet.network)
    }
    for row in (
        IPAddress.objects.filter(vrf=subnet.vrf_id, ip_address__in=ends)
        .live()
        .select_related("server")
    ):
        text = _("%(address)s would become a network or broadcast address, but %(holder)s has it.")
        names = {"address": row.ip_address, "holder": row.holder}
        errors["network"].append(Reason(text % names, row))


def _check_parents_dhcp(subnet: Subnet, errors: Errors) -> None:
    from ipam.models import Pool

    network = subnet.network
    pools = Pool.objects.overlapping(
        network.network_address, network.broadcast_address, subnet.vrf_id
    )
    around = pools.filter(
        kind="dhcp", subnet__network__in=list(addresses.supernets(network))
    ).exclude(subnet=subnet.pk)
    for pool in around.select_related("subnet").exclude(subnet__network=network):
        text = _(
            "%(network)s lies in the DHCP pool %(pool)s of %(subnet)s; change that pool first."
        )
        names = {"network": network, "pool": pool, "subnet": pool.subnet}
        errors["network"].append(Reason(text % names, pool))


def _check_resize(subnet: Subnet, errors: Errors) -> None:
    """A subnet keeps its VRF, its pools and its live addresses when it changes its size."""
    from ipam.models import IPAddress, Subnet

    old = Subnet.objects.filter(pk=subnet.pk).values("vrf_id", "network").first()
    if not old:
        return
    if old["vrf_id"] != subnet.vrf_id:
        text = _("A subnet stays in its VRF; create one in the other VRF and move the servers.")
        errors["vrf"].append(Reason(text))
    if old["network"] == subnet.network:
        return
    low, high = subnet.network.network_address, subnet.network.broadcast_address
    outside = ~Q(first__gte=low, last__lte=high)
    waiting = subnet.__dict__.get("_new_pools", {})
    for pool in subnet.pools.filter(outside).exclude(kind__in=list(waiting)):
        text = _("The pool %(pool)s would lie outside %(network)s; change or delete it first.")
        names = {"pool": pool, "network": subnet.network}
        errors["network"].append(Reason(text % names, pool))
    rows = IPAddress.objects.filter(subnet=subnet).exclude(ip_address__range=(low, high)).live()
    message = _these_live(rows, _("outside %s") % subnet.network)
    if message and not subnet.forced:
        errors["network"].append(message)


def refuse_in_use(subnet: Subnet) -> None:
    """Refuse to delete a subnet with live addresses, unless by force. Raises Conflict with the
    list."""
    from ipam.models import IPAddress

    rows = IPAddress.objects.filter(subnet=subnet)
    # Wait for an allocation under way.
    list(rows.select_for_update().order_by("ip_address").values_list("pk"))
    _refuse_ends(subnet)
    message = _these_live(rows, _("in use in %s") % subnet)
    if message and not subnet.forced:
        raise Conflict(message, _("Release or move them first, or delete by force."))


def _refuse_ends(subnet: Subnet) -> None:
    """No machine may end up on the network or broadcast address of the subnet around, not even by
    force."""
    from ipam.models import IPAddress

    if heir := subnet.parent:
        ends = {heir.network.network_address, heir.network.broadcast_address} - {
            addresses.last_host(heir.network)
        }
        ends -= {addresses.first_host(heir.network)}
        for row in (
            IPAddress.objects.filter(subnet=subnet, ip_address__in=ends)
            .live()
            .select_related("server")
        ):
            raise Conflict(_not_host(row.ip_address, heir), _("Move %s first.") % row.holder)


# --- pools ----------------------------------------------------------------------------------------


def check_pool(pool: Pool) -> None:
    """A pool runs upwards inside its subnet, overlaps no other, and dnsmasq may hand out what a
    DHCP pool holds."""
    errors: Errors = defaultdict(list)
    if pool.subnet_id and pool.first and pool.last:
        _check_same_subnet(pool, errors)
        _check_span(pool, errors)
        if not errors:
            _check_overlap(pool, errors)
            _check_gateways_around(pool, errors)
        if not errors and pool.kind == "dhcp":
            _check_dhcp(pool, errors)
    raise_any(errors)


def _check_same_subnet(pool: Pool, errors: Errors) -> None:
    """A pool stays in its subnet; one that changes its range is walked from its start again."""
    old = type(pool).objects.filter(pk=pool.pk).first()
    if old is None:
        return
    if old.subnet_id != pool.subnet_id:
        text = _("A pool stays in its subnet; delete it and create one in the other subnet.")
        errors["subnet"].append(Reason(text))
    if (old.first, old.last) != (pool.first, pool.last):
        pool.materialised_to = None


def _check_span(pool: Pool, errors: Errors) -> None:
    network = pool.subnet.network
    for name in ("first", "last"):
        if getattr(pool, name) not in network:
            text = _("%(address)s is not in %(network)s.")
            names = {"address": getattr(pool, name), "network": network}
            errors[name].append(Reason(text % names))
    if not errors and pool.first > pool.last:
        text = _("%(last)s comes before %(first)s.")
        errors["last"].append(Reason(text % {"last": pool.last, "first": pool.first}))


def _check_gateways_around(pool: Pool, errors: Errors) -> None:
    """The router of a wider subnet stands here, too; only the own gateway is left out by itself."""
    from ipam.models import Subnet

    around = (
        Subnet.objects.in_vrf(pool.subnet.vrf_id)
        .supernets_of(pool.subnet.network)
        .exclude(pk=pool.subnet_id)
    )
    for wider in around.filter(gateway__range=(pool.first, pool.last)).exclude(
        gateway=pool.subnet.gateway
    ):
        text = _("%(gateway)s, the gateway of %(subnet)s, lies in this pool.")
        names = {"gateway": wider.gateway, "subnet": wider}
        errors["first"].append(Reason(text % names, wider))


def _check_overlap(pool: Pool, errors: Errors) -> None:
    others = (
        type(pool)
        .objects.overlapping(pool.first, pool.last, pool.subnet.vrf_id)
        .exclude(pk=pool.pk)
    )
    for other in others.select_related("subnet")[:3]:
        errors["first"].append(overlap_error(pool, other))


def overlap_error(pool: Pool, other: Pool) -> Clash:
    """That the pool has addresses of the other one."""
    text = _("%(pool)s overlaps the %(kind)s pool %(other)s of %(subnet)s.")
    names = {
        "pool": pool,
        "kind": other.get_kind_display(),
        "other": other,
        "subnet": other.subnet,
    }
    return Clash(text % names, other)


def _check_dhcp(pool: Pool, errors: Errors) -> None:
    from ipam.models import IPAddress, Subnet

    network = pool.subnet.network
    if pool.subnet.gateway and pool.first <= pool.subnet.gateway <= pool.last:
        text = _("The gateway %s lies in this DHCP pool and would be handed out.")
        errors["first"].append(Reason(text % pool.subnet.gateway))
    for name, end in (
        ("first", addresses.first_host(network)),
        ("last", addresses.last_host(network)),
    ):
        value = getattr(pool, name)
        if not addresses.is_host(network, value):
            text = _("%(value)s is not a host address; choose %(end)s.")
            errors[name].append(Reason(text % {"value": value, "end": end}))
    inner = Subnet.objects.in_vrf(pool.subnet.vrf_id).within(network).exclude(pk=pool.subnet_id)
    for child in inner:
        if addresses.overlap(
            pool.first, pool.last, child.network.network_address, child.network.broadcast_address
        ):
            text = _("The subnet %s lies in this DHCP pool.")
            errors["first"].append(Reason(text % child, child))
            break
    rows = IPAddress.objects.filter(vrf=pool.subnet.vrf_id).between(pool.first, pool.last)
    unknown = rows.filter(Q(server=None) | Q(mac_address=None))
    if message := _these_live(
        unknown, _("in this DHCP pool without a MAC address that dnsmasq could keep them for")
    ):
        errors["first"].append(message)


# --- servers and their interfaces -----------------------------------------------------------------


def check_server(server: Server) -> None:
    """A server's name, address and MAC are its own."""
    from ipam.models import Server

    errors: Errors = defaultdict(list)
    same = Q(hostname__iexact=server.hostname) | _same(server.ip_address, server.mac_address)
    others = Server.objects.filter(same, vrf=server.vrf_id).exclude(pk=server.pk)
    nics = _other_interfaces(server.vrf_id, server.ip_address, server.mac_address, server.pk)
    check_rivals(server, others, nics, errors)
    check_claim(server, server.ip_address, server.mac_address, errors)
    check_name(server.vrf_id, (server.hostname, server.ip_address), errors)
    _check_cards_move(server, errors)
    raise_any(errors)


def check_name(vrf_id: int | None, wanted: Named, errors: Errors, field: str = "hostname") -> None:
    """Whether somebody else has the name that a machine is to have at its address."""
    for holder in filter(None, name_holders(vrf_id, [wanted])):
        errors[field].append(name_taken(holder))


def name_holders(vrf_id: int | None, wanted: Sequence[Named]) -> list[str]:
    """Who has each of the names; empty for nobody. Imports call it for many at once."""
    if vrf_id is not None:
        return [""] * len(wanted)
    found = [holders(wanted) for holders in NAME_HOLDERS]
    return list(map("".join, zip(*found, strict=True)))


def name_taken(holder: str) -> Reason:
    return Reason(_("The name belongs to a record: %s.") % holder)


def _check_cards_move(server: Server, errors: Errors) -> None:
    """A server that changes its VRF takes its interfaces along; they must fit in there, too."""
    if not type(server).objects.filter(pk=server.pk).exclude(vrf=server.vrf_id).exists():
        return
    for nic in server.interfaces.all():
        nic.server = server
        try:
            check_interface(nic)
        except ValidationError as error:
            for message in error.messages:
                errors["vrf"].append(Reason.joined([Reason(f"{nic.name}:"), message]))


def check_rivals(
    server: Server, others: Iterable[Server], nics: Iterable[Interface], errors: Errors
) -> None:
    """Whether other servers or their interfaces have the name, address or MAC address. Imports call
    it for many servers at once."""
    for other in others:
        if other.hostname.lower() == server.hostname.lower():
            text = _("Another server is called “%s” already.")
            errors["hostname"].append(Clash(text % other.hostname, other))
        _check_same(server, other, other, errors)
    for nic in nics:
        _check_same(server, nic, nic.server, errors)


def check_interface(nic: Interface) -> None:
    """An interface's address and MAC belong to its server alone."""
    from ipam.models import Server

    errors: Errors = defaultdict(list)
    old = type(nic).objects.filter(pk=nic.pk).first()
    if old and old.server_id != nic.server_id:
        text = _("An interface stays with its server; delete it and add it to the other server.")
        errors["server"].append(Reason(text))
    if nic.server_id:
        same, vrf_id = _same(nic.ip_address, nic.mac_address), nic.server.vrf_id
        for other in Server.objects.filter(same, vrf=vrf_id).exclude(pk=nic.server_id):
            _check_same(nic, other, other, errors)
        for twin in _other_interfaces(vrf_id, nic.ip_address, nic.mac_address, nic.server_id):
            _check_same(nic, twin, twin.server, errors)
        check_claim(nic.server, nic.ip_address, nic.mac_address, errors)
        _head, dot, domain = nic.server.hostname.partition(".")
        name = interface_name(nic.server.hostname, nic.name) + dot + domain
        check_name(nic.server.vrf_id, (name, nic.ip_address), errors, "name")
    raise_any(errors)


def _same(address: Address | None, mac: str | None) -> Q:
    """Has the address or the MAC address, as far as they are given."""
    same = Q(pk=None)
    if address:
        same |= Q(ip_address=address)
    if mac:
        same |= Q(mac_address=mac)
    return same


def _other_interfaces(
    vrf_id: int | None, address: Address | None, mac: str | None, server_id: int | None
) -> Iterable[Interface]:
    from ipam.models import Interface

    return (
        Interface.objects.filter(_same(address, mac), server__vrf=vrf_id)
        .exclude(server=server_id)
        .select_related("server")
    )


def _check_same(
    mine: Server | Interface, other: Server | Interface, owner: Server, errors: Errors
) -> None:
    if mine.ip_address and mine.ip_address == other.ip_address:
        text = _("%(address)s belongs to server “%(owner)s”.")
        names = {"address": mine.ip_address, "owner": owner.hostname}
        errors["ip_address"].append(Clash(text % names, owner, other))
    if mine.mac_address and mine.mac_address == other.mac_address:
        errors["mac_address"].append(_mac_of_server(mine.mac_address, owner, other))


def check_claim(server: Server, address: Address | None, mac: str | None, errors: Errors) -> None:
    """Whether a card of the server may have the address and the MAC address: a host address that
    nobody else holds and that dnsmasq does not give to others."""
    from ipam.models import IPAddress, Pool, Subnet

    _check_mac_free(server.vrf_id, address, mac, errors)
    if not address:
        return
    rows = IPAddress.objects.filter(vrf=server.vrf_id, ip_address=address)
    row = rows.select_related("server").first()
    is_free = row is None or claimable_by(row, server.pk, mac, server.hostname)
    if row and not is_free and not errors.get("ip_address"):
        errors["ip_address"].append(taken(row))
    subnet = Subnet.objects.containing(address, server.vrf_id)
    pool = None if mac else Pool.objects.covering(address, subnet)
    check_location(address, subnet, pool, errors)


def _check_mac_free(
    vrf_id: int | None, address: Address | None, mac: str | None, errors: Errors
) -> None:
    """Nobody has an allocation for this MAC address, unless it is of the same address: that one is
    taken over."""
    from ipam.models import IPAddress

    if not mac or errors.get("mac_address"):
        return
    held = IPAddress.objects.allocations().filter(vrf=vrf_id, mac_address=mac)
    if row := held.exclude(ip_address=address).first():
        errors["mac_address"].append(_mac_taken(mac, row))


def check_location(
    address: Address, subnet: Subnet | None, pool: Pool | None, errors: Errors
) -> None:
    """Whether a machine may have the address at all. `pool` is the pool that holds it, or None for
    a machine with a MAC address, which DHCP can keep its address for."""
    if not addresses.can_be_a_machines(address):
        text = _("A machine on a network cannot have the address %s.")
        errors["ip_address"].append(Reason(text % address))
    elif subnet and not addresses.is_host(subnet.network, address):
        errors["ip_address"].append(_not_host(address, subnet))
    elif pool and pool.kind == "dhcp":
        remedy = Reason(_("Specify the MAC address, too."))
        errors["ip_address"].append(Reason.joined([_in_dhcp_pool(address, pool), remedy]))


def claimable_by(row: IPAddress, server_id: int | None, mac: str | None, hostname: str) -> bool:
    """Whether a server's card may take the row: its own, a free one, one that was reserved by hand,
    or an allocation that was made for it."""
    if row.server_id is not None:
        return row.server_id == server_id
    if row.status == "allocated":
        return is_allocated_for(row, mac, hostname)
    return row.vm_id is None and row.status in ("available", "reserved")


def is_allocated_for(row: IPAddress, mac: str | None, hostname: str) -> bool:
    """Whether an allocation was made for the machine with this MAC address; without a MAC address
    and a VM, for the one with this host name."""
    if row.mac_address:
        return row.mac_address == mac
    return row.vm_id is None and row.hostname != "" and row.hostname.lower() == hostname.lower()


# --- addresses ------------------------------------------------------------------------------------


def check_address(row: IPAddress) -> None:
    """An address row stands in its most specific subnet, nobody else hands its address out, and its
    status fits its holder."""
    from ipam.models import IPAddress, Pool, Subnet

    errors: Errors = defaultdict(list)
    if not row.ip_address:
        return
    old = IPAddress.objects.filter(pk=row.pk).values_list("description", "status")
    before = old.first() or NEW
    twin = (
        IPAddress.objects.filter(vrf=row.vrf_id, ip_address=row.ip_address)
        .exclude(pk=row.pk)
        .first()
    )
    if twin:
        message = Clash(_("%s exists already.") % twin.ip_address, twin)
        if twin.status in LIVE:
            message = taken(twin)
        errors["ip_address"].append(message)
    row.subnet = Subnet.objects.containing(row.ip_address, row.vrf_id)
    check_placed_address(row, before, Pool.objects.covering(row.ip_address, row.subnet), errors)
    _check_mac_of_allocation(row, errors)
    if row.hostname and row.server_id is None:
        check_name(row.vrf_id, (row.hostname, row.ip_address), errors)
    raise_any(errors)


def _check_mac_of_allocation(row: IPAddress, errors: Errors) -> None:
    """DHCP gives an allocation with a MAC address to that machine: nobody else may have it."""
    if row.is_dhcp_allocation and row.mac_address:
        message = mac_holder(row.mac_address, row.vrf_id, row.ip_address.version, row.pk)
        if message:
            errors["mac_address"].append(message)


def mac_holder(mac: str, vrf_id: int | None, version: int, own: int | None) -> Clash | None:
    """Which server, or which allocation of this IP version but `own`, has the MAC address."""
    from ipam.models import Interface, IPAddress, Server

    if server := Server.objects.filter(vrf=vrf_id, mac_address=mac).first():
        return _mac_of_server(mac, server, server)
    nics = Interface.objects.filter(server__vrf=vrf_id, mac_address=mac)
    if nic := nics.select_related("server").first():
        return _mac_of_server(mac, nic.server, nic)
    for row in IPAddress.objects.allocations().filter(vrf=vrf_id, mac_address=mac):
        if row.pk != own and row.ip_address.version == version:
            return _mac_taken(mac, row)
    return None


def check_placed_address(
    row: IPAddress, before: tuple[str, str], pool: Pool | None, errors: Errors
) -> None:
    """Check a row against its subnet, its pool and what it was before (description and status)."""
    row.ip_type = "static" if pool and pool.kind == "static" else "dhcp"
    if row.subnet and not addresses.is_host(row.subnet.network, row.ip_address):
        errors["ip_address"].append(_not_host(row.ip_address, row.subnet))
    elif row.subnet and row.subnet.gateway == row.ip_address and not row.server_id:
        text = _("%s is the gateway and is never handed out.")
        errors["ip_address"].append(Reason(text % row.ip_address, row.subnet))
    elif (
        pool
        and pool.kind == "dhcp"
        and row.status != "available"
        and not (row.server_id and row.mac_address)
    ):
        errors["ip_address"].append(_in_dhcp_pool(row.ip_address, pool))
    _check_state(row, before, errors)


def _check_state(row: IPAddress, before: tuple[str, str], errors: Errors) -> None:
    if row.status == "available" and (row.server_id or row.vm_id):
        text = _("%s still has a holder; release it instead.")
        errors["status"].append(Reason(text % row.ip_address))
    if row.server_id and row.status != "allocated":
        text = _("An address that a server holds is allocated; take it from the server first.")
        errors["status"].append(Reason(text))
    enters_quarantine = row.status == "quarantine" and before[1] != "quarantine"
    if row.status == "reserved" or enters_quarantine:
        return
    if row.description and row.description != before[0]:
        text = _("The description can only be edited while the address is reserved.")
        errors["description"].append(Reason(text))


LIVE = ("allocated", "reserved", "quarantine")
NEW = ("", "")  # the description and the status of a row that is not there yet


# --- sentences ------------------------------------------------------------------------------------


def taken(row: IPAddress) -> Clash:
    text = _("%(address)s is taken by %(holder)s.")
    return Clash(text % {"address": row.ip_address, "holder": row.holder}, row)


def _mac_of_server(mac: str | None, owner: Server, card: Server | Interface) -> Clash:
    text = _("%(mac)s belongs to server “%(owner)s”.")
    return Clash(text % {"mac": mac, "owner": owner.hostname}, owner, card)


def _mac_taken(mac: str | None, row: IPAddress) -> Clash:
    text = _("%(mac)s has %(address)s, which %(holder)s holds.")
    return Clash(text % {"mac": mac, "address": row.ip_address, "holder": row.holder}, row)


def _not_host(address: Address, subnet: Subnet) -> Reason:
    text = _(
        "%(address)s is the network or broadcast address of %(subnet)s; no machine may have it."
    )
    return Reason(text % {"address": address, "subnet": subnet}, subnet)


def _in_dhcp_pool(address: Address, pool: Pool) -> Reason:
    text = _("%(address)s lies in the DHCP pool %(pool)s, from which dnsmasq hands it to others.")
    return Reason(text % {"address": address, "pool": pool}, pool)


def _these_live(rows: object, what: str) -> Reason | None:
    """A sentence that names how many rows are live and the first five; None without any."""
    live = rows.live().select_related("server").order_by("ip_address")  # type: ignore[attr-defined]
    first = list(live[:6])
    if not first:
        return None
    count = live.count() if len(first) > 5 else len(first)
    named = ", ".join(f"{row.ip_address} ({row.holder})" for row in first[:5])
    text = ngettext(
        "%(count)d live address %(what)s: %(named)s",
        "%(count)d live addresses %(what)s: %(named)s",
        count,
    )
    end = ", …" if count > 5 else "."
    return Reason(text % {"count": count, "what": what, "named": named + end}, *first)
