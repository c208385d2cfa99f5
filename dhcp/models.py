"""The tables of DHCP: servers, scopes and options, changes that dnsmasq does not have yet, attempts
to apply them, hand edits and leases."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from core.commands import manage_command
from core.history.records import DatabaseHistory
from dhcp.edits import differences
from dhcp.generations.document import Damaged, Document
from dhcp.generations.kept import KeptFilesQuerySet
from dhcp.leases.intervals.models import LeaseInterval as LeaseInterval
from dhcp.option_fields import OptionNumberField
from dhcp.querysets import (
    DhcpChangeQuerySet,
    DhcpNodeQuerySet,
    DhcpProblemQuerySet,
    DhcpScopeQuerySet,
    DhcpServerQuerySet,
    DhcpTransactionQuerySet,
    DnsmasqHeartbeatQuerySet,
    EvictionQuerySet,
    GenerationQuerySet,
    HandEditQuerySet,
    HostReportQuerySet,
    LeaseQuerySet,
    SyncLeaseQuerySet,
)
from dhcp.rules import check_option, check_scope, check_server
from ipam.fields import AddressField, AddressListField, MACField
from ipam.hostnames import validate_hostname
from ipam.models import Sighting, Subnet
from ipam.querysets import say_site

AGENT_MISSED = timedelta(seconds=50)  # an agent that has not reported for so long is missing


class DhcpServer(models.Model):
    """A further dnsmasq with files of its own, for the subnets of a site or for single subnets.

    The default server has no row: the settings configure it, and it is NULL wherever a row names
    its server."""

    class RunBy(models.TextChoices):
        LOCAL = "local", _("the worker of this installation")
        AGENT = "agent", _("an agent on its own host")

    name = models.CharField(
        _("name"),
        max_length=50,
        unique=True,
        help_text=_(
            "Lower-case letters, digits and hyphens. It is also the name of its directory."
        ),
    )
    site = models.CharField(
        _("site"),
        max_length=100,
        default="",
        db_default="",
        blank=True,
        help_text=_("It serves every subnet of this site whose scope names no other server."),
    )
    description = models.CharField(
        _("description"), max_length=255, default="", db_default="", blank=True
    )
    enabled = models.BooleanField(
        _("enabled"),
        default=True,
        db_default=True,
        help_text=_("A disabled server keeps its subnets and its files. No change is applied."),
    )
    run_by = models.CharField(
        _("run by"), max_length=5, choices=RunBy, default=RunBy.LOCAL, db_default=RunBy.LOCAL
    )
    reload = models.CharField(
        _("reload"),
        max_length=255,
        default="",
        db_default="",
        blank=True,
        help_text=_(
            "none, sudo, generation or pidfile:/PATH. Empty: the value of IPMANAGER_DNSMASQ_RELOAD."
        ),
    )
    dns = models.CharField(
        _("DNS"),
        max_length=255,
        default="",
        db_default="",
        blank=True,
        help_text=_("HOST:PORT of its DNS, which confirms a reload. Empty: it is not asked."),
    )
    leases = models.CharField(
        _("lease file"),
        max_length=255,
        default="",
        db_default="",
        blank=True,
        help_text=_("The path of its lease file. Empty: its leases are not read."),
    )
    log = models.CharField(
        _("log"),
        max_length=255,
        default="",
        db_default="",
        blank=True,
        help_text=_(
            "The path of its log, journal, or journal:/DIRECTORY. Empty: its log is not read."
        ),
    )
    # Written by its agent in every round; not a change for dnsmasq.
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    agent_host = models.CharField(
        _("host"), max_length=255, default="", db_default="", blank=True, editable=False
    )
    agent_version = models.CharField(
        _("version"), max_length=50, default="", db_default="", blank=True, editable=False
    )
    # When its lease file was last read while the ledger was frozen (ipam/freeze.py).
    compared_at = models.DateTimeField(null=True, blank=True, editable=False)
    history = DatabaseHistory(
        table_name="dhcp_servers_history",
        excluded_fields=["last_seen_at", "agent_host", "agent_version", "compared_at"],
    )
    objects = DhcpServerQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_servers"
        ordering = ["name"]
        verbose_name = _("DHCP server")
        verbose_name_plural = _("DHCP servers")
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=~Q(site=""),
                name="dhcp_servers_site",
                violation_error_message=_("Another DHCP server serves this site."),
            ),
            models.CheckConstraint(
                condition=Q(run_by__in=["local", "agent"]), name="dhcp_servers_run_by"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        with transaction.atomic():
            say_site()
            self.full_clean()
            super().save(**kwargs)
            if not self.enabled:
                # Everything is applied when it is enabled again.
                DhcpChange.objects.for_server(self.pk).delete()

    def clean(self) -> None:
        check_server(self)

    @property
    def is_missed(self) -> bool:
        """Whether an agent runs it and has not reported lately."""
        if self.run_by != self.RunBy.AGENT or not self.enabled:
            return False
        return self.last_seen_at is None or self.last_seen_at < timezone.now() - AGENT_MISSED


def _server_field() -> models.ForeignKey:
    """The DHCP server that a row belongs to; NULL is the default one."""
    return models.ForeignKey(
        DhcpServer, models.CASCADE, null=True, blank=True, verbose_name=_("DHCP server")
    )


class DhcpChange(models.Model):
    """A change of the ledger that dnsmasq needs: written in the transaction of the change, deleted
    once applied.

    Each DHCP server has rows of its own. A row is written for the default server (NULL); a trigger
    copies it for every other enabled one (dhcp/sql/). Every column has a database default."""

    class Kind(models.TextChoices):
        SERVER = "server", _("server")
        INTERFACE = "interface", _("interface")
        ADDRESS = "ipaddress", _("allocation")
        SUBNET = "subnet", _("subnet")
        POOL = "pool", _("pool")
        SCOPE = "dhcpscope", _("DHCP scope")
        OPTION = "dhcpoption", _("DHCP option")
        HAND_EDIT = "handedit", _("hand edit")
        DHCP_SERVER = "dhcpserver", _("DHCP server")
        ZONE = "zone", _("zone")
        RECORD = "record", _("record")
        NAMES_OFF = "namesoff", _("subnet without names")
        SERVICE = "service", _("service")
        LEDGER = "ledger", _("ledger")

    class Action(models.TextChoices):
        ADD = "add", _("added")
        CHANGE = "change", _("changed")
        DELETE = "delete", _("deleted")
        RETIRE = "retire", _("taken back as planned")

    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, default=Kind.LEDGER, db_default=Kind.LEDGER
    )
    object_id = models.BigIntegerField(
        _("number"), null=True, blank=True, help_text=_("Empty: many rows at once.")
    )
    label = models.CharField(_("name"), max_length=255, default="", db_default="", blank=True)
    action = models.CharField(
        _("action"), max_length=6, choices=Action, default=Action.CHANGE, db_default=Action.CHANGE
    )
    detail = models.CharField(_("what"), max_length=500, default="", db_default="", blank=True)
    who = models.CharField(_("who"), max_length=150, default="", db_default="", blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now, db_default=Now())
    server = _server_field()
    objects = DhcpChangeQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_changes"
        ordering = ["pk"]
        verbose_name = _("pending change")
        verbose_name_plural = _("pending changes")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.label} {self.get_action_display()}"


class Generation(models.Model):
    """One attempt to apply the ledger to a dnsmasq, and its result. Its key is its number."""

    class Result(models.TextChoices):
        APPLIED = "applied", _("applied")
        UNCHANGED = "unchanged", _("unchanged")
        FAILED = "failed", _("failed")

    result = models.CharField(_("result"), max_length=9, choices=Result)
    reason = models.TextField(_("reason"), default="", db_default="", blank=True)
    # Confirmed by dnsmasq's own answer; NULL when nobody was asked.
    confirmed = models.BooleanField(_("confirmed"), null=True)
    digest = models.CharField(_("digest"), max_length=64, default="", db_default="", blank=True)
    hosts = models.PositiveIntegerField(_("reservations"), default=0, db_default=0)
    problems = models.JSONField(_("problems"), default=list, blank=True)
    changes = models.JSONField(_("changes"), default=list, blank=True)
    diff = models.TextField(_("difference"), default="", db_default="", blank=True)
    # The ledger rows behind each line of the difference; NULL in generations of version 0.1.
    sources = models.JSONField(_("sources"), null=True, blank=True)
    # The results of its probes; NULL before them (dhcp/state/probe.py).
    probes = models.JSONField(_("probes"), null=True, blank=True)
    # What dnsmasq answered for changed names; NULL where it was not asked (dhcp/daemon/ask.py).
    names = models.JSONField(_("names"), null=True, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), default=0, db_default=0)
    attempts = models.PositiveIntegerField(_("attempts"), default=1, db_default=1)
    created_at = models.DateTimeField(_("created"), default=timezone.now, db_default=Now())
    updated_at = models.DateTimeField(_("last tried"), auto_now=True, db_default=Now())
    server = _server_field()
    objects = GenerationQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_generations"
        ordering = ["-pk"]
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        indexes = [models.Index(fields=["server", "-id"], name="dhcp_generations_newest")]

    def __str__(self) -> str:
        return f"{self.pk}: {self.get_result_display()}"


class SyncLease(models.Model):
    """Which node writes the files of a DHCP server and records its generations, by the database's
    clock (dhcp/nodes/lease.py). SQLite, which has one node, has no rows."""

    server = _server_field()
    host = models.CharField(_("host"), max_length=255, default="", db_default="")
    place = models.CharField(max_length=32, default="", db_default="")  # Target.place
    epoch = models.BigIntegerField(_("epoch"), default=1, db_default=1)
    held = models.BigIntegerField(null=True)  # the generation at which all nodes stay
    taken_at = models.DateTimeField(_("taken"), default=timezone.now, db_default=Now())
    expires_at = models.DateTimeField(_("expires"), default=timezone.now, db_default=Now())
    objects = SyncLeaseQuerySet.as_manager()
    has_expired: bool  # these two of with_state()
    now: datetime

    class Meta:
        db_table = "dhcp_sync_leases"
        verbose_name = _("sync lease")
        verbose_name_plural = _("sync leases")
        constraints = [
            models.UniqueConstraint(Coalesce("server", 0), name="dhcp_sync_leases_server")
        ]

    def __str__(self) -> str:
        return f"{self.host} ({self.epoch})"

    def is_of(self, node: dict[str, str]) -> bool:
        return {"host": self.host, "place": self.place} == node


class DhcpNode(models.Model):
    """A directory with a DHCP server's files on a host with a worker, and what became of its last
    sync. SQLite has no rows."""

    server = _server_field()
    host = models.CharField(_("host"), max_length=255)
    place = models.CharField(max_length=32)
    # Whose leases its lease file tells of (Sighting.origin); the first node's are the server's.
    origin = models.CharField(max_length=50, default="", db_default="", blank=True)
    result = models.CharField(_("result"), max_length=9, choices=Generation.Result)
    reason = models.CharField(_("reason"), max_length=500, default="", db_default="", blank=True)
    hosts = models.PositiveIntegerField(_("reservations"), default=0, db_default=0)
    generation = models.BigIntegerField(_("generation"), null=True)
    version = models.CharField(_("version"), max_length=50, default="", db_default="", blank=True)
    synced_at = models.DateTimeField(_("last tried"), default=timezone.now, db_default=Now())
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now, db_default=Now())
    objects = DhcpNodeQuerySet.as_manager()
    now: datetime  # of with_state()

    class Meta:
        db_table = "dhcp_nodes"
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        constraints = [
            models.UniqueConstraint(Coalesce("server", 0), "host", "place", name="dhcp_nodes_once")
        ]

    def __str__(self) -> str:
        return self.host


class DnsmasqHeartbeat(models.Model):
    """How a node saw its dnsmasq when it last asked it (dhcp/daemon/heartbeat.py)."""

    class State(models.TextChoices):
        UP = "up", _("up")
        HUNG = "hung", _("hung")
        DEAD = "dead", _("dead")
        OTHER_GENERATION = "other_generation", _("other generation")
        UNKNOWN = "unknown", _("unknown")

    server = models.ForeignKey(
        DhcpServer,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="heartbeats",
        verbose_name=_("DHCP server"),
    )
    host = models.CharField(_("host"), max_length=255, default="", db_default="")
    place = models.CharField(max_length=32, default="", db_default="", blank=True)
    state = models.CharField(
        _("state"), max_length=16, choices=State, default=State.UNKNOWN, db_default=State.UNKNOWN
    )
    detail = models.CharField(_("detail"), max_length=500, default="", db_default="", blank=True)
    since = models.DateTimeField(_("since"), default=timezone.now, db_default=Now())
    checked_at = models.DateTimeField(_("checked"), default=timezone.now, db_default=Now())
    objects = DnsmasqHeartbeatQuerySet.as_manager()
    now: datetime  # of with_now()

    class Meta:
        db_table = "dhcp_heartbeats"
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        constraints = [
            models.UniqueConstraint(
                Coalesce("server", 0), "host", "place", name="dhcp_heartbeats_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.host}: {self.get_state_display()}"


class HostReport(models.Model):
    """What the worker or agent on the host of a dnsmasq has last found there
    (dhcp/host/inspection.py)."""

    server = _server_field()
    host = models.CharField(_("host"), max_length=255)
    place = models.CharField(max_length=32, default="", db_default="", blank=True)  # DhcpNode.place
    findings = models.JSONField(_("findings"), default=list)
    process = models.JSONField(_("process"), default=dict)  # pid, started, confs
    looked_at = models.DateTimeField(_("last looked"), default=timezone.now, db_default=Now())
    objects = HostReportQuerySet.as_manager()
    age: timedelta  # of with_age()

    class Meta:
        db_table = "dhcp_host_reports"
        verbose_name = _("host report")
        verbose_name_plural = _("host reports")
        constraints = [
            models.UniqueConstraint(
                Coalesce("server", 0), "host", "place", name="dhcp_host_reports_once"
            )
        ]

    def __str__(self) -> str:
        return self.host


class KeptFiles(models.Model):
    """What an applied generation said, line for line, so that one can go back to it. Apart from the
    generation's row, which is read often.

    Most rows hold the difference to the one before; `full` is the complete copy at the beginning of
    their chain. Rows of version 0.1 hold two compressed files instead."""

    generation = models.OneToOneField(Generation, models.CASCADE, related_name="files")
    packed = models.BinaryField(null=True)
    digest = models.CharField(max_length=64, default="", db_default="", blank=True)
    full = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="deltas", editable=False
    )
    packed_hosts = models.BinaryField()
    packed_opts = models.BinaryField()
    objects = KeptFilesQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_kept_files"
        verbose_name = _("kept files")
        verbose_name_plural = _("kept files")

    def __str__(self) -> str:
        return str(self.generation_id)

    @cached_property
    def chain(self) -> list[KeptFiles]:
        """The rows that make it up: the full copy, then each difference, its own the last."""
        if self.full_id is None:
            return [self]
        rows = KeptFiles.objects.filter(Q(pk=self.full_id) | Q(full=self.full_id), pk__lte=self.pk)
        return list(rows.order_by("pk"))

    @cached_property
    def document(self) -> Document:
        """The kept lines with their sources. Raises Damaged."""
        try:
            document = self._unpacked()
        except (ValueError, zlib.error) as error:
            raise self._damaged(str(error)) from error
        if self.packed is not None and document.digest != self.digest:
            raise self._damaged("its digest is another one")
        return document

    def _unpacked(self) -> Document:
        """The document without a check of its digest; rows of version 0.1 have none."""
        if self.packed is None:
            hosts, opts = zlib.decompress(self.packed_hosts), zlib.decompress(self.packed_opts)
            return Document.of(hosts, opts)
        full, *deltas = self.chain
        document = Document.unpack(bytes(full.packed or b""))
        for row in deltas:
            document = document.apply_delta(bytes(row.packed or b""))
        return document

    def _damaged(self, reason: str) -> Damaged:
        return Damaged(
            f"generation {self.generation_id} is damaged in the database: {reason}",
            hint=f"go back to another one: {manage_command('sync_dnsmasq --list')}",
        )

    @property
    def hosts(self) -> bytes:
        """The hosts file. Raises Damaged."""
        return self.document.files[0]

    @property
    def opts(self) -> bytes:
        """The options file. Raises Damaged."""
        return self.document.files[1]

    @property
    def names(self) -> bytes:
        """The file of names. Raises Damaged."""
        return self.document.names


class HandEdit(models.Model):
    """A change that was made in one of dnsmasq's files with an editor. It is served, if possible,
    until somebody adopts or discards it."""

    class File(models.TextChoices):
        HOSTS = differences.HOSTS, _("reservations")
        OPTS = differences.OPTS, _("options")
        NAMES = differences.NAMES, _("names")

    class Action(models.TextChoices):
        ADD = differences.ADD, _("added")
        CHANGE = differences.CHANGE, _("changed")
        REMOVE = differences.REMOVE, _("removed")
        KEPT = differences.KEPT, _("kept word for word")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ADOPTED = "adopted", _("adopted")
        DISCARDED = "discarded", _("discarded")

    file = models.CharField(
        _("file"), max_length=5, choices=File, default=File.HOSTS, db_default=File.HOSTS
    )
    action = models.CharField(
        _("action"), max_length=6, choices=Action, default=Action.KEPT, db_default=Action.KEPT
    )
    was = models.CharField(_("line before"), max_length=1000, default="", db_default="", blank=True)
    line = models.CharField(_("line"), max_length=1000, default="", db_default="", blank=True)
    raw = models.TextField(_("as typed"), default="", db_default="", blank=True)
    # While it is open: whether dnsmasq serves it, and if not (or not all of it) why.
    served = models.BooleanField(_("served"), default=False, db_default=False)
    reason = models.TextField(_("reason"), default="", db_default="", blank=True)
    found_at = models.DateTimeField(_("found"), default=timezone.now, db_default=Now())
    state = models.CharField(
        _("state"), max_length=9, choices=State, default=State.OPEN, db_default=State.OPEN
    )
    # Empty when the file or the ledger was changed to the same line.
    decided_by = models.CharField(
        _("decided by"), max_length=150, default="", db_default="", blank=True
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    server = _server_field()
    history = DatabaseHistory(table_name="dhcp_hand_edits_history")
    objects = HandEditQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_hand_edits"
        ordering = ["pk"]
        verbose_name = _("hand edit")
        verbose_name_plural = _("hand edits")
        indexes = [
            models.Index(fields=["state"], condition=Q(state="open"), name="dhcp_hand_edits_open")
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.line or self.was or self.raw[:80]}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class Eviction(models.Model):
    """A lease that was ended before its time. Its former holder may use the address until it
    renews."""

    ip_address = AddressField(_("IP address"))
    mac_address = MACField(_("MAC address"))
    until = models.DateTimeField(_("may be used until"), help_text=_("At the latest."))
    at = models.DateTimeField(_("when"), default=timezone.now, db_default=Now())
    who = models.CharField(_("who"), max_length=150, default="", db_default="", blank=True)
    history = DatabaseHistory(table_name="dhcp_evictions_history")
    objects = EvictionQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_evictions"
        ordering = ["-at"]
        verbose_name = _("eviction")
        verbose_name_plural = _("evictions")
        indexes = [models.Index(fields=["ip_address", "until"], name="dhcp_evictions_ip")]

    def __str__(self) -> str:
        return f"{self.ip_address} {self.mac_address}"


class DhcpLog(models.Model):
    """How far a log of dnsmasq has been read, and what was counted in it.

    Each reading is one transaction with what it has stored, so every line counts once."""

    # The directory of the server's files, of which each host has its own, and the log.
    reader = models.CharField(max_length=400, unique=True)
    log = models.CharField(_("log"), max_length=300, default="", db_default="", blank=True)
    server = _server_field()
    position = models.JSONField(null=True)  # as the log itself writes it (core/following)
    counts = models.JSONField(null=True)  # {kind: number of lines}
    lines = models.BigIntegerField(_("lines"), default=0, db_default=0)
    # When lines may have been lost, how often, and why the last time.
    losses = models.PositiveIntegerField(default=0, db_default=0)
    lost_at = models.DateTimeField(null=True, blank=True)
    lost = models.CharField(max_length=300, default="", db_default="", blank=True)
    read_at = models.DateTimeField(_("read"), default=timezone.now, db_default=Now())
    problem = models.CharField(max_length=300, default="", db_default="", blank=True)

    class Meta:
        db_table = "dhcp_logs"
        ordering = ["pk"]
        verbose_name = _("DHCP log")
        verbose_name_plural = _("DHCP logs")

    def __str__(self) -> str:
        return self.log


class DhcpTransaction(models.Model):
    """One message between a machine and dnsmasq, as dnsmasq has logged it. The newest rows are
    kept."""

    class Kind(models.TextChoices):
        DISCOVER = "discover", _("asked for an address")
        OFFER = "offer", _("was offered an address")
        REQUEST = "request", _("asked for this address")
        ACK = "ack", _("got the address")
        NAK = "nak", _("was refused")
        DECLINE = "decline", _("found the address in use")
        RELEASE = "release", _("gave the address back")
        INFORM = "inform", _("asked for options")
        IGNORED = "ignored", _("was ignored")
        FULL = "full", _("no address was free")
        NO_RANGE = "no_range", _("no range serves it")
        NOT_USED = "not_used", _("did not get its reserved address")
        DISABLED = "disabled", _("the address is blocked for a while")
        DUPLICATE = "duplicate", _("the address is reserved twice")
        LOST = "lost", _("lost its lease")

    at = models.DateTimeField(_("when"), default=timezone.now, db_default=Now())
    kind = models.CharField(_("what"), max_length=9, choices=Kind)
    server = _server_field()
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    duid = models.CharField(_("DUID"), max_length=255, default="", db_default="", blank=True)
    interface = models.CharField(
        _("interface"), max_length=16, default="", db_default="", blank=True
    )
    detail = models.CharField(_("detail"), max_length=255, default="", db_default="", blank=True)
    objects = DhcpTransactionQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_transactions"
        ordering = ["-id"]  # in which they were read
        verbose_name = _("DHCP transaction")
        verbose_name_plural = _("DHCP transactions")
        indexes = [
            models.Index(fields=["mac_address", "-at"], name="dhcp_transactions_mac"),
            models.Index(fields=["ip_address", "-at"], name="dhcp_transactions_ip"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.mac_address or ''} {self.get_kind_display()}"


class DhcpProblem(models.Model):
    """Something in dnsmasq's log that somebody has to act on. It goes when a newer line shows that
    it is over, or when no line has told of it for a while (`expires_at`)."""

    class Kind(models.TextChoices):
        DECLINE = "decline", _("address in use by another machine")
        NOT_USED = "not_used", _("reserved address not given")
        FULL = "full", _("no free address")
        NO_RANGE = "no_range", _("no range")
        FOREIGN = "foreign", _("another DHCP server")
        DUPLICATE = "duplicate", _("reserved twice")

    key = models.CharField(max_length=200, unique=True)  # server, kind and subject
    kind = models.CharField(_("problem"), max_length=9, choices=Kind)
    server = _server_field()
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    interface = models.CharField(
        _("interface"), max_length=16, default="", db_default="", blank=True
    )
    detail = models.CharField(_("detail"), max_length=255, default="", db_default="", blank=True)
    times = models.PositiveIntegerField(_("times"), default=1, db_default=1)
    first_at = models.DateTimeField(_("first"), default=timezone.now, db_default=Now())
    last_at = models.DateTimeField(_("last"), default=timezone.now, db_default=Now())
    expires_at = models.DateTimeField(default=timezone.now, db_default=Now())
    objects = DhcpProblemQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_problems"
        ordering = ["-last_at", "pk"]
        verbose_name = _("DHCP problem")
        verbose_name_plural = _("DHCP problems")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.ip_address or self.mac_address or self.interface}"


class AgentToken(models.Model):
    """What an agent of one DHCP server shows at the centre (dhcp/remote/). No other route knows
    it. The database holds its hash."""

    server = models.ForeignKey(
        DhcpServer, models.CASCADE, related_name="agent_tokens", verbose_name=_("DHCP server")
    )
    digest = models.CharField(max_length=128, unique=True)
    key = models.CharField(_("begins with"), max_length=16, default="", db_default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now, db_default=Now())
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    history = DatabaseHistory(
        table_name="dhcp_agent_tokens_history", excluded_fields=["digest", "used_at"]
    )

    class Meta:
        db_table = "dhcp_agent_tokens"
        ordering = ["pk"]
        verbose_name = _("agent token")
        verbose_name_plural = _("agent tokens")

    def __str__(self) -> str:
        return f"{self.server} ({self.key}…)"

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class AgentReport(models.Model):
    """What the agent of a DHCP server has last said of its host (dhcp/remote/reports.py)."""

    server = models.OneToOneField(
        DhcpServer, models.CASCADE, related_name="report", verbose_name=_("DHCP server")
    )
    at = models.DateTimeField(_("reported"), default=timezone.now, db_default=Now())
    # By how many seconds its clock is ahead of ours; NULL where it works on our database.
    clock_ahead = models.FloatField(_("clock ahead (s)"), null=True, blank=True)
    # Whether root has installed the configuration that the ledger proposes; NULL: not known.
    conf_installed = models.BooleanField(_("configuration installed"), null=True)
    conf_detail = models.CharField(
        _("configuration"), max_length=500, default="", db_default="", blank=True
    )

    class Meta:
        db_table = "dhcp_agent_reports"
        verbose_name = _("agent's report")
        verbose_name_plural = _("agents' reports")

    def __str__(self) -> str:
        return str(self.server)


class DhcpScope(models.Model):
    """How a subnet is served: lease time and DHCP options. A blank field inherits the subnet's
    value."""

    class Advertises(models.TextChoices):
        OFF = "", _("no: the network's router sends it")
        MANAGED = "managed", _("yes: machines ask DHCP for their address")
        SLAAC = "slaac", _("yes: machines ask DHCP, and may form addresses of their own")

    subnet = models.OneToOneField(
        Subnet, models.CASCADE, related_name="dhcp_scope", verbose_name=_("subnet")
    )
    server = models.ForeignKey(
        DhcpServer,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="scopes",
        verbose_name=_("DHCP server"),
        help_text=_("Empty: the server of the subnet's site, or else the default one."),
    )
    enabled = models.BooleanField(_("enabled"), default=True, db_default=True)
    lease_time = models.PositiveIntegerField(
        _("lease time (s)"),
        default=43_200,
        db_default=43_200,
        validators=[MinValueValidator(120), MaxValueValidator(31_536_000)],
        help_text=_("At least 120: dnsmasq grants no shorter lease."),
    )
    known_only = models.BooleanField(
        _("known machines only"),
        default=False,
        db_default=False,
        help_text=_("Machines without a reservation get no answer."),
    )
    router = AddressField(
        _("router"), null=True, blank=True, help_text=_("Empty: the subnet's gateway.")
    )
    dns_servers = AddressListField(
        _("DNS servers"),
        blank=True,
        default=list,
        db_default="",
        help_text=_("Empty: the subnet's."),
    )
    ntp_servers = AddressListField(_("NTP servers"), blank=True, default=list, db_default="")
    domain = models.CharField(
        _("domain"),
        max_length=253,
        blank=True,
        default="",
        db_default="",
        validators=[validate_hostname],
        help_text=_("Empty: the subnet's."),
    )
    boot_server = AddressField(_("boot server"), null=True, blank=True)
    boot_file = models.CharField(
        _("boot file"),
        max_length=127,
        blank=True,
        default="",
        db_default="",
        help_text=_("A path for TFTP, or a URL; for an IPv6 subnet always a URL."),
    )
    advertises = models.CharField(
        _("router advertisement"),
        max_length=7,
        choices=Advertises,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "IPv6 only. Machines ask DHCP when a router advertises it. Where dnsmasq advertises "
            "DHCP only for one subnet, it does so for every IPv6 subnet in which it has an address."
        ),
    )
    by_end = models.BooleanField(
        _("reserve by the end of the address"),
        default=False,
        db_default=False,
        help_text=_("For an IPv6 /64 whose prefix changes: dnsmasq gets ::52, without the prefix."),
    )
    wire = models.ForeignKey(
        Subnet,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="sharing_scopes",
        verbose_name=_("shares the wire of"),
        help_text=_(
            "Needed where dnsmasq, or its relay, has an address in that subnet, and none in this."
        ),
    )
    wire_address = AddressField(
        _("address on that wire"),
        null=True,
        blank=True,
        help_text=_("The address of dnsmasq or of the relay. Empty: the gateway of that subnet."),
    )
    interface = models.CharField(
        _("interface"),
        max_length=15,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "The interface of dnsmasq's host on this wire, as in eth1: the subnet is given out "
            "there only. Needed for a shared wire where dnsmasq has others, too. *: every "
            "interface, as where a relay asks."
        ),
    )
    history = DatabaseHistory(table_name="dhcp_scopes_history")
    objects = DhcpScopeQuerySet.as_manager()

    class Meta:
        db_table = "dhcp_scopes"
        ordering = ["subnet"]
        verbose_name = _("DHCP scope")
        verbose_name_plural = _("DHCP scopes")
        constraints = [
            models.CheckConstraint(condition=Q(lease_time__gte=120), name="dhcp_scopes_lease_time")
        ]

    _unreadable: Collection[str] = ()

    def __str__(self) -> str:
        return str(self.subnet)

    def save(self, **kwargs: Any) -> None:
        with transaction.atomic():
            say_site()
            self.full_clean()
            super().save(**kwargs)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self._unreadable = ()
        try:
            super().clean_fields(exclude)
        except ValidationError as error:
            self._unreadable = set(error.error_dict)
            raise

    def clean(self) -> None:
        """Check the scope once its fields can be read at all."""
        if self.subnet_id and not self._unreadable:
            check_scope(self)


class DhcpOption(models.Model):
    """A further DHCP option of a scope: its number, and a value of one kind."""

    class Type(models.TextChoices):
        BY_NUMBER = "", _("as its number says")
        ADDRESSES = "addresses", _("addresses")
        PAIRS = "pairs", _("pairs of addresses")
        ROUTES = "routes", _("networks with their routers")
        DOMAINS = "domains", _("domain names")
        FLAG = "flag", _("yes or no")
        U8 = "u8", _("number, 8 bits")
        U16 = "u16", _("number, 16 bits")
        U32 = "u32", _("number, 32 bits")
        I32 = "i32", _("number with a sign, 32 bits")
        TEXT = "text", _("text")
        BYTES = "bytes", _("bytes")

    scope = models.ForeignKey(
        DhcpScope, models.CASCADE, related_name="options", verbose_name=_("DHCP scope")
    )
    number = OptionNumberField(
        _("number or name"),
        validators=[MinValueValidator(1), MaxValueValidator(254)],
        help_text=_("As in 119 or domain-search."),
    )
    type = models.CharField(
        _("kind"), max_length=9, choices=Type, blank=True, default="", db_default=""
    )
    value = models.CharField(_("value"), max_length=765)
    history = DatabaseHistory(table_name="dhcp_options_history")

    class Meta:
        db_table = "dhcp_options"
        ordering = ["number"]
        verbose_name = _("DHCP option")
        verbose_name_plural = _("DHCP options")
        constraints = [
            models.UniqueConstraint(fields=["scope", "number"], name="dhcp_options_scope_number")
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.value}"

    def save(self, **kwargs: Any) -> None:
        with transaction.atomic():
            say_site()
            self.full_clean()
            super().save(**kwargs)

    def clean(self) -> None:
        check_option(self)


class Lease(Sighting):
    """A lease of a lease file, compared with the ledger."""

    class Verdict(models.TextChoices):
        RIGHT = "right", _("as reserved")
        UNKNOWN = "unknown", _("unknown device")
        KNOWN = "known", _("known, nothing reserved")
        ELSEWHERE = "elsewhere", _("not at its own address")
        CONFLICT = "conflict", _("another machine's address")

    objects = LeaseQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        proxy = True
        ordering = ["ip_address"]
        verbose_name = _("lease")
        verbose_name_plural = _("leases")
