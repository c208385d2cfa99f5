"""The filters of a query as conditions of one table's lines."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import CharField, Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast, Upper
from django.db.models.lookups import Exact, IContains

from api.security.models import SecurityEvent
from changes.lines import history_of
from changes.log.query import LogQuery, Place
from changes.log.rights import shown_columns
from changes.log.tables import all_lines
from ipam import search
from ipam.fields import AddressListField
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.querysets import inside, network_inside

NONE = Q(history_id__in=())
EVENT_TEXTS = ("kind", "subject", "address")
OWN_TEXTS = ("history_actor", "history_change_reason")
# By what a line is found besides its own columns: the column of the row that it belongs to.
OWNERS = {"server_id": Server, "subnet_id": Subnet}
MOST_OWNERS = 200  # whose keys are listed


def columns_of(model: type[models.Model]) -> set[str]:
    """The columns of a model's lines, without those that every line has."""
    names = {field.attname for field in all_lines(model).model._meta.fields}
    return {name for name in names if not name.startswith("history_")}


class Owners:
    """The subnets and servers that are or were in the place. SQLite would look them up for each
    table, even for an empty one: there they are looked up once."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._known: dict[type[models.Model], list[int]] = {}

    def own(self, column: str, owner: type[models.Model]) -> Q:
        """The condition of lines that belong to one of them. Where these are many, each line is
        looked at: most tables have few lines."""
        assert self._place
        lines = history_of(owner).filter(_in_place(self._place, owner, self))
        if connection.vendor == "postgresql":
            return Q(**{f"{column}__in": lines.values("id")})
        if owner not in self._known:
            keys = lines.order_by().values_list("id", flat=True).distinct()
            self._known[owner] = list(keys[: MOST_OWNERS + 1])
        if len(self._known[owner]) > MOST_OWNERS:
            return Q(Exists(lines.filter(id=OuterRef(column))))
        return Q(**{f"{column}__in": self._known[owner]})


def bounded(query: LogQuery, model: type[models.Model], owners: Owners) -> Q | None:
    """The conditions that an index answers and that may leave few lines; None if none is set."""
    parts = []
    if query.change:
        parts.append(Q(history_change=query.change))
    if query.user is not None:
        parts.append(Q(history_user_id=query.user))
    if query.object is not None:
        parts.append(Q(**{model._meta.pk.attname: query.object}))
    if query.place:
        parts.append(_in_place(query.place, model, owners))
    if query.mac:
        parts.append(_of_mac(query.mac, model))
    if query.hostname:
        parts.append(_of_hostname(query.hostname, model))
    if not parts:
        return None
    return Q(*parts)


def _others(query: LogQuery) -> Q:
    found = Q()
    if query.source:
        found &= Q(history_source=query.source)
    if query.kind:
        found &= Q(history_type=query.kind)
    if query.who:
        found &= _by(query.who)
    if query.without:
        found &= Q(history_change=None) | ~Q(history_change__in=query.without)
    return found


def residue(query: LogQuery, model: type[models.Model]) -> Q:
    """The conditions for which the lines of a model are read one by one."""
    found = _others(query)
    if query.text:
        found &= matching(query.text, model)
    return found


def times(query: LogQuery) -> Q:
    found = Q()
    if query.since:
        found &= Q(history_date__gte=query.since)
    if query.until:
        found &= Q(history_date__lt=query.until)
    return found


def _by(who: str) -> Q:
    """A user by name, or a part of what acted: a token, a command, a role of the database."""
    name, _separator, actor = who.rstrip(")").partition(" (")
    if actor:
        both = Q(history_user_id__in=_users(name), history_actor__iexact=actor)
        return both | Q(history_actor__iexact=who)
    found = Q(history_actor__icontains=who)
    found |= Q(history_source="sql", history_change_reason__icontains=who)
    return found | Q(history_user_id__in=_users(who))


def _users(name: str) -> list[int]:
    users = get_user_model().objects.filter(username__iexact=name)
    return list(users.values_list("pk", flat=True))


# --- places ---------------------------------------------------------------------------------------


def _in_place(place: Place, model: type[models.Model], owners: Owners) -> Q:
    """Lines of the network, of its pools, addresses, servers and interfaces, and of what belongs
    to them."""
    columns = columns_of(model)
    if model is Subnet:
        return _of_subnets(place)
    if model is SecurityEvent:
        return _from_place(place)
    if model is Pool:
        ends = {"first__lte": place.network[-1], "last__gte": place.network[0]}
        return Q(Q(**ends), _address_space(place, "subnet_id", Subnet))
    if "ip_address" in columns:
        within = inside("ip_address", [place.network])
        if "vrf_id" in columns:
            return Q(within, _vrf(place))
        if "server_id" in columns:
            return Q(within, _address_space(place, "server_id", Server))
        return within
    return _owned(columns, owners)


def _from_place(place: Place) -> Q:
    """The events that came from this address."""
    if place.address is None:
        return NONE
    return Q(address=str(place.address))


def _of_subnets(place: Place) -> Q:
    found = Q(network_inside(place.network), _vrf(place))
    if place.subnet is not None:
        found |= Q(id=place.subnet)
    return found


def _vrf(place: Place) -> Q:
    if place.every_vrf:
        return Q()
    return Q(vrf_id=place.vrf)


def _address_space(place: Place, column: str, owner: type[models.Model]) -> Q:
    """The owner is or was in the place's address space."""
    if place.every_vrf:
        return Q()
    return Q(Exists(history_of(owner).filter(id=OuterRef(column), vrf_id=place.vrf)))


