"""The kinds of sources that can be imported, each with its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from django.utils.translation import gettext_lazy as _

from importers.readers import ethers, hosts_table, netbox, zones
from importers.readers.dnsmasq import conf as dnsmasq_conf
from importers.readers.dnsmasq import leases as dnsmasq_leases
from importers.readers.isc import conf as isc_conf
from importers.readers.isc import leases as isc_leases
from importers.readers.kea import conf as kea_conf
from importers.readers.kea import leases as kea_leases
from importers.records import Record, Records
from importers.source import Source


@dataclass(frozen=True)
class Kind:
    """A kind of source: its title, where it is found, and its reader. In a directory, only the
    `main` files are read, if there are any: they include the others."""

    name: str
    title: object
    where: object
    read: Callable[[Source], Iterator[Record]]
    main: tuple[str, ...] = ()

    def records(self, source: Source) -> Records:
        """Everything that the source says. Raises Invalid."""
        main = list(filter(self.main.__contains__, source.names))
        if main:
            source = replace(source, names=main)
        return Records.of(self.read(source))


def _each(
    read: Callable[[Source, str], Iterator[Record]],
) -> Callable[[Source], Iterator[Record]]:
    """A reader of a source whose files stand for themselves."""

    def read_all(source: Source) -> Iterator[Record]:
        for name in source.names:
            yield from read(source, name)

    return read_all


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


KINDS = _kinds(
    Kind(
        "isc-dhcpd",
        _("ISC dhcpd, configuration for IPv4"),
        "/etc/dhcp/dhcpd.conf",
        _each(partial(isc_conf.read, version=4)),
        ("dhcpd.conf",),
    ),
    Kind(
        "isc-dhcpd6",
        _("ISC dhcpd, configuration for IPv6"),
        "/etc/dhcp/dhcpd6.conf",
        _each(partial(isc_conf.read, version=6)),
        ("dhcpd6.conf",),
    ),
    Kind(
        "isc-leases",
        _("ISC dhcpd, leases"),
        "/var/lib/dhcp/dhcpd.leases",
        _each(isc_leases.read),
    ),
    Kind(
        "dnsmasq",
        _("dnsmasq, configuration with its files"),
        "/etc/dnsmasq.conf, /etc/dnsmasq.d",
        dnsmasq_conf.read,
        ("dnsmasq.conf",),
    ),
    Kind(
        "dnsmasq-leases",
        _("dnsmasq, leases"),
        "/var/lib/misc/dnsmasq.leases",
        _each(dnsmasq_leases.read),
    ),
    Kind(
        "kea",
        _("Kea, configuration"),
        "/etc/kea/kea-dhcp4.conf, /etc/kea/kea-dhcp6.conf",
        _each(kea_conf.read),
        ("kea-dhcp4.conf", "kea-dhcp6.conf"),
    ),
    Kind("kea-leases", _("Kea, leases"), "/var/lib/kea/kea-leases4.csv", _each(kea_leases.read)),
    Kind("netbox", _("NetBox, CSV exports"), "*.csv", netbox.read),
    Kind("ethers", _("Table of MAC addresses"), "/etc/ethers", _each(ethers.read)),
    Kind("zone", _("Zone file (BIND)"), "/etc/bind/db.corp.example", _each(zones.read)),
    Kind("hosts", _("Table of hosts"), "/etc/hosts", _each(hosts_table.read)),
)
