"""A restored ledger hands out nothing until somebody has compared it."""

import json

import pytest
from django.db import connection
from django.urls import reverse

from ipam import freeze
from ipam.allocate import allocate, next_free, release, reserve_next
from ipam.freeze import Frozen
from ipam.models import IPAddress, Stamp
from ipam.worker import CatchUp
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    Stamp.objects.install()
    return SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", static_ip_pools=["10.0.0.2-10.0.0.9"]
    )


def test_a_frozen_ledger_hands_out_nothing_and_says_what_to_do(subnet):
    freeze.freeze("yesterday's backup")
    for ask in (
        lambda: allocate(subnet),
        lambda: allocate(subnet, wanted="10.0.0.5"),
        lambda: reserve_next(subnet),
    ):
        with pytest.raises(Frozen, match=r"yesterday's backup.*manage.py thaw"):
            ask()
    assert next_free(subnet) is None
    assert not IPAddress.objects.live().exists()


def test_a_vm_that_has_an_address_is_told_it_and_may_give_it_back(subnet):
    row = allocate(subnet, vm_id="srv-1").row
    freeze.freeze("yesterday's backup")
    assert allocate(subnet, vm_id="srv-1").row.pk == row.pk
    assert release(row).status == "available"


def test_a_large_pool_is_not_walked_while_frozen(subnet):
    large = SubnetFactory(network="10.64.0.0/10", static_ip_pools=["10.64.0.1-10.127.255.254"])
    freeze.freeze("yesterday's backup")
    with pytest.raises(Frozen):
        allocate(large)
    assert not IPAddress.objects.filter(subnet=large).exists()


def test_after_the_thaw_everything_goes_on(subnet):
    freeze.freeze("yesterday's backup")
    freeze.thaw()
    assert freeze.state() is None
    assert str(allocate(subnet).row.ip_address) == "10.0.0.2"


def test_the_question_costs_a_claim_no_round_trip(subnet):
    allocate(subnet)  # caches
    with_stamp = queries_in(lambda: allocate(subnet))
    Stamp.objects.all().delete()
    assert with_stamp == queries_in(lambda: allocate(subnet))


@pytest.mark.on("postgresql")
def test_a_ledger_that_was_loaded_from_a_dump_is_frozen_before_anybody_has_looked(subnet):
    Stamp.objects.update(home=4711)  # what the row of another table says of itself
    with pytest.raises(Frozen, match="loaded from a dump"):
        allocate(subnet)
    freeze.look()
    assert Stamp.objects.get().frozen_at


def test_a_history_that_ends_earlier_than_it_did_is_a_restore(subnet):
    allocate(subnet)
    freeze.look()
    allocate(subnet)
    IPAddress.history.order_by("-history_id").first().delete()
    freeze.look()
    assert freeze.state() is None  # this host has not seen the last line
    IPAddress.history.order_by("-history_id").first().delete()
    freeze.look()
    assert "this host has seen line" in freeze.state().reason


def test_what_another_process_sees_meanwhile_is_no_restore(subnet):
    allocate(subnet)
    others = iter([lambda: (allocate(subnet), freeze.look())])

    def ask(execute, sql, *rest):
        answer = execute(sql, *rest)
        if "MAX(" in sql and (other := next(others, None)):
            other()
        return answer

    with connection.execute_wrapper(ask):
        freeze.look()
    assert freeze.state() is None


def test_what_was_seen_of_another_ledger_says_nothing(subnet, tmp_path):
    (tmp_path / "ledger.json").write_text(json.dumps({"another": 10**9}))
    freeze.look()
    assert freeze.state() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "b"}'])
def test_a_mark_that_cannot_be_read_is_written_anew(subnet, tmp_path, text):
    (tmp_path / "ledger.json").write_text(text)
    allocate(subnet)
    freeze.look()
    line, text = json.loads((tmp_path / "ledger.json").read_text())[Stamp.objects.get().ledger]
    assert line == IPAddress.history.latest("history_id").history_id
    assert text.endswith(" 10.0.0.2")


def test_after_the_thaw_no_other_host_freezes_it_again(subnet, settings, tmp_path):
    allocate(subnet)
    freeze.look()
    old = (tmp_path / "ledger.json").read_text()
    IPAddress.history.all().delete()
    freeze.look()
    freeze.thaw()
    (tmp_path / "ledger.json").write_text(old)  # what another host remembers
    freeze.look()
    assert freeze.state() is None


@pytest.mark.django_db(transaction=True)
def test_the_worker_notices(subnet):
    allocate(subnet)
    worker = CatchUp()
    assert worker.tick()
    IPAddress.history.all().delete()
    assert worker.tick()
    assert freeze.state()


def test_a_restored_ledger_answers_503_with_a_remedy(subnet, admin_client):
    freeze.freeze("yesterday's backup")
    answer = admin_client.post(
        f"/api/v1/subnets/{subnet.pk}/next-free/", {}, content_type="application/json"
    )
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "frozen"
    assert "manage.py thaw" in answer.json()["hint"]


def test_the_admin_says_so_where_somebody_asks_for_an_address(subnet, admin_client):
    freeze.freeze("yesterday's backup")
    asked = {"subnet": subnet.pk, "description": "printer"}
    page = admin_client.post(
        reverse("admin:ipam_ipaddress_next_free"), asked, follow=True
    ).content.decode()
    assert "manage.py thaw" in page
    assert not IPAddress.objects.live().exists()


def test_the_overview_says_so(subnet, admin_client):
    freeze.freeze("yesterday's backup")
    page = admin_client.get("/admin/").content.decode()
    assert "No address is handed out" in page
    assert "yesterday&#x27;s backup" in page


def test_there_is_one_stamp_at_most(subnet):
    Stamp.objects.install()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_stamp")
        assert cursor.fetchone() == (1,)
