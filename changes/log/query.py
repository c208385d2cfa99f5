"""What is asked of the log: the filters of page, API and export, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from api.security.models import SecurityEvent
from changes.log.rights import Reader
from changes.log.tables import logged_models
from core.history.records import SOURCES
from ipam import addresses
from ipam.addresses import Address, Network, shorten
from ipam.models import Subnet

ROW_KINDS = {"created": "+", "changed": "~", "deleted": "-"}
# What happened to a row, or what a security event is: by the word, what its lines have.
KINDS = ROW_KINDS | {kind: kind for kind in SecurityEvent.Kind.values}
LONGEST = {"q": 200, "who": 310, "user": 150, "change": 64, "about": 255}
LARGEST_KEY = 10**18


@dataclass(frozen=True)
class Place:
    """A part of the network; `vrf` is the key of its address space, None for the global one."""

    network: Network
    vrf: int | None = None
    every_vrf: bool = True
    subnet: int | None = None  # its key, if it is a subnet's

    @property
    def address(self) -> Address | None:
        """The address, if it is only one."""
        if self.network.num_addresses == 1:
            return self.network.network_address
        return None


@dataclass(frozen=True)
class LogQuery:
    """The filters that are set; a line must meet all of them."""

    who: str = ""
    user: int | None = None
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None
    table: type[models.Model] | None = None
    object: int | None = None
    place: Place | None = None
    mac: str = ""
    hostname: str = ""
    kind: str = ""
    change: str = ""
    text: str = ""
    without: tuple[str, ...] = ()  # changes that are left out

    def without_change(self, change: str) -> LogQuery:
        return replace(self, without=(*self.without, change))

    @property
    def is_plain(self) -> bool:
        """Whether only tables and times are chosen."""
        chosen = {field.name for field in fields(self) if getattr(self, field.name)}
        return chosen <= {"since", "until", "table"}


NAMES = (
    "who",
    "user",
    "source",
    "since",
    "until",
    "about",
    "table",
    "object",
    "subnet",
    "kind",
    "change",
    "q",
)


def parse(asked: Mapping[str, str], reader: Reader) -> LogQuery:
    """The filters of a request. Raises ValidationError, which names each wrong one and why."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name in NAMES:
        text = asked.get(name, "").strip()
        if not text:
            continue
        try:
            values |= _checked(name, text, reader)
        except ValueError as error:
            wrong[name] = str(error)
    wrong |= _contradictions(values)
    if wrong:
        raise ValidationError(wrong)
    return LogQuery(**values)


def _checked(name: str, text: str, reader: Reader) -> dict[str, Any]:
    if "\0" in text:
        raise ValueError(_("This contains characters that the database cannot store."))
    longest = LONGEST.get(name, 100)
    if len(text) > longest:
        raise ValueError(_("Send at most %d characters.") % longest)
    if name == "subnet":
        return {"place": _subnet(text, reader)}
    return PARSERS[name](text)


def _contradictions(values: Mapping[str, Any]) -> dict[str, str]:
    since, until = values.get("since"), values.get("until")
    if since and until and until <= since:
        return {"until": _("This is not after the beginning.")}
    if values.get("object") is not None and not values.get("table"):
        return {"object": _("Name the table, too.")}
    return {}


def _choice(name: str, known: Mapping[str, Any]) -> Callable[[str], dict[str, Any]]:
    def check(text: str) -> dict[str, Any]:
        if text not in known:
            raise ValueError(_("Choose one of: %s.") % ", ".join(known))
        return {name: text}

    return check


def _kind(text: str) -> dict[str, Any]:
    if text not in KINDS:
        raise ValueError(_("Choose one of: %s.") % ", ".join(KINDS))
    return {"kind": KINDS[text]}


def _moment(name: str) -> Callable[[str], dict[str, Any]]:
    def check(text: str) -> dict[str, Any]:
        return {name: moment(text)}

    return check


def moment(text: str) -> datetime:
    """A date, or a date and time; without a zone in the site's. Raises ValueError."""
    found: datetime | None = None
    try:
        day = parse_date(text)
        found = datetime.combine(day, time.min) if day else parse_datetime(text)
        if found is not None and timezone.is_naive(found):
            found = timezone.make_aware(found)
        if found is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(_("“%s” is not a time such as 2026-11-30T09:00:00Z.") % shorten(text))


def _table(text: str) -> dict[str, Any]:
    known = {model._meta.label_lower: model for model in logged_models()}
    if text not in known:
        raise ValueError(_("Choose one of: %s.") % ", ".join(known))
    return {"table": known[text]}


def _key(text: str) -> dict[str, Any]:
    if not (text.isascii() and text.isdigit() and int(text) < LARGEST_KEY):
        raise ValueError(_("“%s” is not the key of a row.") % shorten(text))
    return {"object": int(text)}


def _about(text: str) -> dict[str, Any]:
    """An address, a network, a MAC address or a host name."""
    return about(text) or {"hostname": text}


def _text(text: str) -> dict[str, Any]:
    """What is an address, a network or a MAC address is asked for as such."""
    return about(text) or {"text": text}


def about(text: str) -> dict[str, Any]:
    """The part of the network or the MAC address that a text names; nothing for another text."""
    for parse_one, named in (
        (addresses.parse_address, lambda found: {"place": Place(addresses.host_network(found))}),
        (addresses.parse_network, lambda found: {"place": Place(found)}),
        (addresses.parse_mac, lambda found: {"mac": found}),
    ):
        try:
            return named(parse_one(text))
        except ValueError:
            continue
    return {}


def _subnet(text: str, reader: Reader) -> Place:
    """The network of a subnet's key, also of a subnet that was deleted."""
    key = _key(text)["object"]
    row: Any = reader.rows(Subnet).filter(pk=key).first()
    if row is None:
        row = reader.lines(Subnet).filter(id=key).order_by("-history_id").first()
    if row is None:
        raise ValueError(_("There is no such subnet."))
    return Place(row.network, row.vrf_id, every_vrf=False, subnet=key)


def _user(text: str) -> dict[str, Any]:
    users: Any = get_user_model().objects.filter(username=text)
    key = users.values_list("pk", flat=True).first()
    if key is None:
        raise ValueError(_("There is no user “%s”.") % shorten(text))
    return {"user": key}


PARSERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "who": lambda text: {"who": text},
    "user": _user,
    "source": _choice("source", SOURCES),
    "since": _moment("since"),
    "until": _moment("until"),
    "about": _about,
    "table": _table,
    "object": _key,
    "kind": _kind,
    "change": lambda text: {"change": text},
    "q": _text,
}
