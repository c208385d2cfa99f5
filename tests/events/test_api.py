"""The list of events: pages, filters, and that nobody reads of what they may not see."""

import ipaddress
import json

import pytest

from events.collect.collector import Collector
from events.kinds import KINDS
from events.models import Event, WebhookDelivery
from events.webhooks import fan_out
from ipam.models import Interface
from tests.events import making
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import description, staff, with_session, with_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/events/"


@pytest.fixture
def here():
    subnet = SubnetFactory(network="10.1.0.0/24", site="berlin")
    PoolFactory(subnet=subnet, first="10.1.0.10", last="10.1.0.20")
    return subnet


@pytest.fixture
def collector(here):
    collector = Collector()
    collector.round()
    return collector


def event(number, **facts):
    """An event of the API's own tests."""
    given = {"kind": "address.released", "subject_model": "ipam.ipaddress", "subject_id": "1"}
    return Event.objects.create(**given | {"origin": f"test:{number}"} | facts)


def listed(api, **query):
    answer = api.get(URL, query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_the_newest_come_first_and_after_an_event_the_oldest():
    numbers = [event(number).pk for number in range(5)]
    api = with_token("read")
    assert listed(api) == numbers[::-1]
    assert listed(api, before=numbers[2]) == [numbers[1], numbers[0]]
    assert listed(api, after=numbers[2]) == numbers[3:]


@pytest.mark.parametrize("query", [{}, {"after": 0}])
def test_the_link_leads_through_all_pages(query):
    for number in range(5):
        event(number)
    api, seen = with_token("read"), []
    answer = api.get(URL, {"page_size": 2, **query}).json()
    while True:
        seen += [row["id"] for row in answer["results"]]
        if not answer["next"]:
            break
        answer = api.get(answer["next"]).json()
    assert len(seen) == len(set(seen)) == 5


def test_it_is_filtered_by_kind_subnet_and_site(here):
    there = SubnetFactory(network="10.2.0.0/24", site="bonn")
    first = event(1, kind="server.created", ip_address="10.1.0.5", site="berlin").pk
    second = event(2, kind="address.released", subnet_id=there.pk, site="bonn").pk
    api = with_token("read")
    assert listed(api, kind="server") == listed(api, kind="server.created") == [first]
    assert listed(api, kind=["address", "server.created"]) == [second, first]
    assert listed(api, subnet=here.pk) == listed(api, site="berlin") == [first]
    assert listed(api, subnet=there.pk) == [second]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"kind": "addres"}, "kind"),
        ({"subnet": "x"}, "subnet"),
        ({"after": 1, "before": 2}, "after"),
        ({"page_size": 0}, "page_size"),
        ({"colour": "red"}, "colour"),
        ({"site": "x" * 101}, "site"),
    ],
)
def test_a_wrong_filter_is_named(query, field):
    answer = with_token("read").get(URL, query)
    assert answer.status_code == 400
    assert field in {name.partition(".")[0] for name in answer.json()["errors"]}


def test_who_may_view_no_subject_reads_no_event_of_it():
    numbers = [
        event(1).pk,
        event(2, kind="server.created", subject_model="ipam.server").pk,
        event(3, kind="record.changed", subject_model="ipam.vrf").pk,
        event(4, kind="record.changed", subject_model="auth.user").pk,
    ]
    assert listed(with_token("read", user=staff("ipam.view_server"))) == [numbers[1]]
    assert listed(with_session(staff("ipam.view_ipaddress"))) == [numbers[0]]
    both = staff("ipam.view_vrf", "ipam.view_ipaddress")
    assert listed(with_token("read", user=both)) == [numbers[2], numbers[0]]
    assert with_token("read", user=staff()).get(URL).status_code == 403
    assert with_token("allocate", user=both).get(URL).status_code == 403


def test_a_webhook_s_events_are_its_owner_s_alone(collector, settings):
    """Others who may view webhooks see their own ones only; so do the receivers of others."""
    rights = ("events.view_webhook", "ipam.view_ipaddress")
    owner, other = staff(*rights), staff(*rights)
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.1")]
    for person in (owner, other):
        making.webhook("http://127.0.0.1:9/", person, name=f"of {person}", kinds=["record.*"])
    collector.round()
    mine = {"kind": "record.created"}
    made = {row.subject: row for row in Event.objects.filter(subject_model="events.webhook")}
    named = [made[f"of {person}"].pk for person in (owner, other)]
    assert listed(with_session(owner), **mine) == named[:1]
    assert listed(with_session(other), **mine) == named[1:]
    fan_out.fan_out()
    told = WebhookDelivery.objects.filter(event__in=named)
    assert {(row.webhook.owner, row.event_id) for row in told} == {
        (owner, named[0]),
        (other, named[1]),
    }


def test_a_confined_token_reads_only_what_lies_in_its_networks(collector, here):
    there = SubnetFactory(network="10.2.0.0/24")
    inside = ServerFactory(hostname="inside", ip_address="10.1.0.11")
    ServerFactory(hostname="outside", ip_address="10.2.0.11")
    ServerFactory(hostname="spaced", ip_address="10.1.0.12", vrf=VRFFactory())
    moved = ServerFactory(hostname="moved", ip_address="10.2.0.12")
    moved.ip_address = "10.1.0.13"
    moved.save()
    Interface.objects.create(server=moved, name="bmc", ip_address="10.2.0.14")
    stranger = ServerFactory(hostname="stranger", ip_address="10.2.0.15")
    Interface.objects.create(server=stranger, name="leg", ip_address="10.1.0.16")
    here.description = "ours"
    here.save()
    there.description = "theirs"
    there.save()
    collector.round()
    api = with_token("read", subnets=["10.1.0.0/16"])
    rows = api.get(URL, {"page_size": 100}).json()["results"]
    text = json.dumps(rows)
    assert "10.2." not in text and "theirs" not in text
    subjects = {row["subject"]["name"] for row in rows}
    assert {"inside", "10.1.0.11", "10.1.0.13"} <= subjects
    assert not {"outside", "spaced", "moved", "10.1.0.12", "10.1.0.16"} & subjects
    assert listed(api, kind="subnet") == listed(api, subnet=here.pk, kind="subnet")
    assert not listed(api, subnet=there.pk)
    assert inside.pk


def test_the_description_lists_every_kind():
    schemas = description()["components"]["schemas"]
    kind = schemas["Happening"]["properties"]["kind"]
    reference = kind.get("$ref") or kind["allOf"][0]["$ref"]
    assert set(schemas[reference.rpartition("/")[2]]["enum"]) == set(KINDS)
    assert "text/event-stream" in json.dumps(description()["paths"][URL]["get"])


def test_a_list_takes_the_same_number_of_queries_however_long(django_assert_num_queries):
    api = with_token("read", user=staff("ipam.view_ipaddress"))
    event(0)
    listed(api)
    with django_assert_num_queries(4):
        listed(api)
    for number in range(1, 30):
        event(number)
    with django_assert_num_queries(4):
        listed(api)
