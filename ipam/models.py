"""The ledger's rows: which subnet, which address, whose.

Truth stands first in constraints, then in `clean()`, then in the verbs. `save()` always means
valid."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.history.records import History
from ipam import addresses, rules
from ipam.fields import AddressField, AddressListField, MACField, NetworkField, ValueField
from ipam.hostnames import HostnameField, validate_duid, validate_hostname
from ipam.querysets import (
    InterfaceQuerySet,
    IPAddressQuerySet,
    PoolQuerySet,
    ServerQuerySet,
    StampQuerySet,
    SubnetQuerySet,
    lock_ledger,
)


def _unique_in_vrf(table: str, field: str) -> list[models.UniqueConstraint]:
    """Two partial constraints: SQLite knows no NULLS NOT DISTINCT, and no VRF is an address space,
    too."""
    return [
        models.UniqueConstraint(
            fields=[field], condition=Q(vrf=None), name=f"{table}_global_{field}"
        ),
        models.UniqueConstraint(
            fields=["vrf", field], condition=~Q(vrf=None), name=f"{table}_vrf_{field}"
        ),
    ]


class ValidatedModel(models.Model):
    """A model with the times of its creation and last change, which `save` always validates."""

    created_at = models.DateTimeField(_("created"), auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(_("updated"), auto_now=True, db_default=Now())

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Check, then write. Raises ValidationError, which names the field and, if one exists, the
        holder. The database itself checks its constraints; only when it refuses does Django ask
        for each of them, to say which."""
        with transaction.atomic():
            self.lock()
            self.full_clean(validate_constraints=False)
            try:
                with transaction.atomic():
                    super().save(*args, **kwargs)
            except IntegrityError:
                self.full_clean()
                raise

    def lock(self) -> None:
        """What the checks find stays true until the row is written."""
        lock_ledger()

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        if self._unreadable:
            return  # refused already; a constraint could not name the holder
        try:
            super().validate_constraints(exclude)
        except ValidationError:
            self.clean()  # somebody was quicker than our own checks, which now can say who
            raise

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self._unreadable: set[str] = set()
        try:
            super().clean_fields(exclude)
        except ValidationError as error:
            self._unreadable = {
                name
                for name in error.error_dict
                if isinstance(self._meta.get_field(name), ValueField)
            }
            raise

    def clean(self) -> None:
        """Check the row against the rest of the ledger, once its addresses can be read at all."""
        if not self._unreadable:
            self.check_ledger()

    def check_ledger(self) -> None:
        """The rules of `ipam.rules` for this kind of row."""


