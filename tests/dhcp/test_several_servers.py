"""Several DHCP servers as people see them: at the prompt, in the admin, and in every machine's
state."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from dhcp import servers
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpServer, Generation
from dhcp.state import machines
from dhcp.state.why import why
from ipam.models import Server
from tests.dhcp.records import scoped, sync_and_confirm
from tests.dhcp.test_command import run
from tests.ipam.admin_forms import queries_of

pytestmark = pytest.mark.django_db
WEB, DB = "02:00:00:00:01:01", "02:00:00:00:02:01"
LIST = "/admin/dhcp/dhcpserver/"


@pytest.fixture
def berlin(target, settings):
    settings.DHCP_SYNC = "worker"
    scoped("10.1.0.0/24")
    Server.objects.create(hostname="web", mac_address=WEB, ip_address="10.1.0.9")
    scoped("10.2.0.0/24", site="Berlin")
    Server.objects.create(hostname="db", mac_address=DB, ip_address="10.2.0.9")
    return DhcpServer.objects.create(name="berlin", site="Berlin", reload="none")


def state_of(name):
    server = Server.objects.get(hostname=name)
    return machines.states_of_servers([server])[server.pk]


# --- a machine's state ----------------------------------------------------------------------------


def test_a_machine_is_told_when_its_own_server_has_confirmed(berlin):
    sync_and_confirm()
    assert (state_of("web").kind, state_of("db").kind) == ("told", "pending")
    sync(Target.of(berlin))
    Generation.objects.update(confirmed=True)
    assert state_of("db").reason.startswith("berlin: dnsmasq has confirmed its line")
    assert state_of("web").reason.startswith("dnsmasq has confirmed its line")


def test_a_broken_server_is_the_reason_for_its_own_machines_only(berlin):
    berlin.reload = "pidfile:/nowhere"
    berlin.save()
    sync()
    sync(Target.of(berlin))
    assert state_of("web").is_written
    assert state_of("db").reason.startswith(
        "berlin: dnsmasq does not have it: cannot read /nowhere"
    )


def test_a_disabled_server_is_the_reason(berlin):
    DhcpServer.objects.update(enabled=False)
    assert state_of("db").kind == "unserved" and "is disabled" in state_of("db").reason


def test_an_agent_that_is_away_is_the_reason(berlin):
    DhcpServer.objects.update(run_by="agent")
    assert "its agent has never been seen" in state_of("db").reason
    DhcpServer.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    assert "its agent was last seen" in state_of("db").reason
    DhcpServer.objects.update(last_seen_at=timezone.now())
    assert state_of("db").reason == "berlin: dnsmasq does not have it yet."


def test_why_names_the_server_and_looks_into_its_file(berlin):
    sync(Target.of(berlin))
    steps = {step.question: step.answer for step in why(DB).steps}
    assert steps["Which DHCP server serves it?"] == "berlin"
    assert steps[f"Which line is in {Target.of(berlin).hosts}?"] == f"{DB},10.2.0.9,db"
    DhcpServer.objects.update(run_by="agent")
    assert {s.question: s.answer for s in why(DB).steps}[
        "Which line did berlin apply last?"
    ] == f"{DB},10.2.0.9,db"


# --- the prompt -----------------------------------------------------------------------------------


def test_without_a_name_every_server_of_the_installation_is_synced(berlin, target):
    DhcpServer.objects.create(name="remote", run_by="agent")
    status, out, _errors = run()
    assert (
        status == 0
        and out.startswith("applied: 1 reservations")
        and "berlin: applied: 1 reservations" in out
    )
    assert Target.of(berlin).hosts.exists() and not (target.directory / "remote").exists()


def test_with_a_name_that_one_only(berlin, target):
    assert "berlin: applied: 1 reservations" in run("--server", "berlin")[1]
    assert not target.hosts.exists()
    assert run("--server", "default")[1].startswith("applied: 1 reservations")


def test_json_keeps_its_shape_for_the_default_server_and_lists_the_others(berlin):
    answer = json.loads(run("--json")[1])
    assert (answer["result"], answer["hosts"], "server" in answer) == ("applied", 1, False)
    assert [(one["server"], one["result"]) for one in answer["servers"]] == [("berlin", "applied")]


def test_diff_list_and_conf_tell_of_the_server_asked_for(berlin):
    assert "+02:00:00:00:02:01,10.2.0.9,db" in run("--server", "berlin", "--diff")[1]
    run()
    assert "berlin:" in run("--list")[1]
    assert len(run("--list", "--server", "berlin")[1].splitlines()) == 1
    assert f"dhcp-hostsfile={Target.of(berlin).hosts}" in run("--conf", "--server", "berlin")[1]


def test_a_broken_server_does_not_keep_the_others_from_being_synced(berlin, target):
    berlin.reload = "pidfile:/nowhere"
    berlin.save()
    status, out, _errors = run()
    assert status == 1 and "berlin: failed: cannot read /nowhere" in out and target.hosts.exists()


def test_a_rollback_needs_no_name_and_is_released_by_one(berlin):
    run()
    first = Generation.objects.newest(berlin.pk).pk
    Server.objects.filter(hostname="db").update(hostname="data")
    run()
    assert "berlin: applied: 1 reservations, 0 changes" in run("--rollback", str(first))[1]
    assert ",db\n" in Target.of(berlin).hosts.read_text()
    run("--release", "--server", "berlin")
    assert ",data\n" in Target.of(berlin).hosts.read_text()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"run_by": "agent"}, "dnsmasq_agent --server berlin --once"),
        ({"enabled": False}, "is disabled"),
        ({"name": "bonn"}, "there are: default, bonn"),
    ],
)
def test_a_server_that_cannot_be_synced_from_here_is_refused_with_the_way_to_do_it(
    berlin, facts, words
):
    DhcpServer.objects.update(**facts)
    with pytest.raises(CommandError, match=words):
        call_command("sync_dnsmasq", "--server", "berlin")


def test_the_rollback_of_an_agent_s_server_is_sent_to_its_host(berlin):
    sync(Target.of(berlin))
    DhcpServer.objects.update(run_by="agent")
    number = Generation.objects.newest(berlin.pk).pk
    with pytest.raises(CommandError, match=f"dnsmasq_agent --server berlin --rollback {number}"):
        call_command("sync_dnsmasq", "--rollback", str(number))


# --- too many -------------------------------------------------------------------------------------


def test_more_than_ten_thousand_reservations_are_warned_of_everywhere(
    berlin, monkeypatch, admin_client
):
    assert servers.size_warning(10_000) == "" and "10001 reservations" in servers.size_warning(
        10_001
    )
    monkeypatch.setattr(servers, "MANY", 0)
    words = "Give a site a DHCP server of its own"
    assert run()[2].count(words) == 2
    assert words in admin_client.get("/admin/").content.decode()
    assert words in admin_client.get("/admin/dhcp/generation/sync/").content.decode()
    assert words in admin_client.get(f"{LIST}{berlin.pk}/change/").content.decode()


# --- the admin ------------------------------------------------------------------------------------


def test_the_list_shows_how_each_one_fares(berlin, admin_client):
    assert "pending" in admin_client.get(LIST).content.decode()
    sync(Target.of(berlin))
    assert "in step" in admin_client.get(LIST).content.decode()
    DhcpServer.objects.update(run_by="agent")
    assert "agent missing" in admin_client.get(LIST).content.decode()


def test_a_server_is_made_and_changed_in_the_form_and_a_mistake_is_said_at_its_field(
    target, admin_client
):
    facts = {
        "name": "berlin",
        "site": "Berlin",
        "enabled": "on",
        "run_by": "local",
        "reload": "",
        "dns": "x",
    }
    page = admin_client.post(f"{LIST}add/", facts)
    assert "is not HOST:PORT" in page.content.decode()
    admin_client.post(f"{LIST}add/", facts | {"dns": "127.0.0.1:53"})
    assert DhcpServer.objects.get().dns == "127.0.0.1:53"


def test_thirty_servers_cost_as_many_queries_as_three(target, admin_client):
    DhcpServer.objects.bulk_create(DhcpServer(name=f"s{number}") for number in range(3))
    few = queries_of(admin_client, LIST), queries_of(admin_client, "/admin/")
    DhcpServer.objects.bulk_create(DhcpServer(name=f"t{number}") for number in range(27))
    assert (queries_of(admin_client, LIST), queries_of(admin_client, "/admin/")) == few


def test_compare_and_sync_is_about_one_server(berlin, target, admin_client):
    page = admin_client.get("/admin/dhcp/generation/sync/?server=berlin").content.decode()
    assert "10.2.0.9,db" in page and "10.1.0.9,web" not in page
    admin_client.post("/admin/dhcp/generation/sync/?server=berlin")
    assert Target.of(berlin).hosts.exists() and not target.hosts.exists()
    assert admin_client.get("/admin/dhcp/generation/sync/?server=bonn").status_code == 404


def test_generations_are_filtered_by_their_server(berlin, admin_client):
    run()
    pages = [
        admin_client.get(f"/admin/dhcp/generation/?dhcp_server={name}")
        for name in ("default", "berlin")
    ]
    assert [[row.server for row in page.context["cl"].result_list] for page in pages] == [
        [None],
        [berlin],
    ]


def test_the_first_page_tells_of_every_server(berlin, admin_client):
    page = admin_client.get("/admin/").content.decode()
    assert f"{LIST}{berlin.pk}/change/" in page and "1 pending change" in page
    assert DhcpChange.objects.for_server(berlin.pk).count() == 1


def test_a_web_node_without_the_files_sends_to_the_machine_that_has_them(
    berlin, target, admin_client
):
    Generation.objects.create(result="applied")  # by the worker, elsewhere
    for ask in (admin_client.get, admin_client.post):
        page = ask("/admin/dhcp/generation/sync/", follow=True).content.decode()
        assert "are on another host. Run there: manage.py sync_dnsmasq" in page
    assert not target.directory.exists() and DhcpChange.objects.exists()


# --- what a server cannot become ------------------------------------------------------------------


def test_a_server_keeps_its_name_because_its_dnsmasq_reads_the_directory_of_that_name(
    berlin, admin_client
):
    berlin.name = "hamburg"
    with pytest.raises(ValidationError, match="directory of the present name"):
        berlin.save()
    page = admin_client.get(f"{LIST}{berlin.pk}/change/").content.decode()
    assert 'name="name"' not in page
    assert 'name="site"' in page


@pytest.mark.parametrize("way", ["sudo", "pidfile:/run/dnsmasq/dnsmasq.pid"])
def test_the_signal_to_the_default_server_tells_no_other(berlin, settings, way):
    settings.DNSMASQ_RELOAD = way
    berlin.reload = ""
    with pytest.raises(ValidationError, match="Specify how this dnsmasq is reloaded"):
        berlin.save()
    assert Target.of(berlin).reload == "none"  # as raw SQL may have left it
    settings.DNSMASQ_RELOAD = "generation"  # a file in a directory of its own
    berlin.save()
    assert Target.of(berlin).reload == "generation"
