"""The placing rule (ipam/placement/place.py), which Python, PL/pgSQL and SQLite's triggers each
hold: one table of cases, run through every way by which a server or an interface can change."""

from dataclasses import dataclass, field

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from ipam.models import VRF, Interface, IPAddress, Server
from ipam.placement.catch_up import catch_up
from ipam.placement.populate import populate
from ipam.querysets import say_site
from tests.ipam.factories import PoolFactory, SubnetFactory
from tests.support import by_hand

pytestmark = pytest.mark.django_db

ONE, TWO, THREE = (f"02:00:00:00:00:0{number}" for number in (1, 2, 3))
WEB = {"hostname": "web", "ip_address": "10.0.0.12", "mac_address": ONE}
OUTSIDE = {"hostname": "web", "ip_address": "10.0.0.50", "mac_address": ONE}
FREE_12 = {"10.0.0.12": "available static 10.0.0.0/24"}


@dataclass(frozen=True)
class Case:
    """Servers by host name and interfaces by name, rows that others hold, one change, and the rows
    that differ afterwards (None: there is no row). A refused change leaves every row as it was."""

    change: tuple
    expected: dict = field(default_factory=dict)
    servers: tuple = ()
    interfaces: tuple = ()
    rows: dict = field(default_factory=dict)
    refused: str = ""
    created: dict = field(default_factory=dict)  # reservations with their notes
    then: tuple = ()  # servers that come after the rows of others
    then_interfaces: tuple = ()
    gateway: str = ""  # what the subnet's gateway becomes before the change
    dhcp: str = ""  # an address that becomes a DHCP pool before the change


def insert(model, **values):
    return "insert", model, values


def update(model, name, **values):
    return "update", model, name, values


def delete(model, name):
    return "delete", model, name


def nic(name="eth1", **values):
    return {"name": name, **values}