class VRF(ValidatedModel):
    """An address space of its own: the same address may exist once in each. No VRF means the global
    one."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    rd = models.CharField(
        _("route distinguisher"), max_length=21, blank=True, default="", db_default=""
    )
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    history = History(table_name="vrfs_history")

    class Meta:
        db_table = "vrfs"
        ordering = ["name"]
        verbose_name = _("VRF")
        verbose_name_plural = _("VRFs")

    def __str__(self) -> str:
        return self.name


class Subnet(ValidatedModel):
    """A network and what its machines need to know. Parent and children follow from the CIDR."""

    vrf = models.ForeignKey(
        VRF,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("VRF"),
        help_text=_("Empty: the global address space."),
    )
    network = NetworkField(_("network"), help_text=_("As in 10.112.57.0/24 or 2001:db8::/64."))
    name = models.CharField(_("name"), max_length=100, blank=True, default="", db_default="")
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    gateway = AddressField(
        _("gateway"), null=True, blank=True, help_text=_("The router; it is never handed out.")
    )
    vlan_id = models.PositiveIntegerField(
        _("VLAN"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4094)]
    )
    dns_servers = AddressListField(
        _("DNS servers"),
        blank=True,
        default=list,
        db_default="",
        help_text=_("Addresses, separated by commas."),
    )
    domain = models.CharField(
        _("domain"),
        max_length=253,
        blank=True,
        default="",
        db_default="",
        validators=[validate_hostname],
    )
    site = models.CharField(
        _("site"), max_length=100, blank=True, default="", db_default="", db_index=True
    )
    history = History(table_name="subnets_history")
    objects = SubnetQuerySet.as_manager()
    was: Subnet | None = None
    forced = False

    class Meta:
        db_table = "subnets"
        ordering = ["network"]
        verbose_name = _("subnet")
        verbose_name_plural = _("subnets")
        constraints = [
            *_unique_in_vrf("subnets", "network"),
        ]

    def __str__(self) -> str:
        return f"{self.network} {self.name}".strip()

    def get_absolute_url(self) -> str:
        return reverse("admin:ipam_subnet_change", args=[self.pk])

    def check_ledger(self) -> None:
        rules.check_subnet(self)

    def remember(self) -> None:
        """Note what the database says now, for those who must tidy up after the change."""
        self.was = Subnet.objects.filter(pk=self.pk).first()

    def delete(self, *args: Any, force: bool = False, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused with Conflict while addresses are in use here. `force` keeps those in the parent,
        or unplaced."""
        self.forced = force
        with transaction.atomic():
            return super().delete(*args, **kwargs)

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._save_pools()

    @property
    def parent(self) -> Subnet | None:
        """The most specific subnet that contains this one."""
        return Subnet.objects.parent_of(self.network, self.vrf_id)

    @property
    def children(self) -> list[Subnet]:
        """The subnets directly below this one."""
        return Subnet.objects.children_of(self)

    @property
    def static_ip_pools(self) -> list[str]:
        """The static pools as the seeds write them: `["192.168.1.1-192.168.1.50"]`. Saved with the
        subnet."""
        return self._pool_strings("static")

    @static_ip_pools.setter
    def static_ip_pools(self, value: Iterable[str]) -> None:
        self.__dict__.setdefault("_new_pools", {})["static"] = list(value)

    @property
    def dhcp_pools(self) -> list[str]:
        """The DHCP pools, written like the static ones."""
        return self._pool_strings("dhcp")

    @dhcp_pools.setter
    def dhcp_pools(self, value: Iterable[str]) -> None:
        self.__dict__.setdefault("_new_pools", {})["dhcp"] = list(value)

    def _pool_strings(self, kind: str) -> list[str]:
        waiting = self.__dict__.get("_new_pools", {}).get(kind)
        if waiting is not None:
            return list(waiting)
        if not self.pk:
            return []
        return [str(pool) for pool in self.pools.all() if pool.kind == kind]

    def _save_pools(self) -> None:
        from ipam.placement.pool_lists import replace_pools  # needs these models

        if lists := self.__dict__.pop("_new_pools", None):
            replace_pools(self, lists)


class Pool(ValidatedModel):
    """A range of a subnet's addresses: static ones we hand out, DHCP ones dnsmasq hands out."""

    class Kind(models.TextChoices):
        STATIC = "static", _("Static")
        DHCP = "dhcp", _("DHCP")

    subnet = models.ForeignKey(
        Subnet, models.CASCADE, related_name="pools", verbose_name=_("subnet")
    )
    first = AddressField(_("first address"))
    last = AddressField(_("last address"))
    kind = models.CharField(
        _("kind"), max_length=6, choices=Kind, default=Kind.STATIC, db_default=Kind.STATIC
    )
    # How far the rows of a pool that is too large to have them all have been created.
    materialised_to = AddressField(null=True, blank=True, editable=False)
    history = History(table_name="pools_history", excluded_fields=["materialised_to"])
    objects = PoolQuerySet.as_manager()

    class Meta:
        db_table = "pools"
        ordering = ["first"]
        verbose_name = _("pool")
        verbose_name_plural = _("pools")
        constraints = [
            models.CheckConstraint(
                condition=Q(last__gte=F("first")),
                name="pools_upwards",
                violation_error_message=_("A pool runs upwards."),
            ),
            models.CheckConstraint(condition=Q(kind__in=["static", "dhcp"]), name="pools_kind"),
        ]
        indexes = [models.Index(fields=["first", "last"], name="pools_range")]

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return f"{self.first}-{self.last}"

    @property
    def size(self) -> int:
        """How many addresses it spans, those that are never handed out included."""
        return addresses.size(self.first, self.last)

    def check_ledger(self) -> None:
        rules.check_pool(self)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        # Django would let PostgreSQL compare the ends as text: .9 above .10. `check_pool` has
        # compared them.
        super().validate_constraints(exclude={*(exclude or ()), "first", "last"})


