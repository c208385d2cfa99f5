"""What is applied is what was shown, and no writer waits for a preview."""

import threading

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse

from changes.plans import trial
from changes.plans.verb import Outdated, apply, preview
from core.errors import Unavailable
from core.history import origin
from dhcp.reshape.split import split
from ipam.allocate import allocate
from ipam.models import IPAddress, Server, Subnet
from ipam.reshape.split import Choices
from ipmanager.plans.split import SplitPage
from tests.changes.undoing import ledger
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory
from tests.support.api import staff
from tests.support.by_hand import POSTGRESQL, only

NEEDS = pytest.mark.django_db


@pytest.fixture
def office():
    return SubnetFactory(network="10.0.0.0/24", name="Office", gateway="10.0.0.1")


def halves():
    made = split(Subnet.objects.get(), 25, Choices())
    return [str(part.network) for part in made]


@NEEDS
def test_a_preview_says_what_becomes_of_each_row_and_leaves_all_as_it_was(office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.200")
    before = ledger()

    plan = preview(halves)

    assert ledger() == before
    assert plan.found == ["10.0.0.0/25", "10.0.0.128/25"]
    assert {row["name"]: row["action"] for row in plan.rows} == {
        "subnet 10.0.0.0/24": "change",
        "subnet 10.0.0.0/25": "create",
        "subnet 10.0.0.128/25": "create",
    }
    assert plan.effect.placed == [("10.0.0.200", "10.0.0.128/25")]


@pytest.mark.on("sqlite")
@pytest.mark.django_db(transaction=True)
def test_a_database_too_large_for_a_copy_is_tried_in_its_place_and_left_as_it_was(
    office, monkeypatch
):
    monkeypatch.setattr(trial, "LARGEST_COPY", 0)
    before = ledger()

    plan = preview(halves)

    assert plan.found == ["10.0.0.0/25", "10.0.0.128/25"]
    assert ledger() == before
    assert apply(halves, plan.digest).found == plan.found


@NEEDS
def test_the_same_change_has_the_same_digest_although_new_rows_get_other_keys(office):
    assert preview(halves).digest == preview(halves).digest
    assert apply(halves, preview(halves).digest).found == ["10.0.0.0/25", "10.0.0.128/25"]


@NEEDS
@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda: ServerFactory(hostname="new", ip_address="10.0.0.7"),
        lambda: IPAddressFactory(ip_address="10.0.0.9", status="reserved"),
        lambda: Subnet.objects.update(vlan_id=7),
    ],
)
def test_what_would_do_something_else_than_was_shown_is_not_done(office, meanwhile):
    ServerFactory(hostname="web-1", ip_address="10.0.0.200")
    shown = preview(halves)
    meanwhile()
    with pytest.raises(Outdated):
        apply(halves, shown.digest)
    assert Subnet.objects.count() == 1


@NEEDS
def test_the_page_says_so_and_shows_what_would_happen_now(admin_client, office):
    url = reverse("admin:network_split", args=[office.pk])
    shown = admin_client.post(url, {"length": "25"}).context
    ServerFactory(hostname="new", ip_address="10.0.0.7")

    data = {"length": "25", "apply": "1", "digest": shown["plan"].digest}
    again = admin_client.post(url, data)

    assert again.status_code == 409 and "has changed since" in again.context["outdated"]
    assert [part.held for part in again.context["parts"]] == [1, 0]
    assert Subnet.objects.count() == 1
    admin_client.post(url, {**data, "digest": again.context["plan"].digest})
    assert Subnet.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_no_writer_waits_for_a_preview(office):
    """A second connection writes and commits while the work of the preview has written already."""
    written = threading.Event()

    def write():
        with origin.acting("command", "writer"):
            Server(hostname="elsewhere", ip_address="10.9.9.9").save()
            allocate(wanted="10.0.0.8")
        connections.close_all()
        written.set()

    def work():
        made = halves()
        writer = threading.Thread(target=write)
        writer.start()
        assert written.wait(5), "the writer waits for the preview"
        writer.join()
        return made

    assert len(preview(work).found) == 2
    assert Server.objects.get().hostname == "elsewhere"
    assert Subnet.objects.count() == 1
    assert connection.ensure_connection() is None and not connection.in_atomic_block


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_a_preview_gives_way_to_a_writer_of_the_same_rows(office):
    IPAddressFactory(ip_address="10.0.0.200", status="reserved")
    begun, ended = threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            IPAddress.objects.filter(ip_address="10.0.0.200").update(hostname="other")
            begun.set()
            ended.wait(10)
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(5)
    with pytest.raises(Unavailable, match="just now"):
        preview(halves)
    ended.set()
    writer.join()
    assert IPAddress.objects.get().hostname == "other"


@NEEDS
def test_a_reader_who_may_not_see_servers_reads_nothing_of_them(office):
    ServerFactory(hostname="secret-1", ip_address="10.0.0.200")
    client = Client()
    client.force_login(staff(*SplitPage.needed, "ipam.view_subnet", "ipam.view_ipaddress"))
    url = reverse("admin:network_split", args=[office.pk])
    page = client.post(url, {"length": "25"})
    assert page.status_code == 200 and page.context["parts"]
    assert "secret-1" not in page.content.decode()
