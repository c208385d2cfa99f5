"""Every line of history says how the change was made, by whom, and to which change it belongs."""

import io
import threading
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from core.history import origin, records
from core.logs import REQUEST
from core.periodic import PeriodicWork
from ipam.allocate import release, reserve
from ipam.models import Interface, IPAddress, Server, Subnet
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.support import by_hand
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24")
    PoolFactory(subnet=found, first="10.0.0.10", last="10.0.0.19")
    return found


def lines(*models):
    """The newest line of each model: source, who, change."""
    found = [model.history.latest("history_id") for model in models]
    return [(line.history_source, records.who(line), line.history_change) for line in found]


@contextmanager
def request_id(value):
    """What the WSGI application does, before the fast path or Django answers."""
    token = REQUEST.set(value)
    yield
    REQUEST.reset(token)


# --- the sources ----------------------------------------------------------------------------------


def test_the_api_names_the_token_and_the_request(subnet):
    user = User.objects.create_superuser("ops")
    api = with_token("admin", user=user)
    done = api.post(f"{API}/servers/", {"hostname": "web", "ip_address": "10.0.0.12"})
    expected = ("api", "ops (test)", done["X-Request-ID"])
    assert lines(Server, IPAddress) == [expected, expected]


@pytest.mark.parametrize("times", [1, 2])  # the first request of a day goes to Django
def test_an_allocation_names_them_on_every_way(subnet, times):
    api = with_token("admin", user=User.objects.create_superuser("ops"))
    for number in range(times):
        path = f"{API}/subnets/{subnet.pk}/next-free/"
        with request_id(f"request-{number}"):
            done = api.post(path, {"vm_id": f"vm-{number}", "hostname": "a"})
        assert done.status_code == 201
        assert lines(IPAddress) == [("api", "ops (test)", f"request-{number}")]


def test_system_d_names_the_token(settings):
    api = with_token("admin", user=User.objects.create_superuser("ops"))
    for vm in ("one", "two"):
        with request_id(f"request-{vm}"):
            assert api.post(f"{API}/ip/allocate", {"vm_id": vm}).status_code == 201
        assert lines(IPAddress) == [("api", "ops (test)", f"request-{vm}")]
    done = api.delete(f"{API}/ip/release/one")
    assert lines(IPAddress) == [("api", "ops (test)", done["X-Request-ID"])]


def test_the_web_names_the_user(admin_client, subnet):
    done = admin_client.post(
        reverse("admin:ipam_ipaddress_changelist"),
        {
            "action": "reserve",
            "note": "x",
            "_selected_action": list(IPAddress.objects.values_list("pk", flat=True)[:3]),
        },
    )
    changes = set(IPAddress.history.values_list("history_source", "history_change"))
    assert changes == {("web", done["X-Request-ID"])}
    assert lines(IPAddress)[0][1] == "admin"


def test_a_command_names_itself_and_its_user_of_the_system(subnet, monkeypatch, tmp_path):
    monkeypatch.setattr(origin, "_system_user", lambda: "alice")
    file = tmp_path / "servers.csv"
    file.write_text("hostname;ip;mac\nweb;10.0.0.12;02:00:00:00:00:01\ndb;10.0.0.13;\n")
    call_command("import_csv", "servers", str(file), stdout=io.StringIO())
    (server, address) = lines(Server, IPAddress)
    assert server[:2] == ("import", "import_csv (alice)")
    assert server == address
    IPAddress.objects.filter(ip_address="10.0.0.12").update(server=None)
    call_command("populate_ipam", stdout=io.StringIO())
    assert lines(IPAddress)[0][:2] == ("command", "populate_ipam (alice)")
    assert lines(IPAddress)[0][2] != server[2]


def test_raw_sql_names_its_role(subnet):
    by_hand.insert(Server, hostname="web", ip_address="10.0.0.12")
    (server,) = lines(Server)
    assert server[0] == "sql"
    if connection.vendor == "sqlite":
        assert server[1:] == ("SQL", None)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        role = cursor.fetchone()[0]
    assert server[1] == f"{role} (SQL)"
    assert server[2].startswith("tx-")
    assert lines(IPAddress) == [server]


def test_periodic_work_is_the_workers_or_an_agents():
    class Work(PeriodicWork):
        name = "sweep"

        def tick(self):
            seen.append(origin.current())
            self.stop()
            return True

    class AgentsWork(Work):
        source = "agent"

    seen = []
    for kind in (Work, AgentsWork):
        thread = threading.Thread(target=kind().run)
        thread.start()
        thread.join()
    assert [(found.source, found.actor) for found in seen] == [
        ("worker", "sweep"),
        ("agent", "sweep"),
    ]
    assert seen[0].change != seen[1].change


def test_a_change_without_request_or_command_is_the_programs():
    ServerFactory()
    (line,) = lines(Server)
    assert line[0] == "command" and line[1] and line[2]


# --- what people see ------------------------------------------------------------------------------


def recent(client):
    return client.get(reverse("admin:index")).context["recent"]


def test_recent_changes_tell_a_bulk_action_in_one_line(admin_client, subnet):
    rows = list(IPAddress.objects.order_by("ip_address")[:5])
    with origin.acting("web", ""):
        for row in rows:
            reserve(row, "x")
    with origin.acting("command", "release_all (alice)"):
        for row in rows:
            release(row)
    with origin.acting("api", "ci"):
        Server.objects.bulk_create([Server(hostname=name) for name in "abc"])
    assert [row.sentence for row in recent(admin_client)[:3]] == [
        "<strong>ci</strong> added 3 servers",
        "<strong>release_all (alice)</strong> released 5 IP addresses in 10.0.0.0/24",
        "<strong>Somebody</strong> reserved 5 IP addresses in 10.0.0.0/24",
    ]
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "5 rows" in page and "command" in page


def test_recent_changes_tell_what_follows_from_a_server_with_its_server(admin_client, subnet):
    api = with_token("admin", user=User.objects.create_superuser("ops"))
    made = api.post(f"{API}/servers/", {"hostname": "web", "ip_address": "10.0.0.12"}).json()
    api.delete(f"{API}/servers/{made['id']}/")
    assert [row.sentence for row in recent(admin_client)[:2]] == [
        "<strong>ops (test)</strong> deleted server web",
        "<strong>ops (test)</strong> added server web",
    ]


def test_the_history_of_a_row_names_token_source_and_change(admin_client, subnet):
    api = with_token("admin", user=User.objects.create_superuser("ops"))
    done = api.post(f"{API}/servers/", {"hostname": "web"})
    page = admin_client.get(
        reverse("admin:ipam_server_history", args=[done.json()["id"]])
    ).content.decode()
    assert "ops (test)" in page and "API" in page and done["X-Request-ID"] in page


def test_lines_from_before_are_shown_as_they_were(admin_client, subnet):
    ServerFactory(hostname="old")
    blank = {"history_source": None, "history_actor": None, "history_change": None}
    for model in (Server, Subnet, Interface, IPAddress):
        model.history.update(**blank)
    Server.history.update(history_change_reason="ipadmin (SQL)")
    assert "ipadmin (SQL)" in [row.change.who for row in recent(admin_client)]