class Server(ValidatedModel):
    """A machine. Where its address stands in the ledger follows from it."""

    class WhenDisabled(models.TextChoices):
        NOT_RESERVED = "not_reserved", _("not reserved: it may get an address of a pool")
        IGNORED = "ignored", _("ignored: DHCP gives it no address")

    vrf = models.ForeignKey(
        VRF,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("VRF"),
        help_text=_("Empty: the global address space."),
    )
    hostname = HostnameField(_("host name"), max_length=253)
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    mac_address = MACField(
        _("MAC address"), null=True, blank=True, help_text=_("In any usual spelling.")
    )
    device_type = models.CharField(
        _("device type"), max_length=100, blank=True, default="", db_default=""
    )
    manufacturer = models.CharField(
        _("manufacturer"), max_length=100, blank=True, default="", db_default=""
    )
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    location = models.CharField(
        _("location"), max_length=100, blank=True, default="", db_default=""
    )
    lan_port = models.CharField(
        _("LAN port"), max_length=100, blank=True, default="", db_default=""
    )
    enabled = models.BooleanField(
        _("enabled"),
        default=True,
        db_default=True,
        help_text=_("Only enabled servers have a reservation in DHCP."),
    )
    when_disabled = models.CharField(
        _("while disabled"),
        max_length=12,
        choices=WhenDisabled,
        default=WhenDisabled.NOT_RESERVED,
        db_default=WhenDisabled.NOT_RESERVED,
        help_text=_("What DHCP does with its cards while it is disabled."),
    )
    history = History(table_name="hosts_history")
    objects = ServerQuerySet.as_manager()
    retired = ""  # why a planned deletion takes it away; empty: nobody planned it

    class Meta:
        db_table = "hosts"
        ordering = ["hostname"]
        verbose_name = _("server")
        verbose_name_plural = _("servers")
        constraints = [
            *_unique_in_vrf("hosts", "ip_address"),
            *_unique_in_vrf("hosts", "mac_address"),
            models.UniqueConstraint(
                Lower("hostname"), condition=Q(vrf=None), name="hosts_global_hostname"
            ),
            models.UniqueConstraint(
                Lower("hostname"), "vrf", condition=~Q(vrf=None), name="hosts_vrf_hostname"
            ),
            models.CheckConstraint(
                condition=Q(when_disabled__in=["not_reserved", "ignored"]),
                name="hosts_when_disabled",
            ),
        ]

    def __str__(self) -> str:
        return self.hostname

    def get_absolute_url(self) -> str:
        return reverse("admin:ipam_server_page", args=[self.pk])

    @property
    def is_ignored(self) -> bool:
        """Whether DHCP refuses every card of it."""
        return not self.enabled and self.when_disabled == self.WhenDisabled.IGNORED

    def check_ledger(self) -> None:
        rules.check_server(self)


class Interface(ValidatedModel):
    """A further network card or BMC of a server, placed like the server itself."""

    server = models.ForeignKey(
        Server, models.CASCADE, related_name="interfaces", verbose_name=_("server")
    )
    name = models.CharField(_("name"), max_length=64, help_text=_("As in eth1, ipmi or bmc."))
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    duid = models.CharField(
        _("DUID"),
        max_length=383,
        blank=True,
        default="",
        db_default="",
        validators=[validate_duid],
        help_text=_("DHCPv6 identifier: pairs of hexadecimal digits, separated by colons."),
    )
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    history = History(table_name="interfaces_history")
    objects = InterfaceQuerySet.as_manager()
    retired = ""  # as for a server

    class Meta:
        db_table = "interfaces"
        ordering = ["server", "name"]
        verbose_name = _("interface")
        verbose_name_plural = _("interfaces")
        constraints = [
            models.UniqueConstraint(fields=["server", "name"], name="interfaces_server_name")
        ]
        indexes = [
            models.Index(fields=["mac_address"], name="interfaces_mac"),
            models.Index(fields=["ip_address"], name="interfaces_ip"),
        ]

    def __str__(self) -> str:
        return f"{self.server_id and self.server.hostname} {self.name}"

    def check_ledger(self) -> None:
        self.duid = self.duid.lower()
        rules.check_interface(self)


