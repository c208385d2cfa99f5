"""A range of a subnet is reserved, released, put into quarantine or made a pool: first shown, then
done as it was shown."""

import pytest
from django.test import Client
from django.urls import reverse

from core.errors import Invalid
from ipam.allocate import allocate, find, release, reserve
from ipam.maps.range_plan import apply_shown, plan
from ipam.models import IPAddress, Pool
from tests.ipam.admin_forms import messages_of
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    return SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])


def url_of(subnet):
    return reverse("admin:network_range", args=[subnet.pk])


def asked(verb, first, last):
    return {"verb": verb, "first": first, "last": last}


def shown(client, subnet, verb, first, last):
    return client.get(url_of(subnet), asked(verb, first, last))


def do(client, subnet, verb, first, last, **fields):
    """Look at the preview, then press its button."""
    page = shown(client, subnet, verb, first, last)
    data = asked(verb, first, last) | fields
    if "plan" in page.context:
        data["digest"] = page.context["plan"].digest
    return client.post(url_of(subnet), data, follow=True)


def statuses(first, last):
    rows = IPAddress.objects.between(first, last).order_by("ip_address")
    return {str(row.ip_address): row.status for row in rows}


def refusals(page):
    return {str(line["ip"]): line["refusal"] for line in page.context["refused"]}


def test_a_range_is_reserved_with_a_note_and_what_is_held_stays(admin_client, office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.11")
    page = shown(admin_client, office, "reserve", "10.0.0.10", "10.0.0.12")
    assert refusals(page) == {"10.0.0.11": "held by server “web-1”"}
    assert [str(line["ip"]) for line in page.context["doing"]] == ["10.0.0.10", "10.0.0.12"]

    done = do(admin_client, office, "reserve", "10.0.0.10", "10.0.0.12", note="for doors")

    assert messages_of(done) == ["2 addresses are reserved."]
    assert statuses("10.0.0.10", "10.0.0.12") == {
        "10.0.0.10": "reserved",
        "10.0.0.11": "allocated",
        "10.0.0.12": "reserved",
    }
    assert IPAddress.objects.get(ip_address="10.0.0.12").description == "for doors"


def test_addresses_without_a_row_are_reserved_too_but_for_the_ends(admin_client, office):
    page = shown(admin_client, office, "reserve", "10.0.0.250", "10.0.0.255")
    assert list(refusals(page)) == ["10.0.0.255"]
    do(admin_client, office, "reserve", "10.0.0.250", "10.0.0.255")
    assert len(statuses("10.0.0.250", "10.0.0.255")) == 5


def test_a_range_is_released_and_the_message_leads_to_the_undo(admin_client, office):
    do(admin_client, office, "reserve", "10.0.0.10", "10.0.0.13")
    done = do(admin_client, office, "release", "10.0.0.10", "10.0.0.13")
    (message,) = map(str, done.context["messages"])
    assert "4 addresses are released." in message and "/undo/" in message
    assert set(statuses("10.0.0.10", "10.0.0.13").values()) == {"available"}


def test_an_address_in_a_vrf_is_reserved_there(admin_client):
    blue = SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory())
    do(admin_client, blue, "quarantine", "10.0.0.9", "10.0.0.9", note="answers")
    assert IPAddress.objects.get().vrf == blue.vrf


def test_a_pool_is_made_of_a_range(admin_client, office):
    do(admin_client, office, "dhcp", "10.0.0.100", "10.0.0.119")
    assert str(Pool.objects.get(kind="dhcp")) == "10.0.0.100-10.0.0.119"


def test_a_pool_that_overlaps_another_is_refused_before_it_is_made(admin_client, office):
    page = shown(admin_client, office, "static", "10.0.0.15", "10.0.0.30")
    assert page.context["refusals"] and not page.context["may_apply"]
    assert do(admin_client, office, "static", "10.0.0.15", "10.0.0.30").status_code == 409
    assert Pool.objects.count() == 1


def test_nothing_is_done_when_the_range_has_changed_since_the_preview(admin_client, office):
    page = shown(admin_client, office, "reserve", "10.0.0.10", "10.0.0.12")
    digest = page.context["plan"].digest
    ServerFactory(ip_address="10.0.0.11")
    data = asked("reserve", "10.0.0.10", "10.0.0.12") | {"digest": digest}
    assert admin_client.post(url_of(office), data).status_code == 409
    assert statuses("10.0.0.10", "10.0.0.10") == {"10.0.0.10": "available"}


def test_an_address_that_was_given_away_meanwhile_is_not_released(office):
    row = reserve(find("10.0.0.10"), "for doors")
    digest = plan(office, row.ip_address, row.ip_address, "release").digest
    release(row)
    allocate(office, wanted="10.0.0.10", vm_id="vm-1", hostname="m1")
    place = (office, row.ip_address, row.ip_address, "release")
    with pytest.raises(Invalid, match="changed meanwhile"):
        apply_shown(*place, digest, "")
    assert find("10.0.0.10").vm_id == "vm-1"


@pytest.mark.parametrize("change", [{"hostname": "m2"}, {"mac_address": "02:00:00:00:00:01"}])
def test_another_holder_is_another_plan(office, change):
    row = reserve(find("10.0.0.10"), "for doors")
    place = (office, row.ip_address, row.ip_address, "release")
    digest = plan(*place).digest
    IPAddress.objects.filter(pk=row.pk).update(**change)
    assert plan(*place).digest != digest


@pytest.mark.parametrize(
    ("verb", "first", "last"),
    [
        ("reserve", "10.0.1.0", "10.0.1.9"),
        ("reserve", "abc", "10.0.0.9"),
        ("reserve", "10.0.0.1", "2001:db8::1"),
        ("reserve", "", ""),
        ("explode", "10.0.0.1", "10.0.0.9"),
        ("reserve", "\0", "9" * 5000),
    ],
)
def test_what_is_no_range_of_the_subnet_leads_back_with_the_reason(
    admin_client, office, verb, first, last
):
    for ask in (admin_client.get, admin_client.post):
        page = ask(url_of(office), asked(verb, first, last), follow=True)
        assert page.redirect_chain and messages_of(page)


def test_a_range_that_is_too_large_is_refused(admin_client):
    wide = SubnetFactory(network="10.0.0.0/16")
    page = admin_client.get(url_of(wide), asked("reserve", "10.0.0.1", "10.0.9.9"), follow=True)
    assert messages_of(page) == ["A range runs upwards and has 1024 addresses at most."]


def test_who_may_only_look_is_refused(office):
    IPAddressFactory(ip_address="10.0.0.40", status="reserved")
    client = Client()
    client.force_login(staff("ipam.view_subnet", "ipam.view_ipaddress"))
    for verb in ("reserve", "release", "quarantine", "static", "dhcp"):
        data = asked(verb, "10.0.0.40", "10.0.0.41")
        assert client.get(url_of(office), data).status_code == 403
        assert client.post(url_of(office), data).status_code == 403
    assert statuses("10.0.0.40", "10.0.0.40") == {"10.0.0.40": "reserved"}
