"""API tokens, the stored responses of idempotent requests, and the heartbeats of workers."""

import ipaddress
import re
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from knox.crypto import hash_token
from knox.models import AbstractAuthToken, AuthTokenManager

from api.security.models import SecurityEvent  # noqa: F401  (a model of this app)
from core.history.records import DatabaseHistory

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SERVICE_PATTERN = re.compile(
    r"[a-z0-9-]{1,63}/(\*|[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,199}\*?)", re.ASCII
)
REPLAY_LIFETIME = timedelta(hours=24)  # of the response to a request with an Idempotency-Key
SCOPE_TEXTS = (
    ("read", _("read: look at everything")),
    ("allocate", _("allocate: get and release addresses")),
    ("addresses", _("addresses: change addresses, servers and interfaces")),
    ("subnets", _("subnets: change subnets, pools and VRFs")),
    ("boot", _("boot: change what machines boot")),
    ("registry", _("registry: register services")),
    ("sightings", _("sightings: report which addresses answer")),
    ("rotate", _("rotate: replace itself by a new token")),
    ("admin", _("admin: everything")),
)
SCOPES = tuple(scope for scope, _text in SCOPE_TEXTS)


class TokenManager(AuthTokenManager):
    """Tokens, found by their hash."""

    def keep(self, value: str, user: AbstractBaseUser, **fields: object) -> "Token":
        """Store a token whose value a person has chosen; it never expires.

        Only a quarter of it is readable as its key, because a chosen value may be short."""
        return models.Manager.create(
            self,
            digest=hash_token(value),
            token_key=value[: min(15, len(value) // 4)],
            user=user,
            **fields,
        )

    def holding(self, value: str) -> "Token | None":
        """The token with this value, or None."""
        return self.select_related("user").filter(digest=hash_token(value)).first()


class Token(AbstractAuthToken):
    """A token for the API: expiring, scoped, and usable from some networks only. The database holds
    its hash; its value is shown once, when it is made."""

    name = models.CharField(_("name"), max_length=100)
    scopes = models.JSONField(_("scopes"), default=list)
    networks = models.JSONField(
        _("networks"),
        default=list,
        blank=True,
        help_text=_("Where it may be used from; empty means anywhere."),
    )
    subnets = models.JSONField(
        _("subnets"),
        default=list,
        blank=True,
        help_text=_(
            "Networks of the global address space whose rows it may see and change; empty means "
            "all rows."
        ),
    )
    services = models.JSONField(
        _("services"),
        default=list,
        blank=True,
        help_text=_(
            "Services that it may speak for at the registry, as in production/billing or test/*; "
            "empty means all, except in production."
        ),
    )
    last_used = models.DateField(_("last used"), null=True, blank=True, editable=False)
    # Set by api.tokens.rotate.
    replaced_at = models.DateTimeField(_("replaced"), null=True, blank=True, editable=False)
    lineage = models.CharField(max_length=128, default="", blank=True, editable=False)

    # The digest would let a short value be guessed: lines name a token by its readable key.
    history = DatabaseHistory(
        table_name="ipmanager_token_history",
        masked={"digest": "token_key"},
        excluded_fields=["lineage", "last_used"],
    )
    objects: TokenManager = TokenManager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["name", "created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"

    def save(self, **kwargs: object) -> None:
        self.full_clean()
        super().save(**kwargs)

    def clean(self) -> None:
        errors = {}
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            errors["scopes"] = gettext("Scopes are one or more of: %s.") % ", ".join(SCOPES)
        for field in ("networks", "subnets"):
            try:
                list(map(ipaddress.ip_network, getattr(self, field)))
            except ValueError as error:
                errors[field] = str(error)
        wrong = [text for text in map(str, self.services) if not SERVICE_PATTERN.fullmatch(text)]
        if wrong:
            errors["services"] = (
                gettext("“%s” is not written like production/billing or test/*.") % wrong[0][:60]
            )
        if errors:
            raise ValidationError(errors)

    @property
    def expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()

    @property
    def owner(self) -> str:
        """What a token and those that have replaced it have in common: the digest of the first."""
        return self.lineage or str(self.pk)

    def allows(self, scope: str) -> bool:
        """Whether it has the scope, or `admin`, which stands for all."""
        return scope in self.scopes or "admin" in self.scopes

    def accepts(self, client: str) -> bool:
        """Whether it may be used from this address (text; empty when the caller has none)."""
        if not self.networks:
            return True
        if not client:
            return False
        address = ipaddress.ip_address(client)
        return any(address in ipaddress.ip_network(text) for text in self.networks)

    def speaks_for(self, environment: str, service_id: str) -> bool:
        """Whether it may register this service. A token without services may register every one."""
        name = f"{environment}/{service_id}"
        return not self.services or any(_covers(text, name) for text in self.services)

    def names(self, environment: str, name: str) -> bool:
        """Whether it is bound to services of this name: to a service of this id, or to those that
        begin with it, as in `test/billing-*`."""
        wanted = f"{environment}/{name}"
        return any(
            _covers(text, wanted) or text.removesuffix("*").rstrip("-._") == wanted
            for text in self.services
        )

    @property
    def confines(self) -> list[Network]:
        """The networks whose rows it may see and change; empty when it is not confined."""
        return [ipaddress.ip_network(text) for text in self.subnets]

    def note_use(self) -> None:
        """Record the day of use: one write a day, not one for each request."""
        today = timezone.localdate()
        if self.last_used != today:
            type(self).objects.filter(pk=self.pk).update(last_used=today)


def _covers(pattern: str, name: str) -> bool:
    """Whether the service is the one that the pattern names, or begins as in `test/*`."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern


class ReplayManager(models.Manager["Replay"]):
    """The stored responses of idempotent requests."""

    def claim(self, owner: str, key: str, request: str) -> "Replay":
        """The row of this key, locked until the transaction ends: a new one without a status, or
        the stored response. Waits while another transaction has it."""
        self.filter(created_at__lt=timezone.now() - REPLAY_LIFETIME).delete()
        self.bulk_create([Replay(owner=owner, key=key, request=request)], ignore_conflicts=True)
        return self.select_for_update().get(owner=owner, key=key)


class Replay(models.Model):
    """The response to a request with an Idempotency-Key; see `api.idempotency`."""

    owner = models.CharField(max_length=140)
    key = models.CharField(max_length=255)
    request = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    objects = ReplayManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="replay_owner_key")]

    def __str__(self) -> str:
        return self.key


class Pulse(models.Model):
    """The last heartbeat of the worker on a host; see `ops.worker_heartbeat`."""

    host = models.CharField(_("host"), max_length=255, unique=True)
    version = models.CharField(_("version"), max_length=50, default="")
    pid = models.PositiveIntegerField(_("process"), default=0)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now)  # by the database's clock
    # The boot of the host, and by how much its clock is ahead of the time since then.
    boot = models.CharField(max_length=36, default="")
    offset = models.FloatField(default=0)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("health")

    def __str__(self) -> str:
        return self.host


def lifetime(days: int | None) -> timedelta | None:
    """The time from now that the token manager calls expiry; None: it never expires."""
    if days is None:
        return None
    return timedelta(days=days)
