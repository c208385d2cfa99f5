"""A POST with an Idempotency-Key is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from api.models import REPLAY_LIFETIME, Replay
from ipam.models import Server, Subnet
from tests.ipam.factories import SubnetFactory
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
SERVERS = "/api/v1/servers/"


def post(api, sent, key="k-1", path=SERVERS):
    return api.post(path, sent, headers={"idempotency-key": key})


def test_a_repeat_is_answered_like_the_first_and_done_once():
    api = with_token("admin")
    first, again = post(api, {"hostname": "web"}), post(api, {"hostname": "web"})
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (again["ETag"], again["Idempotency-Replayed"]) == (first["ETag"], "true")
    assert "Idempotency-Replayed" not in first
    assert Server.objects.count() == 1


def test_an_allocation_without_a_vm_may_be_repeated():
    api = with_token("admin")
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.2-10.0.0.9"])
    path = f"/api/v1/subnets/{subnet.pk}/next-free/"
    given = [post(api, {}, key, path).json()["ip_address"] for key in ("a", "a", "b")]
    assert given == ["10.0.0.2", "10.0.0.2", "10.0.0.3"]


@pytest.mark.parametrize(
    ("path", "sent"), [(SERVERS, {"hostname": "db"}), ("/api/v1/vrfs/", {"name": "red"})]
)
def test_a_key_stands_for_one_request(path, sent):
    api = with_token("admin")
    post(api, {"hostname": "web"})
    response = post(api, sent, path=path)
    assert (response.status_code, response.json()["code"]) == (422, "key_reused")


def test_the_order_of_names_makes_no_other_request():
    api = with_token("admin")
    post(api, {"hostname": "web", "location": "b1"})
    assert post(api, {"location": "b1", "hostname": "web"}).status_code == 201


def test_what_was_refused_may_be_tried_again():
    api = with_token("admin")
    assert post(api, {"hostname": "web", "ip_address": "10.0.0.300"}).status_code == 400
    assert not Replay.objects.exists()
    assert post(api, {"hostname": "web"}).status_code == 201


def test_callers_do_not_share_their_keys():
    for api in (with_token("admin"), with_token("admin")):
        assert post(api, {"hostname": f"web-{Server.objects.count()}"}).status_code == 201
    assert post(with_session(staff("ipam.add_server")), {"hostname": "db"}).status_code == 201


def test_a_caller_without_the_right_learns_nothing_from_a_key():
    assert post(with_token("read"), {"hostname": "web"}).status_code == 403
    assert not Replay.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
def test_a_key_is_short_and_printable(key):
    response = post(with_token("admin"), {"hostname": "web"}, key)
    assert (response.status_code, list(response.json()["errors"])) == (400, ["Idempotency-Key"])


def test_a_key_is_forgotten_after_a_day():
    api = with_token("admin")
    post(api, {"hostname": "web"})
    Replay.objects.update(
        created_at=Replay.objects.get().created_at - REPLAY_LIFETIME - timedelta(seconds=1)
    )
    assert post(api, {"hostname": "db"}).status_code == 201
    assert Replay.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_the_same_request_many_times_at_once_one_is_done():
    api = with_token("admin")

    def send(_number):
        try:
            return post(api, {"network": "10.9.0.0/24"}, path="/api/v1/subnets/")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(16)))

    assert {response.status_code for response in answers} == {201}
    assert len({response.json()["id"] for response in answers}) == 1
    assert Subnet.objects.count() == 1