class IPAddress(ValidatedModel):
    """One address and who has it: the seeds' IPAM record."""

    class Status(models.TextChoices):
        AVAILABLE = "available", _("Available")
        ALLOCATED = "allocated", _("Allocated")
        RESERVED = "reserved", _("Reserved")
        QUARANTINE = "quarantine", _("Quarantine")

    class Type(models.TextChoices):
        STATIC = "static", _("Static")
        DHCP = "dhcp", _("DHCP")

    vrf = models.ForeignKey(
        VRF,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("VRF"),
        db_index=False,
        help_text=_("Empty: the global address space."),
    )
    subnet = models.ForeignKey(
        Subnet,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="addresses",
        editable=False,
        db_index=False,
        verbose_name=_("subnet"),
    )
    ip_address = AddressField(_("IP address"))
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=Status,
        default=Status.AVAILABLE,
        db_default=Status.AVAILABLE,
    )
    ip_type = models.CharField(
        _("type"),
        max_length=6,
        choices=Type,
        default=Type.STATIC,
        db_default=Type.STATIC,
        editable=False,
    )
    active = models.BooleanField(
        _("active"),
        default=True,
        db_default=True,
        help_text=_("Whether it answered the last ping."),
    )
    server = models.ForeignKey(
        Server,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="addresses",
        verbose_name=_("server"),
        db_index=False,
    )
    hostname = models.CharField(
        _("host name"), max_length=255, blank=True, default="", db_default=""
    )
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    platform = models.CharField(
        _("platform"), max_length=100, blank=True, default="", db_default=""
    )
    manufacturer = models.CharField(
        _("manufacturer"), max_length=100, blank=True, default="", db_default=""
    )
    description = models.TextField(
        _("description"),
        blank=True,
        default="",
        db_default="",
        max_length=2000,
        help_text=_("Can be edited only while the address is reserved."),
    )
    reservation = models.TextField(
        _("reservation"),
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "The note of the reservation that comes back when the server leaves; empty: none."
        ),
    )
    vm_id = models.CharField(_("VM"), max_length=255, null=True, blank=True, unique=True)
    freed_at = models.DateTimeField(_("freed"), null=True, blank=True, editable=False)
    # Every allocation writes a line: without indexes that nobody asks.
    history = History(
        table_name="ip_addresses_history",
        no_db_index=["id", "vrf", "subnet", "server", "vm_id"],
    )
    objects = IPAddressQuerySet.as_manager()

    class Meta:
        db_table = "ip_addresses"
        ordering = ["ip_address"]
        verbose_name = _("IP address")
        verbose_name_plural = _("IP addresses")
        constraints = [
            *_unique_in_vrf("ip_addresses", "ip_address"),
            models.CheckConstraint(
                condition=Q(status__in=["available", "allocated", "reserved", "quarantine"]),
                name="ip_addresses_status",
            ),
            models.CheckConstraint(
                condition=Q(ip_type__in=["static", "dhcp"]), name="ip_addresses_type"
            ),
            models.CheckConstraint(
                condition=~Q(status="available") | Q(server=None, vm_id=None),
                name="ip_addresses_free_is_nobodys",
            ),
            models.CheckConstraint(
                condition=Q(server=None) | Q(status="allocated"),
                name="ip_addresses_servers_are_allocated",
            ),
        ]
        indexes = [
            models.Index(fields=["subnet", "status"], name="ip_addresses_subnet_status"),
            models.Index(fields=["subnet", "ip_address"], name="ip_addresses_subnet_ip"),
            models.Index(fields=["ip_address", "id"], name="ip_addresses_ip"),
            models.Index(
                fields=["mac_address"],
                name="ip_addresses_mac",
                condition=Q(mac_address__isnull=False),
            ),
            models.Index(
                fields=["server"], name="ip_addresses_server", condition=Q(server__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.ip_address)

    def get_absolute_url(self) -> str:
        return reverse("admin:ipam_ipaddress_change", args=[self.pk])

    @property
    def is_dhcp_allocation(self) -> bool:
        """Whether DHCP serves it as it stands: allocated with a MAC address, not to a server."""
        return self.status == "allocated" and self.server_id is None and bool(self.mac_address)

    @property
    def holder(self) -> str:
        """Who has the address, for a sentence; empty when it is free."""
        if self.server:
            return gettext("server “%s”") % self.server.hostname
        if self.vm_id:
            return gettext("VM “%s”") % self.vm_id
        if self.status == "available":
            return ""
        kind, label = {
            "allocated": (gettext("an allocation"), self.hostname),
            "reserved": (gettext("a reservation"), self.description),
            "quarantine": (gettext("the quarantine"), self.description),
        }[self.status]
        if not label:
            return kind
        return f"{kind} “{addresses.shorten(label)}”"

    @property
    def last_answer(self) -> str:
        """When it has last answered, and how we know; empty if it never has. Needs a row of
        `with_last_answer()`."""
        at = getattr(self, "answered_at", None)
        if at is None:
            return ""
        source = Sighting.Source(self.answered_by).label  # type: ignore[attr-defined]
        text = gettext("Answered %(ago)s ago: %(source)s")
        return text % {"ago": timesince(at), "source": source}

    @property
    def taken_reservation(self) -> str:
        """That the server has taken the address from a reservation, in a sentence; else empty."""
        if self.reservation is None:
            return ""
        if not self.reservation:
            text = gettext("%s was reserved. The reservation comes back when the server leaves it.")
            return text % self.ip_address
        text = gettext(
            "%(address)s was reserved for “%(note)s”. The reservation comes back when the "
            "server leaves it."
        )
        return text % {"address": self.ip_address, "note": addresses.shorten(self.reservation)}

    def check_ledger(self) -> None:
        self.vm_id = self.vm_id or None
        rules.check_address(self)


class Sighting(models.Model):
    """Evidence that somebody uses an address. One row for each address, MAC address (where the
    source tells it) and source; each source has a clock of its own.

    Evidence never changes what is documented."""

    class Source(models.TextChoices):
        LEASE = "lease", _("DHCP lease")
        ARP = "arp", _("ARP")  # or neighbour discovery, of IPv6
        PING = "ping", _("Ping")
        DHCP = "dhcp", _("DHCP log")
        DNS = "dns", _("DNS")  # a reverse name: somebody has named it, nobody has answered
        REPORT = "report", _("Report")  # by a prober outside, through the API

    # Those that show that a machine has used the address at `seen_at`.
    ANSWERS = (Source.ARP, Source.PING, Source.DHCP, Source.REPORT)

    vrf = models.ForeignKey(VRF, models.CASCADE, null=True, blank=True, verbose_name=_("VRF"))
    ip_address = AddressField(_("IP address"))
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Source)
    first_seen_at = models.DateTimeField(_("first seen"), db_default=Now(), default=timezone.now)
    seen_at = models.DateTimeField(_("seen"), db_default=Now(), default=timezone.now)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    # Since when its lease file lacks it, although it has not ended (dhcp/leases/missing.py).
    missing_since = models.DateTimeField(null=True, blank=True, editable=False)
    # What the machine says of itself; nobody has checked it.
    hostname = models.CharField(
        _("host name"), max_length=255, blank=True, default="", db_default=""
    )
    duid = models.CharField(_("DUID"), max_length=767, blank=True, default="", db_default="")
    # Of a lease, which of several lease files it stands in; else the agent or the token that has
    # told it. Empty: the default DHCP server's file, the worker.
    origin = models.CharField(_("told by"), max_length=50, blank=True, default="", db_default="")

    class Meta:
        db_table = "sightings"
        ordering = ["-seen_at"]
        verbose_name = _("sighting")
        verbose_name_plural = _("sightings")
        constraints = [
            models.UniqueConstraint(
                fields=["vrf", "ip_address", "mac_address", "source"],
                condition=~Q(vrf=None),
                name="sightings_vrf",
            ),
            models.UniqueConstraint(
                fields=["ip_address", "mac_address", "source"],
                condition=Q(vrf=None),
                name="sightings_global",
            ),
            # To a unique key, no two NULLs are equal. Leases without one are told apart by DUID.
            models.UniqueConstraint(
                fields=["vrf", "ip_address", "source"],
                condition=Q(mac_address=None) & ~Q(vrf=None) & ~Q(source="lease"),
                name="sightings_vrf_no_mac",
            ),
            models.UniqueConstraint(
                fields=["ip_address", "source"],
                condition=Q(mac_address=None, vrf=None) & ~Q(source="lease"),
                name="sightings_global_no_mac",
            ),
            models.CheckConstraint(
                condition=Q(source__in=["lease", "arp", "ping", "dhcp", "dns", "report"]),
                name="sightings_source",
            ),
        ]
        indexes = [
            models.Index(fields=["mac_address"], name="sightings_mac"),
            # When an address has last answered. `seen_at` is in no index, so that PostgreSQL can
            # renew a row in its place (HOT).
            models.Index(fields=["ip_address"], name="sightings_ip"),
        ]

    def __str__(self) -> str:
        return f"{self.ip_address} {self.mac_address or ''} {self.source}"


class UsageDay(models.Model):
    """How full a subnet, or one of its pools, was on a day. The worker writes it."""

    day = models.DateField(_("day"))
    # No foreign keys: a deleted subnet that comes back has its past, and others grow old.
    subnet_id = models.BigIntegerField()
    pool_id = models.BigIntegerField(default=0, db_default=0)  # 0: the whole subnet
    # Of an IPv6 network, more than an integer holds.
    static_total = models.FloatField(default=0, db_default=0)
    static_used = models.BigIntegerField(default=0, db_default=0)
    dhcp_total = models.FloatField(default=0, db_default=0)
    dhcp_used = models.BigIntegerField(default=0, db_default=0)  # the most of the day

    class Meta:
        db_table = "usage_days"
        ordering = ["day"]
        verbose_name = _("usage of a day")
        verbose_name_plural = _("usage by day")
        constraints = [
            models.UniqueConstraint(fields=["subnet_id", "pool_id", "day"], name="usage_days_one")
        ]
        indexes = [models.Index(fields=["day"], name="usage_days_day")]

    def __str__(self) -> str:
        return f"{self.day}"


class RawChange(models.Model):
    """What raw SQL has touched and the ledger has not caught up with (`catch_up`): a network, a
    range of addresses, a server; or, when none of them is named, anything. Written by triggers
    only."""

    vrf_id = models.BigIntegerField(null=True)  # no foreign key: the VRF may be gone
    network = NetworkField(null=True)
    first = AddressField(null=True)
    last = AddressField(null=True)
    server_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        db_table = "raw_changes"
        ordering = ["pk"]
        verbose_name = _("change by raw SQL")
        verbose_name_plural = _("changes by raw SQL")

    def __str__(self) -> str:
        return str(self.network or self.first or self.server_id or "")


class Stamp(models.Model):
    """By which a ledger that came out of a backup is known (`freeze`). One row, made by migrate."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, db_default=1)
    ledger = models.CharField(max_length=32)  # a name of its own, and a new one after every restore
    # PostgreSQL: the OID of this table when the row was written. A dump is loaded into new tables.
    home = models.BigIntegerField(null=True)
    # PostgreSQL: the timeline on which the ledger is known to be complete.
    timeline = models.IntegerField(null=True)
    # PostgreSQL: when a standby was last known to confirm every commit.
    synchronous_at = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=255, default="", db_default="")
    objects = StampQuerySet.as_manager()

    class Meta:
        db_table = "ledger_stamp"
        verbose_name = _("stamp of the ledger")
        verbose_name_plural = _("stamp of the ledger")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="ledger_stamp_one")]

    def __str__(self) -> str:
        return self.ledger
