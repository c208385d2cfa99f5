"""The models of the registry: services, their environments, restarts, and unusual activity.

Rows are written by machines and go stale, so no other app reads them.
"""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from api.models import Token
from core.history.records import DatabaseHistory
from ipam.addresses import Address
from ipam.fields import AddressField
from ipam.models import Subnet
from registry import rules
from registry.environments import defaults
from registry.querysets import (
    WILDCARDS,
    CallQuerySet,
    OriginQuerySet,
    PortLockQuerySet,
    RegistryConfigQuerySet,
    RestartRequestQuerySet,
    ServiceQuerySet,
    UnusualQuerySet,
)
from registry.records import ServiceRecord, socket

PORT = [MinValueValidator(1), MaxValueValidator(65535)]
SECONDS = [MinValueValidator(1), MaxValueValidator(86_400)]

# Names appear in URLs, generated files and logs, and must never need quoting.
service_id_shape = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,199}\Z",
    _("Use letters, digits and . _ : @ + ~ - (200 characters at most, a letter or digit first)."),
)
type_shape = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z",
    _("Use letters, digits and . _ - (63 characters at most, a letter or digit first)."),
)
label_shape = RegexValidator(
    r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z",
    _(
        "Use small letters, digits and hyphens (63 characters at most, a letter or digit at both "
        "ends)."
    ),
)
text_shape = RegexValidator(
    "\\A[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*\\Z",
    _("Use no line breaks or control characters."),
)


class Protocol(models.TextChoices):
    TCP = "tcp", "TCP"
    UDP = "udp", "UDP"


class RegistryConfig(models.Model):
    """An environment: the addresses and ports of its services, and its timeouts."""

    class Mode(models.TextChoices):
        DEVELOPMENT = "development", _("development")
        TEST = "test", _("test")
        PRODUCTION = "production", _("production")

    class Strategy(models.TextChoices):
        NEXT = "next", _("the next free one")
        STRICT = "strict", _("refuse")
        RANDOM = "random", _("any free one")

    environment = models.CharField(
        _("environment"), max_length=63, unique=True, validators=[label_shape]
    )
    mode = models.CharField(
        _("mode"),
        max_length=11,
        choices=Mode,
        default=Mode.DEVELOPMENT,
        db_default=Mode.DEVELOPMENT,
    )
    service_ip_base = AddressField(
        _("address"),
        default=defaults.ADDRESS,
        help_text=_("Of services that name no host of their own."),
    )
    subnet = models.ForeignKey(
        Subnet,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("subnet"),
        related_name="+",
        help_text=_(
            "Services that name no host get each an address of this subnet. "
            "Empty: all share the one above."
        ),
    )
    port_first = models.PositiveIntegerField(
        _("first port"),
        default=defaults.PORT_RANGE[0],
        db_default=defaults.PORT_RANGE[0],
        validators=PORT,
    )
    port_last = models.PositiveIntegerField(
        _("last port"),
        default=defaults.PORT_RANGE[1],
        db_default=defaults.PORT_RANGE[1],
        validators=PORT,
    )
    reserved_ports = models.JSONField(
        _("reserved ports"),
        default=defaults.reserved_ports,
        blank=True,
        help_text=_("Never given unless a service is pinned to one. As in [80, 443]."),
    )
    heartbeat_timeout = models.PositiveIntegerField(
        _("heartbeat time-out (s)"),
        default=defaults.HEARTBEAT_TIMEOUT,
        db_default=defaults.HEARTBEAT_TIMEOUT,
        validators=SECONDS,
        help_text=_("A service that is silent for longer is inactive."),
    )
    grace_period = models.PositiveIntegerField(
        _("grace (s)"),
        default=defaults.GRACE_PERIOD,
        db_default=defaults.GRACE_PERIOD,
        validators=[MaxValueValidator(604_800)],
        help_text=_("An inactive service keeps its port for so long."),
    )
    conflict_resolution_strategy = models.CharField(
        _("when the preferred port is taken"),
        max_length=6,
        choices=Strategy,
        default=Strategy.NEXT,
        db_default=Strategy.NEXT,
    )
    fallback = models.BooleanField(
        _("fall back"),
        default=True,
        db_default=True,
        help_text=_("When a type's range is full, use the environment's own range."),
    )
    burst = models.PositiveIntegerField(
        _("registrations a minute"),
        default=60,
        db_default=60,
        validators=[MinValueValidator(1)],
        help_text=_("More from one address are noted as unusual."),
    )
    history = DatabaseHistory(table_name="registry_configs_history")
    objects = RegistryConfigQuerySet.as_manager()

    class Meta:
        db_table = "registry_configs"
        ordering = ["environment"]
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    port_first__gte=1, port_last__gte=F("port_first"), port_last__lte=65535
                ),
                name="registry_configs_ports",
                violation_error_message=_("A port range runs upwards, from 1 to 65535."),
            ),
            models.CheckConstraint(
                condition=Q(mode__in=["development", "test", "production"]),
                name="registry_configs_mode",
            ),
            models.CheckConstraint(
                condition=Q(conflict_resolution_strategy__in=["next", "strict", "random"]),
                name="registry_configs_strategy",
            ),
        ]

    def __str__(self) -> str:
        return self.environment

    def get_absolute_url(self) -> str:
        return reverse("admin:registry_registryconfig_change", args=[self.pk])

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.full_clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        rules.check_config(self)

    @property
    def default_port_range(self) -> tuple[int, int]:
        return self.port_first, self.port_last

    @property
    def service_type_ranges(self) -> dict[str, tuple[int, int]]:
        return {row.service_type: (row.first, row.last) for row in self.ranges.all()}

    @property
    def is_strict(self) -> bool:
        return self.conflict_resolution_strategy == self.Strategy.STRICT