CASES = {
    "rule 2: a free row of a static pool is taken": Case(
        insert(Server, **WEB, device_type="PC"),
        {"10.0.0.12": f"allocated static 10.0.0.0/24 web {ONE} PC"},
    ),
    "rule 2: outside the pools a dhcp row is created": Case(
        insert(Server, **OUTSIDE),
        {"10.0.0.50": f"allocated dhcp 10.0.0.0/24 web {ONE}"},
    ),
    "rule 2: the most specific subnet counts": Case(
        insert(Server, **OUTSIDE | {"ip_address": "10.0.0.130"}),
        {"10.0.0.130": f"allocated dhcp 10.0.0.128/25 web {ONE}"},
    ),
    "rule 2: an address may lie in no subnet": Case(
        insert(Server, **OUTSIDE | {"ip_address": "192.0.2.1"}),
        {"192.0.2.1": f"allocated dhcp nowhere web {ONE}"},
    ),
    "rule 2: the row follows the server's name": Case(
        update(Server, "web", hostname="shop"),
        {"10.0.0.12": f"allocated static 10.0.0.0/24 shop {ONE}"},
        servers=(WEB,),
    ),
    "rule 2: the row follows the server's MAC and device type": Case(
        update(Server, "web", mac_address=TWO, device_type="VM"),
        {"10.0.0.12": f"allocated static 10.0.0.0/24 web {TWO} VM"},
        servers=(WEB,),
    ),
    "rule 1: an interface claims its own address": Case(
        insert(Interface, server="web", **nic(ip_address="10.0.0.13", mac_address=TWO)),
        {"10.0.0.13": f"allocated static 10.0.0.0/24 web {TWO}"},
        servers=(WEB,),
    ),
    "rule 1: the server's MAC stands before its interface's": Case(
        insert(Interface, server="web", **nic(ip_address="10.0.0.12", mac_address=TWO)),
        {},
        servers=(WEB,),
    ),
    "rule 1: of two interfaces the first by name counts": Case(
        insert(Interface, server="web", **nic("eth0", ip_address="10.0.0.13", mac_address=THREE)),
        {"10.0.0.13": f"allocated static 10.0.0.0/24 web {THREE}"},
        servers=(WEB,),
        interfaces=(nic("eth1", ip_address="10.0.0.13", mac_address=TWO),),
    ),
    "rules 2 and 3: a server moves": Case(
        update(Server, "web", ip_address="10.0.0.13"),
        FREE_12 | {"10.0.0.13": f"allocated static 10.0.0.0/24 web {ONE}"},
        servers=(WEB,),
    ),
    "rule 3: a static row is available again": Case(
        update(Server, "web", ip_address=None), FREE_12, servers=(WEB,)
    ),
    "rule 3: a dhcp row goes": Case(
        update(Server, "web", ip_address=None), {"10.0.0.50": None}, servers=(OUTSIDE,)
    ),
    "rule 3: a gateway's row goes": Case(
        update(Server, "web", ip_address=None),
        {"10.0.0.19": None},
        servers=(WEB | {"ip_address": "10.0.0.19"},),
    ),
    "rule 3: what an interface claims still is kept": Case(
        update(Server, "web", ip_address=None),
        {"10.0.0.12": f"allocated static 10.0.0.0/24 web {TWO}"},
        servers=(WEB,),
        interfaces=(nic(ip_address="10.0.0.12", mac_address=TWO),),
    ),
    "rule 3: an interface that is deleted frees its row": Case(
        delete(Interface, "eth1"),
        {"10.0.0.13": "available static 10.0.0.0/24"},
        servers=(WEB,),
        interfaces=(nic(ip_address="10.0.0.13", mac_address=TWO),),
    ),
    "rule 3: a server that is deleted frees all its rows": Case(
        delete(Server, "web"),
        FREE_12 | {"10.0.0.50": None},
        servers=(WEB,),
        interfaces=(nic(ip_address="10.0.0.50", mac_address=TWO),),
    ),
    "rule 4: a row that was reserved by hand is taken": Case(
        insert(Server, **WEB),
        {"10.0.0.12": f"allocated static 10.0.0.0/24 web {ONE}"},
        rows={"10.0.0.12": {"status": "reserved"}},
    ),
    "rule 3: a reservation comes back with its note": Case(
        delete(Server, "web"),
        {"10.0.0.13": "reserved static 10.0.0.0/24 for the printer"},
        rows={"10.0.0.13": {"status": "reserved", "description": "for the printer"}},
        then=(WEB | {"ip_address": "10.0.0.13"},),
    ),
    "rule 3: a reservation without a note comes back": Case(
        update(Server, "web", ip_address=None),
        {"10.0.0.13": "reserved static 10.0.0.0/24"},
        rows={"10.0.0.13": {"status": "reserved"}},
        then=(WEB | {"ip_address": "10.0.0.13"},),
    ),
    "rule 3: a reservation outside of the pools comes back": Case(
        update(Server, "web", ip_address="10.0.0.13"),
        {
            "10.0.0.13": f"allocated static 10.0.0.0/24 web {ONE}",
            "10.0.0.50": "reserved dhcp 10.0.0.0/24 for the printer",
        },
        created={"10.0.0.50": "for the printer"},
        then=(OUTSIDE,),
    ),
    "rule 3: an interface's reservation comes back": Case(
        delete(Interface, "eth1"),
        {"10.0.0.50": "reserved dhcp 10.0.0.0/24 for the printer"},
        servers=(WEB,),
        created={"10.0.0.50": "for the printer"},
        then_interfaces=(nic(ip_address="10.0.0.50", mac_address=TWO),),
    ),
    "rule 3: a reservation that the gateway has moved to does not come back": Case(
        update(Server, "web", ip_address=None),
        {"10.0.0.13": None},
        rows={"10.0.0.13": {"status": "reserved"}},
        then=(WEB | {"ip_address": "10.0.0.13"},),
        gateway="10.0.0.13",
    ),
    "rule 3: a reservation in a range of DHCP does not come back": Case(
        update(Server, "web", ip_address=None),
        {"10.0.0.50": None},
        created={"10.0.0.50": "for the printer"},
        then=(OUTSIDE,),
        dhcp="10.0.0.50",
    ),
    "rules 3 and 4: the next server takes the reservation": Case(
        update(Server, "web", ip_address="10.0.0.14"),
        {
            "10.0.0.13": "reserved static 10.0.0.0/24 for the printer",
            "10.0.0.14": f"allocated static 10.0.0.0/24 web {ONE}",
        },
        rows={"10.0.0.13": {"status": "reserved", "description": "for the printer"}},
        then=(WEB | {"ip_address": "10.0.0.13"},),
    ),
    "rule 4: a VM's row refuses": Case(
        insert(Server, **WEB),
        rows={"10.0.0.12": {"status": "allocated", "vm_id": "vm-1"}},
        refused="VM “vm-1”",
    ),
    "rule 4: a row in quarantine refuses": Case(
        update(Server, "web", ip_address="10.0.0.13"),
        rows={"10.0.0.13": {"status": "quarantine"}},
        servers=(WEB,),
        refused="the quarantine",
    ),
    "rule 4: an allocation without a VM refuses": Case(
        insert(Interface, server="web", **nic(ip_address="10.0.0.13", mac_address=TWO)),
        rows={"10.0.0.13": {"status": "allocated", "hostname": "printer"}},
        servers=(WEB,),
        refused="an allocation “printer”",
    ),
    "rule 4: another server's row refuses": Case(
        insert(Interface, server="web", **nic(ip_address="10.0.0.13", mac_address=THREE)),
        servers=(WEB, {"hostname": "db", "ip_address": "10.0.0.13", "mac_address": TWO}),
        refused="server “db”",
    ),
    "rule 4: in another VRF the address is another one": Case(
        insert(Server, **WEB),
        {"10.0.0.12": f"allocated static 10.0.0.0/24 web {ONE}"},
        servers=({"hostname": "lab", "ip_address": "10.0.0.12", "mac_address": TWO, "vrf": "lab"},),
    ),
}


