"""API tokens: hashed, expiring, scoped, and usable only from where they belong. Answers to be
repeated; workers."""

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

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SERVICE_PATTERN = re.compile(
    r"[a-z0-9-]{1,63}/(\*|[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,199}\*?)", re.ASCII
)
REMEMBERED = timedelta(hours=24)  # how long a request with an Idempotency-Key may be repeated
SCOPE_TEXTS = (
    ("read", _("read: look at everything")),
    ("allocate", _("allocate: get and release addresses")),
    ("addresses", _("addresses: change addresses, servers and interfaces")),
    ("subnets", _("subnets: change subnets, pools and VRFs")),
    ("boot", _("boot: change what machines boot")),
    ("registry", _("registry: register services")),
    ("admin", _("admin: everything")),
)
SCOPES = tuple(scope for scope, _text in SCOPE_TEXTS)


class TokenManager(AuthTokenManager):
    def keep(self, value: str, user: AbstractBaseUser, **fields: object) -> "Token":
        """Store a token whose value was chosen by a person; it never expires.

        Only a quarter of it is kept readable as its key, because a chosen value may be short.
        """
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
    """One caller's key to the API. The database holds its hash: the value is shown once, when it is
    made."""

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
            "Networks of the global address space whose rows it may see and change; empty means all rows."
        ),
    )
    services = models.JSONField(
        _("services"),
        default=list,
        blank=True,
        help_text=_(
            "Services that it may speak for at the registry, as in production/billing or test/*; empty means all, "
            "except in production."
        ),
    )
    last_used = models.DateField(_("last used"), null=True, blank=True, editable=False)

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
        unknown = [scope for scope in self.scopes if scope not in SCOPES]
        if unknown or not self.scopes:
            errors["scopes"] = gettext("Scopes are one or more of: %s.") % ", ".join(SCOPES)
        for field in ("networks", "subnets"):
            try:
                for text in getattr(self, field):
                    ipaddress.ip_network(text)
            except ValueError as error:
                errors[field] = str(error)
        if wrong := [text for text in self.services if not SERVICE_PATTERN.fullmatch(str(text))]:
            errors["services"] = (
                gettext("“%s” is not written like production/billing or test/*.")
                % str(wrong[0])[:60]
            )
        if errors:
            raise ValidationError(errors)

    @property
    def expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()

    def allows(self, scope: str) -> bool:
        """May its holder do what this scope names? `admin` may do everything."""
        return scope in self.scopes or "admin" in self.scopes

    def accepts(self, client: str) -> bool:
        """May it be used from this address (text; empty when the caller has none)?"""
        if not self.networks:
            return True
        return bool(client) and any(
            ipaddress.ip_address(client) in ipaddress.ip_network(text) for text in self.networks
        )

    def speaks_for(self, environment: str, service_id: str) -> bool:
        """May it act for this service at the registry? One that is bound to none may for every
        one."""
        name = f"{environment}/{service_id}"
        return not self.services or any(
            name.startswith(text[:-1]) if text.endswith("*") else name == text
            for text in self.services
        )

    @property
    def confines(self) -> list[Network]:
        """The networks whose rows are all that it may see and change; empty: it is not confined."""
        return [ipaddress.ip_network(text) for text in self.subnets]

    def note_use(self) -> None:
        """Remember the day of use: one write a day, not one for each request."""
        today = timezone.localdate()
        if self.last_used != today:
            type(self).objects.filter(pk=self.pk).update(last_used=today)


class ReplayManager(models.Manager["Replay"]):
    def claim(self, owner: str, key: str, request: str) -> "Replay":
        """The row of this key, ours until the transaction ends: a new one without a status, or what
        was kept. Waits for whoever has it now."""
        self.filter(created_at__lt=timezone.now() - REMEMBERED).delete()
        self.bulk_create([Replay(owner=owner, key=key, request=request)], ignore_conflicts=True)
        return self.select_for_update().get(owner=owner, key=key)


class Replay(models.Model):
    """The answer to a request that carried an Idempotency-Key; see `api.idempotency`."""

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
    """The sign of life of a worker on some host; see `ops.worker_heartbeat`."""

    host = models.CharField(_("host"), max_length=255, unique=True)
    version = models.CharField(_("version"), max_length=50, default="")
    pid = models.PositiveIntegerField(_("process"), default=0)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now)  # by the database's clock
    # Which start of the host it was, and what its clock then said beyond the time since.
    boot = models.CharField(max_length=36, default="")
    offset = models.FloatField(default=0)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("health")

    def __str__(self) -> str:
        return self.host


def lifetime(days: int | None) -> timedelta | None:
    """What the token manager calls expiry: a time from now, None for ever."""
    return None if days is None else timedelta(days=days)
