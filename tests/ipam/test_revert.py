"""Back to an older state: the page says what would change; pools and interfaces come back, too."""

import re

import pytest
from django.urls import reverse

from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from tests.ipam.admin_forms import errors_of, messages_of
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


def url(row, version):
    kind = row._meta.model_name
    return reverse(f"admin:ipam_{kind}_simple_history", args=[row.pk, version.pk])


def revert(client, row, version):
    page = client.get(url(row, version))
    fields = list(page.context["adminform"].form)
    sent = {field.html_name: field.value() for field in fields}
    sent = {name: "" if value is None else str(value) for name, value in sent.items()}
    return client.post(url(row, version), sent, follow=True)


def pools():
    return [(str(pool.first), str(pool.last), pool.kind) for pool in Pool.objects.order_by("first")]


@pytest.fixture
def subnet(admin_client):
    """A subnet that has got other pools since."""
    found = SubnetFactory(network="10.0.0.0/24", name="old")
    PoolFactory(subnet=found, first="10.0.0.10", last="10.0.0.19")
    PoolFactory(subnet=found, first="10.0.0.30", last="10.0.0.39", kind="dhcp")
    found.name = "middle"
    found.save()
    Pool.objects.filter(first="10.0.0.10").first().delete()
    other = Pool.objects.get(first="10.0.0.30")
    other.last = "10.0.0.35"
    other.save()
    PoolFactory(subnet=found, first="10.0.0.100", last="10.0.0.109")
    found.name = "new"
    found.save()
    return found


def test_a_reverted_subnet_has_its_pools_of_then(admin_client, subnet):
    middle = subnet.history.get(name="middle")
    done = revert(admin_client, subnet, middle)
    assert pools() == [
        ("10.0.0.10", "10.0.0.19", "static"),
        ("10.0.0.30", "10.0.0.39", "dhcp"),
    ]
    assert Subnet.objects.get().name == "middle"
    assert IPAddress.objects.filter(status="available").count() == 10
    assert any("was reverted to its state of" in text for text in messages_of(done))


def test_an_undeleted_subnet_has_its_pools_and_says_so(admin_client, subnet):
    newest = subnet.history.get(name="new")
    key = subnet.pk
    subnet.delete(force=True)
    subnet.pk = key
    page = admin_client.get(url(subnet, newest))
    assert "It has been deleted since" in page.content.decode()
    done = revert(admin_client, subnet, newest)
    assert any("was undeleted" in text for text in messages_of(done))
    assert not any("was changed" in text for text in messages_of(done))
    assert pools() == [
        ("10.0.0.30", "10.0.0.35", "dhcp"),
        ("10.0.0.100", "10.0.0.109", "static"),
    ]


def test_a_pool_that_fits_no_more_refuses_the_whole(admin_client, subnet):
    Pool.objects.all().delete()
    subnet.network = "10.0.0.0/28"
    subnet.save()
    newest, first = subnet.history.latest(), subnet.history.get(name="middle")
    SubnetFactory(network="10.0.0.0/25", static_ip_pools=["10.0.0.30-10.0.0.99"])
    page = revert(admin_client, subnet, first)
    assert "overlaps" in errors_of(page)["__all__"][0]
    assert subnet.history.latest() == newest
    assert pools() == [("10.0.0.30", "10.0.0.99", "static")]


def test_a_server_s_interfaces_come_back(admin_client):
    server = ServerFactory(hostname="web", ip_address=None)
    nic = InterfaceFactory(server=server, name="eth1", ip_address="10.0.0.9")
    version = server.history.get()
    version.history_date = Interface.history.latest().history_date
    version.save()
    nic.delete()
    key = server.pk
    server.delete()
    server.pk = key
    revert(admin_client, server, version)
    assert str(Interface.objects.get(server__hostname="web").ip_address) == "10.0.0.9"


def test_the_page_shows_what_would_change_and_has_no_script_of_other_pages(admin_client, subnet):
    page = admin_client.get(url(subnet, subnet.history.get(name="middle"))).content.decode()
    table = re.search(r'<table class="ipm-table ipm-history">.*?</table>', page, re.DOTALL)[0]
    assert re.search(r"<td>new</td>\s*<td>middle</td>", table)
    assert "10.0.0.100-10.0.0.109" in table
    for found in re.finditer("actionDropdownOpen", page):
        before = page[: found.start()]
        assert 'x-data="{actionDropdownOpen' in before


def test_the_newest_state_has_nothing_to_change(admin_client):
    server = ServerFactory(hostname="web")
    page = admin_client.get(url(server, server.history.get())).content.decode()
    assert "Nothing has changed since" in page
    assert Server.objects.get().hostname == "web"
