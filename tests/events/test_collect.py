"""Lines of history become events: once, in order, with their place and what has changed."""

import pytest
from django.contrib.auth.models import Permission

from api.models import Token
from core.history import origin
from events.collect import follow
from events.collect.collector import Collector
from events.event_json import as_text
from events.kinds import KINDS
from events.models import Event
from ipam.allocate import allocate, quarantine, release, reserve
from ipam.models import Interface, Pool, Server, Subnet
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.by_hand import POSTGRESQL, by_hand

pytestmark = pytest.mark.django_db


@pytest.fixture
def collector():
    """One that has begun; what the test does comes after."""
    collector = Collector()
    collector.round()
    return collector


@pytest.fixture
def subnet():
    subnet = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1", site="berlin")
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.20")
    return subnet


def told(collector, noun=""):
    """The kinds of the new events, of one noun if that is given."""
    Event.objects.all().delete()
    collector.round()
    kinds = Event.objects.order_by("pk").values_list("kind", flat=True)
    return [kind for kind in kinds if kind.startswith(noun)]


def test_a_first_start_begins_at_the_present(subnet):
    collector = Collector()
    assert collector.round() == 0
    assert not Event.objects.exists()


def test_an_address_tells_each_step_of_its_life(subnet, collector):
    row = allocate(subnet, vm_id="vm-1").row
    release(row)
    reserve(row, "for later")
    release(row)
    quarantine(row)
    steps = ["allocated", "released", "reserved", "released", "quarantined"]
    assert told(collector) == [f"address.{step}" for step in steps]


def test_free_rows_of_a_pool_are_no_events(collector):
    SubnetFactory(network="10.1.0.0/24", static_ip_pools=["10.1.0.10-10.1.0.200"])
    assert told(collector) == ["subnet.created", "pool.created"]


def test_an_event_says_where_and_by_whom(subnet, collector):
    with origin.acting("import", "rack.csv"):
        row = allocate(subnet, vm_id="vm-1").row
    collector.round()
    event = Event.objects.get()
    assert (event.subject, event.subnet_id, event.site) == (str(row), subnet.pk, "berlin")
    assert (event.ip_address, event.vrf_id) == (row.ip_address, None)
    assert (event.actor, len(event.change)) == ("rack.csv", 32)
    assert (event.data["vm_id"], event.data["was"]) == ("vm-1", "available")


def test_a_change_names_the_columns_that_differ(subnet, collector):
    server = ServerFactory(hostname="web-1", ip_address="10.0.0.11")
    told(collector)
    server.location = "rack 4"
    server.save()
    assert told(collector, "server") == ["server.changed"]
    event = Event.objects.get(kind="server.changed")
    assert event.data["changed"] == {"location": ["", "rack 4"]}
    assert (event.subject, event.subnet_id) == ("web-1", subnet.pk)


def test_servers_interfaces_subnets_and_pools_come_and_go(subnet, collector):
    server = ServerFactory(ip_address="10.0.0.11")
    card = Interface.objects.create(server=server, name="bmc", ip_address="10.0.0.12")
    card.delete()
    server.delete()
    assert told(collector, "server") == ["server.created", "server.deleted"]
    assert Event.objects.filter(kind__startswith="interface").count() == 2
    Pool.objects.get().delete()
    subnet.delete()
    kinds = told(collector)
    assert {"pool.deleted", "subnet.deleted"} <= set(kinds)


def test_raw_sql_makes_events(subnet, collector):
    by_hand("INSERT INTO vrfs (name) VALUES ('red')")
    by_hand("UPDATE subnets SET description = 'new'")
    assert told(collector) == ["subnet.changed", "record.created"]
    assert Event.objects.get(kind="subnet.changed").actor.endswith("SQL" + ")" * POSTGRESQL)


def test_a_line_that_cannot_be_read_holds_up_nothing(subnet, collector):
    by_hand("UPDATE subnets SET dns_servers = 'nonsense'")
    by_hand("UPDATE subnets SET dns_servers = ''")
    by_hand("UPDATE subnets SET description = 'new'")
    by_hand("INSERT INTO vrfs (name) VALUES ('red')")
    unread = ["finding.raised"] * 2  # and the one after it, whose line before it is
    assert told(collector) == [*unread, "subnet.changed", "record.created"]
    first = Event.objects.earliest("pk")
    assert (
        first.subject == f"subnets_history:{Subnet.history.values('pk').order_by('-pk')[2]['pk']}"
    )
    assert "nonsense" not in as_text(first)
    assert told(collector) == []


def test_rows_of_other_tables_name_their_table_and_no_value(collector):
    vrf = VRFFactory(name="red")
    vrf.description = "a secret"
    vrf.save()
    assert told(collector) == ["record.created", "record.changed"]
    event = Event.objects.get(kind="record.changed")
    assert event.data == {"table": "vrfs", "changed": ["description"]}
    assert (event.subject, event.subject_model) == ("red", "ipam.vrf")


def test_the_longest_names_are_shortened(subnet, collector):
    name = ".".join(["a" * 60] * 4)
    server = ServerFactory(hostname=name, ip_address="10.0.0.11")
    Interface.objects.create(server=server, name="x" * 64)
    collector.round()
    assert len(Event.objects.get(kind="interface.created").subject) == 255


def test_an_event_of_a_token_does_not_hold_the_digest_of_its_secret(admin_user, collector):
    token, secret = Token.objects.create(admin_user, name="ci", scopes=["read"])
    collector.round()
    for event in Event.objects.all():
        text = as_text(event)
        assert token.digest not in text and secret not in text


def test_every_kind_needs_a_permission_that_exists():
    known = {
        f"{app}.{name}"
        for app, name in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert {kind.permission for kind in KINDS.values()} - {""} <= known


def test_what_was_read_is_not_read_again(subnet, collector):
    allocate(subnet, vm_id="vm-1")
    assert collector.round() == 1
    assert collector.round() == 0
    assert Collector().round() == 0
    assert Event.objects.count() == 1


def test_the_queries_of_a_batch_do_not_grow_with_it(collector, django_assert_max_num_queries):
    subnet = SubnetFactory(network="10.2.0.0/16")
    PoolFactory(subnet=subnet, first="10.2.0.10", last="10.2.3.250")
    collector.round()
    servers = [Server(hostname=f"h-{n}", ip_address=f"10.2.1.{n}") for n in range(1, 101)]
    for server in servers:
        server.save()
    with django_assert_max_num_queries(75):
        collector.round()
    assert Event.objects.filter(kind="server.created").count() == 100
    assert Event.objects.filter(kind="address.allocated").count() == 100


def test_more_lines_than_a_batch_are_read_to_the_end(collector, monkeypatch):
    monkeypatch.setattr(follow, "BATCH", 3)
    for number in range(8):
        VRFFactory(name=f"v-{number}")
    assert collector.round() == 8
    assert Event.objects.count() == 8


def test_a_table_with_fewer_lines_than_were_read_goes_on_at_its_end(subnet, collector):
    allocate(subnet, vm_id="vm-1")
    collector.round()
    Subnet.history.model.objects.all().delete()
    begun = Collector()
    begun.round()
    assert begun.positions["subnets_history"] == 0