# --- the ways -------------------------------------------------------------------------------------


def save(change):
    match change:
        case "insert", model, values:
            model.objects.create(**values)
        case "update", model, pk, values:
            row = model.objects.get(pk=pk)
            for name, value in values.items():
                setattr(row, name, value)
            row.save()
        case "delete", model, pk:
            model.objects.get(pk=pk).delete()


def write_in_bulk(change):
    match change:
        case "insert", model, values:
            model.objects.bulk_create([model(**values)])
        case "update", model, pk, values:
            model.objects.filter(pk=pk).update(**values)
        case "delete", model, pk:
            model.objects.filter(pk=pk).delete()


def write_unseen_and_populate(change):
    """As a fixture does: nothing is placed until everything is."""
    say_site()
    match change:
        case "insert", model, values:
            model(**values).save_base(raw=True)
        case "update", model, pk, values:
            model._base_manager.filter(pk=pk).update(**values)
        case "delete", model, pk:
            Interface.objects.filter(server=pk)._raw_delete("default") if model is Server else None
            model._base_manager.filter(pk=pk)._raw_delete("default")
    with transaction.atomic():
        if refused := populate().refused:
            raise ValidationError(refused)  # it notes a refusal; undo what it has done besides


def raw_sql(change):
    match change:
        case "insert", model, values:
            by_hand.insert(model, **{model._meta.get_field(n).attname: v for n, v in plain(values)})
        case "update", model, pk, values:
            by_hand.update(model.objects.get(pk=pk), **values)
        case "delete", model, pk:
            by_hand.delete(model.objects.get(pk=pk))
    catch_up()


def plain(values):
    return [(name, getattr(value, "pk", value)) for name, value in values.items()]


# On PostgreSQL the triggers are others, and the SQL of the models is that of many tests.
WAYS = [
    save,
    pytest.param(write_in_bulk, marks=pytest.mark.whole),
    pytest.param(write_unseen_and_populate, marks=pytest.mark.whole),
    raw_sql,
]


# --- the test -------------------------------------------------------------------------------------


def start(case):
    """The subnets, and the case's servers and rows; then the change with keys in place of names."""
    subnet = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.19")
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.19")
    SubnetFactory(network="10.0.0.128/25")
    vrfs = {"lab": VRF.objects.create(name="lab")}
    keys = {}
    for values in case.servers:
        server = Server.objects.create(**values | {"vrf": vrfs.get(values.get("vrf"))})
        keys[server.hostname] = server
    for values in case.interfaces:
        keys[values["name"]] = Interface.objects.create(server=keys["web"], **values)
    for address, values in case.rows.items():
        IPAddress.objects.filter(vrf=None, ip_address=address).update(**values)
    reserve_and_take(case, keys, subnet)
    match case.change:
        case "insert", model, values:
            found = {name: keys[value] for name, value in values.items() if name == "server"}
            return "insert", model, values | found
        case verb, model, name, *values:
            return verb, model, keys[name].pk, *values


def reserve_and_take(case, keys, subnet):
    """What is reserved, who takes it, and what happens to the subnet meanwhile."""
    for address, note in case.created.items():
        IPAddress.objects.create(ip_address=address, status="reserved", description=note)
    for values in case.then:
        keys[values["hostname"]] = Server.objects.create(**values)
    for values in case.then_interfaces:
        keys[values["name"]] = Interface.objects.create(server=keys["web"], **values)
    if case.gateway:
        subnet.gateway = case.gateway
        subnet.save()
    if case.dhcp:
        PoolFactory(subnet=subnet, first=case.dhcp, last=case.dhcp, kind="dhcp")


def ledger():
    rows = IPAddress.objects.filter(vrf=None).select_related("subnet")
    return {str(row): summary(row) for row in rows}


def summary(row):
    subnet = str(row.subnet.network) if row.subnet else "nowhere"
    facts = (row.status, row.ip_type, subnet, row.hostname, row.mac_address, row.platform)
    note = row.description if row.status == "reserved" else ""
    return " ".join(filter(None, (*facts, note)))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_way_places_alike(case, way):
    change = start(case)
    before = ledger()

    if case.refused:
        with pytest.raises((ValidationError, DatabaseError)) as refusal:
            way(change)
        if way is not raw_sql:  # the database says it in its own words
            assert case.refused in str(refusal.value)
        assert ledger() == before
        return
    way(change)

    expected = before | case.expected
    assert ledger() == {address: row for address, row in expected.items() if row}
    after = populate()
    assert (after.refused, after.moved, after.freed, after.deleted) == ([], 0, 0, 0)
    assert ledger() == {address: row for address, row in expected.items() if row}