def _owned(columns: set[str], owners: Owners) -> Q:
    """Lines of what belongs to a subnet or a server in the place, as it is or was."""
    for column, owner in OWNERS.items():
        if column in columns:
            return owners.own(column, owner)
    return NONE


# --- machines -------------------------------------------------------------------------------------


def _of_mac(mac: str, model: type[models.Model]) -> Q:
    columns = columns_of(model)
    found = NONE
    if "mac_address" in columns:
        found = Q(mac_address=mac)
    if model is Server:
        found |= Q(id__in=history_of(Interface).filter(mac_address=mac).values("server_id"))
    elif "server_id" in columns and model is not IPAddress:
        found |= Q(server_id__in=history_of(Server).filter(mac_address=mac).values("id"))
    return found


def _of_hostname(name: str, model: type[models.Model]) -> Q:
    """Lines of the servers that have or had the name, and of what belongs to them; of addresses,
    also those whose row has the name."""
    columns, servers = columns_of(model), _servers_named(name)
    if model is Server:
        return Q(id__in=servers)
    if model is IPAddress:
        own = IPAddress.objects.filter(hostname__iexact=name).values_list("pk", flat=True)
        return Q(ip_address__in=_addresses_of(servers), server_id__in=servers) | Q(id__in=list(own))
    if "server_id" in columns:
        return Q(server_id__in=servers)
    if "hostname" in columns:
        return Q(hostname__iexact=name)
    return NONE


def _servers_named(name: str) -> list[int]:
    named = Exact(Upper("hostname"), name.upper())
    return list(history_of(Server).filter(named).values_list("id", flat=True).distinct())


def _addresses_of(servers: list[int]) -> list[Any]:
    """The addresses that the servers and their interfaces have or had."""
    found: set[Any] = set()
    for model, key in ((Server, "id"), (Interface, "server_id")):
        lines = history_of(model).filter(**{f"{key}__in": servers}, ip_address__isnull=False)
        found |= set(lines.values_list("ip_address", flat=True))
    return sorted(found, key=str)


# --- text -----------------------------------------------------------------------------------------


def text_columns(model: type[models.Model]) -> list[str]:
    """The columns of a row that are searched by part."""
    if model is SecurityEvent:
        return list(EVENT_TEXTS)
    found, shown = [], shown_columns(model)
    for field in history_of(model).model.tracked_fields:
        if field.attname not in shown:
            continue
        is_text = isinstance(field, CharField | TextField) and not field.choices
        if is_text and not isinstance(field, AddressListField):
            found.append(field.attname)
    return found


def matching(text: str, model: type[models.Model]) -> Q:
    """The lines that have the text in them, in any case."""
    if "\0" in text:
        return NONE
    columns = columns_of(model)
    found = search.by_part(text, [models.F(name) for name in (*text_columns(model), *OWN_TEXTS)])
    users: Any = get_user_model().objects.filter(username__icontains=text)[:100]
    found |= Q(history_user_id__in=list(users.values_list("pk", flat=True)))
    term = search.meaning(text)
    if term and "ip_address" in columns:
        for ends in term.ranges:
            found |= Q(ip_address__range=ends)
    if term and "mac_address" in columns:
        for part in term.mac_parts:
            found |= Q(IContains(Cast(models.F("mac_address"), TextField()), part))
    return found