class PortRange(models.Model):
    """The port range of a service type in an environment."""

    config = models.ForeignKey(
        RegistryConfig, models.CASCADE, related_name="ranges", verbose_name=_("environment")
    )
    service_type = models.CharField(_("service type"), max_length=63, validators=[type_shape])
    first = models.PositiveIntegerField(_("first port"), validators=PORT)
    last = models.PositiveIntegerField(_("last port"), validators=PORT)
    history = DatabaseHistory(table_name="port_ranges_history")

    class Meta:
        db_table = "port_ranges"
        ordering = ["service_type"]
        verbose_name = _("port range")
        verbose_name_plural = _("port ranges")
        constraints = [
            models.UniqueConstraint(fields=["config", "service_type"], name="port_ranges_type"),
            models.CheckConstraint(
                condition=Q(first__gte=1, last__gte=F("first"), last__lte=65535),
                name="port_ranges_upwards",
                violation_error_message=_("A port range runs upwards, from 1 to 65535."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service_type} {self.first}-{self.last}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.full_clean()
        super().save(*args, **kwargs)


class PortLock(models.Model):
    """A row to lock while a port is being assigned, at whatever address."""

    protocol = models.CharField(max_length=3, choices=Protocol)
    port = models.PositiveIntegerField()
    objects = PortLockQuerySet.as_manager()

    class Meta:
        db_table = "port_locks"
        constraints = [models.UniqueConstraint(fields=["protocol", "port"], name="port_locks_port")]

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


class RestartAction(models.Model):
    """A restart action: the key that services name, and the command of their hosts under this
    key."""

    key = models.CharField(_("key"), max_length=63, unique=True, validators=[label_shape])
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    argv = models.JSONField(
        _("command"),
        default=list,
        blank=True,
        help_text=_(
            'As in ["systemctl", "restart", "billing"]. A host runs it only if its own list says '
            "exactly the same; empty: whatever its own list says."
        ),
    )
    limit = models.PositiveIntegerField(
        _("restarts"),
        default=3,
        db_default=3,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )
    period = models.PositiveIntegerField(
        _("within (s)"),
        default=600,
        db_default=600,
        validators=[MinValueValidator(1), MaxValueValidator(604_800)],
    )
    enabled = models.BooleanField(_("enabled"), default=True, db_default=True)
    history = DatabaseHistory(table_name="restart_actions_history")

    class Meta:
        db_table = "restart_actions"
        ordering = ["key"]
        verbose_name = _("restart action")
        verbose_name_plural = _("restart actions")

    def __str__(self) -> str:
        return self.key

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.full_clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        rules.check_action(self)


class Service(models.Model):
    """A service with its address and port. A service that was silent for too long has neither."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        INACTIVE = "inactive", _("inactive")
        RESTARTING = "restarting", _("restarting")

    environment = models.ForeignKey(
        RegistryConfig,
        models.PROTECT,
        to_field="environment",
        db_column="environment",
        related_name="services",
        verbose_name=_("environment"),
    )
    service_id = models.CharField(_("service id"), max_length=200, validators=[service_id_shape])
    name = models.CharField(_("name"), max_length=200, validators=[text_shape])
    type = models.CharField(
        _("type"), max_length=63, default="generic", db_default="generic", validators=[type_shape]
    )
    protocol = models.CharField(
        _("protocol"), max_length=3, choices=Protocol, default=Protocol.TCP, db_default=Protocol.TCP
    )
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    port = models.PositiveIntegerField(_("port"), null=True, blank=True, validators=PORT)
    container_port = models.PositiveIntegerField(
        _("port in its container"),
        null=True,
        blank=True,
        validators=PORT,
        help_text=_("Where it listens itself, when its host maps the port above to another one."),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE
    )
    pinned = models.BooleanField(
        _("pinned"),
        default=False,
        db_default=False,
        help_text=_("Has this address and port, and no other, for ever."),
    )
    preferred_port = models.PositiveIntegerField(
        _("preferred port"), null=True, blank=True, validators=PORT
    )
    range_first = models.PositiveIntegerField(
        _("from port"), null=True, blank=True, validators=PORT
    )
    range_last = models.PositiveIntegerField(_("to port"), null=True, blank=True, validators=PORT)
    restart_script = models.ForeignKey(
        RestartAction,
        models.PROTECT,
        to_field="key",
        db_column="restart_script",
        null=True,
        blank=True,
        related_name="services",
        verbose_name=_("restart action"),
    )
    additional_info = models.JSONField(_("further facts"), default=dict, blank=True)
    last_heartbeat = models.DateTimeField(_("last heartbeat"), db_default=Now(), editable=False)
    inactive_since = models.DateTimeField(
        _("inactive since"), null=True, blank=True, editable=False
    )
    registered_from = AddressField(_("registered from"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("registered"), db_default=Now(), editable=False)
    history = DatabaseHistory(table_name="services_history", excluded_fields=["last_heartbeat"])
    objects = ServiceQuerySet.as_manager()

    class Meta:
        db_table = "services"
        ordering = ["environment", "service_id"]
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "service_id"], name="services_service_id"
            ),
            models.UniqueConstraint(
                fields=["ip_address", "protocol", "port"], name="services_port"
            ),
            models.CheckConstraint(
                condition=Q(ip_address__isnull=True, port__isnull=True)
                | Q(ip_address__isnull=False, port__gte=1, port__lte=65535),
                name="services_address_with_port",
                violation_error_message=_("An address and a port come together."),
            ),
            models.CheckConstraint(
                condition=Q(range_first__isnull=True, range_last__isnull=True)
                | Q(range_first__gte=1, range_last__gte=F("range_first"), range_last__lte=65535),
                name="services_range_upwards",
                violation_error_message=_("A port range runs upwards, from 1 to 65535."),
            ),
            models.CheckConstraint(
                condition=Q(protocol__in=["tcp", "udp"]), name="services_protocol"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "inactive", "restarting"]), name="services_status"
            ),
        ]
        # No index on last_heartbeat or status: a heartbeat changes no index (PostgreSQL's HOT).
        indexes = [models.Index(fields=["protocol", "port"], name="services_protocol_port")]

    def __str__(self) -> str:
        return f"{self.environment_id}/{self.service_id}"

    def get_absolute_url(self) -> str:
        return reverse("admin:registry_service_change", args=[self.pk])

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Validate, then write. Raises ValidationError, which names the holder of the port."""
        with transaction.atomic():
            self.lock()
            self.full_clean()
            try:
                with transaction.atomic():
                    super().save(*args, **kwargs)
            except IntegrityError:
                self.full_clean()  # another was faster: now validation can name it
                raise

    def lock(self) -> None:
        """Lock the port until the row is written."""
        if rules.is_port(self.port) and self.protocol in Protocol.values:
            assert self.port is not None
            PortLock.objects.hold(self.protocol, self.port)

    def validate_constraints(self, exclude: Any = None) -> None:
        """Skip the constraints: `clean` checks the same with fewer queries, and names the
        holder."""

    def clean(self) -> None:
        rules.check_service(self)

    @property
    def port_range(self) -> tuple[int, int] | None:
        """The service's own port range."""
        if self.range_first is None or self.range_last is None:
            return None
        return self.range_first, self.range_last

    @property
    def endpoint(self) -> str | None:
        """The URL of the service; None without a port."""
        if self.ip_address is None or self.port is None:
            return None
        return f"http://{socket(self.reached or self.ip_address, self.port)}"

    @property
    def reached(self) -> Address | None:
        """The address at which a service on a wildcard address is reached; None for the others."""
        if self.ip_address not in WILDCARDS:
            return None
        return self.registered_from or self.environment.service_ip_base

    @property
    def dependencies(self) -> list[str]:
        """The ids of the services that this one needs, sorted."""
        return sorted(row.needs for row in self.dependency_rows.all())

    def record(self) -> ServiceRecord:
        """The record of a service that has a port."""
        assert self.ip_address is not None
        assert self.port is not None
        return ServiceRecord(
            service_id=self.service_id,
            name=self.name,
            type=self.type,
            ip=self.ip_address,
            port=self.port,
            protocol=self.protocol,
            status=self.status,
            environment=self.environment_id,
            dependencies=tuple(self.dependencies),
            last_heartbeat=self.last_heartbeat,
            container_port=self.container_port,
            reached=self.reached,
        )


class ServiceDependency(models.Model):
    """A service needs another one of its environment, by id. The other one need not exist."""

    service = models.ForeignKey(
        Service, models.CASCADE, related_name="dependency_rows", verbose_name=_("service")
    )
    needs = models.CharField(_("needs"), max_length=200, validators=[service_id_shape])
    history = DatabaseHistory(table_name="service_dependencies_history")

    class Meta:
        db_table = "service_dependencies"
        ordering = ["needs"]
        verbose_name = _("dependency")
        verbose_name_plural = _("dependencies")
        constraints = [
            models.UniqueConstraint(fields=["service", "needs"], name="service_dependencies_needs")
        ]

    def __str__(self) -> str:
        return self.needs

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.full_clean()
        super().save(*args, **kwargs)


class RestartRequest(models.Model):
    """A request to restart a service. The agent on its host takes it and reports the result."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("waits for approval")
        WANTED = "wanted", _("wanted")
        TAKEN = "taken", _("taken by an agent")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("refused by the host")
        EXPIRED = "expired", _("expired")

    OPEN = (Status.PROPOSED, Status.WANTED, Status.TAKEN)

    service = models.ForeignKey(
        Service, models.CASCADE, related_name="restart_requests", verbose_name=_("service")
    )
    action = models.ForeignKey(
        RestartAction,
        models.CASCADE,
        to_field="key",
        db_column="action",
        related_name="requests",
        verbose_name=_("restart action"),
    )
    status = models.CharField(
        _("status"), max_length=8, choices=Status, default=Status.WANTED, db_default=Status.WANTED
    )
    requested_by = models.CharField(_("requested by"), max_length=150)
    person = models.CharField(  # the owner of the requesting token must not approve the request
        _("whose session or token it was"),
        max_length=150,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    approved_by = models.CharField(
        _("approved by"), max_length=150, blank=True, default="", db_default=""
    )
    requested_at = models.DateTimeField(_("requested"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("until"))
    agent = models.CharField(_("agent"), max_length=150, blank=True, default="", db_default="")
    taken_at = models.DateTimeField(_("taken"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    exit_status = models.IntegerField(_("exit status"), null=True, blank=True)
    output = models.TextField(_("output"), max_length=4000, blank=True, default="", db_default="")
    history = DatabaseHistory(table_name="restart_requests_history", excluded_fields=["output"])
    objects = RestartRequestQuerySet.as_manager()

    class Meta:
        db_table = "restart_requests"
        ordering = ["-pk"]
        verbose_name = _("restart request")
        verbose_name_plural = _("restart requests")
        constraints = [
            models.UniqueConstraint(
                fields=["service"],
                condition=Q(status__in=["proposed", "wanted", "taken"]),
                name="restart_requests_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service}: {self.action_id}"


class Simulation(models.Model):
    """Simulated latency and errors of a service in a test environment."""

    config = models.ForeignKey(
        RegistryConfig, models.CASCADE, related_name="simulations", verbose_name=_("environment")
    )
    service_id = models.CharField(
        _("service id"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("Empty: every service."),
    )
    latency_ms = models.PositiveIntegerField(
        _("latency (ms)"), default=0, db_default=0, validators=[MaxValueValidator(10_000)]
    )
    error_percent = models.PositiveIntegerField(
        _("errors (%)"), default=0, db_default=0, validators=[MaxValueValidator(100)]
    )
    history = DatabaseHistory(table_name="registry_simulations_history")

    class Meta:
        db_table = "registry_simulations"
        ordering = ["service_id"]
        verbose_name = _("simulation")
        verbose_name_plural = _("simulations")
        constraints = [
            models.UniqueConstraint(
                fields=["config", "service_id"], name="registry_simulations_service"
            )
        ]

    def __str__(self) -> str:
        return f"{self.service_id or '*'}: {self.latency_ms} ms, {self.error_percent} %"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.full_clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        rules.check_simulation(self)


class Call(models.Model):
    """A logged API call in a test environment. The newest calls are kept."""

    environment = models.CharField(_("environment"), max_length=63)
    at = models.DateTimeField(_("when"), db_default=Now())
    method = models.CharField(_("method"), max_length=7)
    path = models.CharField(_("path"), max_length=300)
    service_id = models.CharField(
        _("service id"), max_length=200, blank=True, default="", db_default=""
    )
    status = models.PositiveSmallIntegerField(_("status"))
    duration_ms = models.PositiveIntegerField(_("duration (ms)"))
    caller = AddressField(_("caller"), null=True, blank=True)
    objects = CallQuerySet.as_manager()

    class Meta:
        db_table = "registry_calls"
        ordering = ["-pk"]
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        indexes = [models.Index(fields=["environment", "id"], name="registry_calls_newest")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class Unusual(models.Model):
    """Unusual activity that an administrator should see: one row for each cause, with a count."""

    class Kind(models.TextChoices):
        ELSEWHERE = "elsewhere", _("heartbeat from another address")
        BURST = "burst", _("many registrations")
        NETWORK = "network", _("token used from a new network")
        REFUSED = "refused", _("token used for another service")
        MASS = "mass", _("many services silent at once")

    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    environment = models.CharField(
        _("environment"), max_length=63, blank=True, default="", db_default=""
    )
    subject = models.CharField(_("what"), max_length=255)
    caller = models.CharField(_("from"), max_length=64, blank=True, default="", db_default="")
    detail = models.CharField(_("detail"), max_length=500, blank=True, default="", db_default="")
    times = models.PositiveIntegerField(_("times"), default=1, db_default=1)
    first_seen = models.DateTimeField(_("first"), db_default=Now())
    last_seen = models.DateTimeField(_("last"), db_default=Now())
    objects = UnusualQuerySet.as_manager()

    class Meta:
        db_table = "registry_unusual"
        ordering = ["-last_seen", "-pk"]
        verbose_name = _("unusual activity")
        verbose_name_plural = _("unusual activity")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "environment", "subject", "caller"], name="registry_unusual_cause"
            )
        ]
        indexes = [models.Index(fields=["-last_seen"], name="registry_unusual_last")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"


class Origin(models.Model):
    """A network from which a token has been used at the registry."""

    token = models.ForeignKey(Token, models.CASCADE, related_name="+")
    network = models.CharField(max_length=49)
    first_seen = models.DateTimeField(db_default=Now())
    objects = OriginQuerySet.as_manager()

    class Meta:
        db_table = "registry_origins"
        constraints = [
            models.UniqueConstraint(fields=["token", "network"], name="registry_origins_network")
        ]

    def __str__(self) -> str:
        return self.network
