"""What a machine may be called: RFC 952 and 1123, plus the underscore that Windows networks use."""

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from core.errors import Reason
from ipam.addresses import shorten

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)


def validate_hostname(value: str) -> None:
    """A name of one or more labels, 253 characters at most. Raises ValidationError."""
    if len(value) > 253:
        text = _("A host name has at most 253 characters; this one has %s.")
        raise ValidationError(Reason(text % len(value)))
    for label in value.split("."):
        if len(label) > 63:
            text = _("“%s” is longer than the 63 characters that DNS allows.")
            raise ValidationError(Reason(text % shorten(label, 20)))
        if not _LABEL.fullmatch(label):
            text = _(
                "“%s” is not a host name: use letters, digits, hyphens and underscores, "
                "with a letter or digit at both ends."
            )
            raise ValidationError(Reason(text % shorten(value)))


def interface_name(hostname: str, name: str) -> str:
    """`web.example.org` and `eth0.12` make `web-eth0-12`: a label of its own beside the
    server's."""
    return f"{hostname.partition('.')[0]}-{name.replace('.', '-')}"


_DUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2,127}", re.ASCII | re.IGNORECASE)


def validate_duid(value: str) -> None:
    """A DHCP unique identifier (RFC 8415, 3 to 128 bytes) in colon notation. Raises
    ValidationError."""
    if not _DUID.fullmatch(value):
        text = _("“%s” is not a DUID: write it as in 00:01:00:01:2c:…")
        raise ValidationError(Reason(text % shorten(value)))


class HostnameField(models.CharField):
    """A host name, kept as typed; the database refuses every other character even from raw SQL."""

    default_validators = [*models.CharField.default_validators, validate_hostname]

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        if connection.vendor == "postgresql":
            return f"{column} COLLATE \"C\" !~ '[^A-Za-z0-9._-]'"
        return f"{column} NOT GLOB '*[^-A-Za-z0-9._]*'"
