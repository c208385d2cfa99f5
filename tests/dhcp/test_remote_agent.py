"""An agent over HTTPS: a token of its own, no database, and the centre knows how its site is."""

import json
import os
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from core.errors import Invalid
from core.findings import ERROR, WARNING
from dhcp.daemon.heartbeat import Look, State, states
from dhcp.files.targets import Target
from dhcp.models import (
    AgentReport,
    AgentToken,
    DhcpChange,
    DhcpLog,
    DhcpProblem,
    DhcpScope,
    DhcpServer,
    DhcpTransaction,
    DnsmasqHeartbeat,
    Generation,
    HandEdit,
)
from dhcp.remote import tokens
from dhcp.remote.agent import CentreState, FilesWorker, ReportWorker, put_in_place
from dhcp.remote.centre import Away, Centre, Refused
from dhcp.remote.health_checks import agents_hosts
from dhcp.remote.site import Site
from dhcp.state.health_checks import agents
from dhcp.state.machines import states_of_servers
from ipam.models import Server, Sighting, Subnet
from names.models import Zone
from ops.backup import access
from tests.api.test_api_access import METHODS, routes
from tests.support.api import with_token

pytestmark = pytest.mark.django_db(transaction=True)

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ROOT = "/api/v1/dhcp/agent/"
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))


@pytest.fixture
def berlin(target, settings):
    settings.DHCP_SYNC = "worker"
    Subnet.objects.create(network="10.77.0.0/24", site="Berlin")
    Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    return DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")


@pytest.fixture
def token(berlin):
    return tokens.create(berlin)[1]


class Caller:
    """The centre as an agent sees it, without a network between."""

    def __init__(self, token):
        self.client, self.headers = Client(), {"authorization": f"Bearer {token}"}

    def files(self, etag="", directory="/var/lib/x", wait=0, **more):
        query = {"directory": directory, "wait": wait, **more}
        headers = {**self.headers, "if-none-match": f'"{etag}"'}
        return self.client.get(f"{ROOT}files/", query, headers=headers)

    def post(self, route, **body):
        return self.client.post(
            f"{ROOT}{route}/",
            json.dumps(body),
            content_type="application/json",
            headers=self.headers,
        )


@pytest.fixture
def caller(token):
    return Caller(token)


@pytest.fixture
def centre(live_server, token):
    return Centre.at(live_server.url, token)


@pytest.fixture
def files(target, centre):
    return FilesWorker(target, centre, CentreState())


@pytest.fixture
def report(target, centre):
    return ReportWorker(Site(target), centre, CentreState())


def pending(server):
    return DhcpChange.objects.for_server(server.pk).count()


# --- the files ------------------------------------------------------------------------------------


def test_the_centre_s_files_are_put_in_place_and_recorded_only_then(files, berlin, target):
    assert pending(berlin) and not Generation.objects.filter(server=berlin).exists()
    assert files.step() == ""
    assert target.hosts.read_text().endswith(f"{A},10.77.0.9,web\n")
    assert f"dhcp-hostsfile={target.hosts}\n" in target.conf.read_text()
    newest = Generation.objects.newest(berlin.pk)
    assert (newest.result, newest.hosts, pending(berlin)) == ("applied", 1, 0)
    assert f"+{A},10.77.0.9,web" in newest.diff

    Server.objects.get().delete()
    assert files.step() == "" and A not in target.hosts.read_text()
    assert (
        pending(berlin) == 0 and f"-{A},10.77.0.9,web" in Generation.objects.newest(berlin.pk).diff
    )


def test_a_change_without_effect_is_applied_without_a_reload(files, berlin, target):
    files.step()
    read = target.applied.stat().st_mtime_ns
    DhcpServer.objects.get().save()
    Subnet.objects.create(network="10.99.0.0/24", site="Berlin")
    assert pending(berlin)
    files.step()
    assert (pending(berlin), target.applied.stat().st_mtime_ns) == (0, read)


def test_the_same_files_are_not_sent_again_and_the_answer_waits_for_a_change(files, caller):
    files.step()
    etag = caller.files(directory=str(files.target.directory))["ETag"].strip('"')
    again = caller.files(etag, str(files.target.directory), wait=0.1)
    assert (again.status_code, again.content, again["X-Pending-Changes"]) == (304, b"", "0")
    Server.objects.create(hostname="b", mac_address=B, ip_address="10.77.0.10")
    changed = caller.files(etag, str(files.target.directory), wait=15)
    assert changed.status_code == 200 and B in changed.json()["hosts"]


def test_an_edit_by_hand_is_sent_before_it_is_overwritten(files, target):
    files.step()
    target.hosts.write_text(target.hosts.read_text() + f"{B},10.77.0.20,hand\nnonsense, as typed\n")
    files.step()
    served, kept = HandEdit.objects.order_by("-served")
    assert served.line == f"{B},10.77.0.20,hand" and served.served
    assert kept.raw == "nonsense, as typed" and not kept.served
    assert target.hosts.read_text().endswith(f"{B},10.77.0.20,hand\n")


def test_files_that_are_missing_or_damaged_are_put_in_place_again(files, target):
    files.step()
    whole = target.hosts.read_bytes()
    target.hosts.unlink()
    files.step()
    assert target.hosts.read_bytes() == whole


def test_what_prevents_it_is_told_at_the_centre_and_so_is_its_end(files, berlin, settings):
    files.target = Target(files.target.directory, "pidfile:/nowhere", None, "")
    assert "nowhere" in files.step()
    newest = Generation.objects.newest(berlin.pk)
    assert newest.result == "failed" and "nowhere" in newest.reason and pending(berlin)
    files.target = Target(files.target.directory, "none", None, "")
    assert files.step() == "" and Generation.objects.newest(berlin.pk).result == "applied"


def test_a_sudden_loss_of_reservations_is_refused_until_it_is_meant(files, berlin):
    rows = [
        Server(hostname=f"s{n}", mac_address=f"02:00:00:00:01:{n:02x}", ip_address=f"10.77.0.{n}")
        for n in range(20, 50)
    ]
    Server.objects.bulk_create(rows)
    files.step()
    Server.objects.all().delete()
    with pytest.raises(Refused, match="would vanish"):
        files.step()
    assert Generation.objects.newest(berlin.pk).result == "failed"
    assert files.step(force=True) == "" and Generation.objects.newest(berlin.pk).hosts == 0


def test_files_that_are_none_of_our_grammar_are_not_written(target):
    content = {"opts": "", "conf": "", "has_options": False}
    for line in (f"{A},set:x,10.77.0.9", "dhcp-script=/bin/sh", f"{A},10.77.0.9,ignore"):
        with pytest.raises(Refused, match="our own check"):
            put_in_place(target, {**content, "hosts": f"{line}\n"})
    assert not target.hosts.exists()


def test_while_the_centre_is_away_the_files_stay(files, target, live_server, caplog):
    files.step()
    before = target.hosts.read_bytes()
    there = files.centre
    files.centre = Centre.at("http://127.0.0.1:9", "ipa_x")
    for _ in range(3):
        files.work()
    assert target.hosts.read_bytes() == before and caplog.text.count("does not answer") == 1
    files.centre = there
    files.step()
    assert "the centre answers again" in caplog.text


# --- the report -----------------------------------------------------------------------------------


def test_everything_of_the_site_is_known_at_the_centre(report, berlin, target, settings, tmp_path):
    log = tmp_path / "log"
    log.write_text(f"Nov 30 10:00:00 dnsmasq-dhcp[7]: DHCPACK(eth0) 10.77.0.9 {A} web\n")
    target.leases.write_text(f"{int(timezone.now().timestamp()) + 600} {A} 10.77.0.9 web *\n")
    target.prepare()
    target.conf.write_text("proposed\n")
    installed = tmp_path / "installed"
    installed.write_text("older\n")
    site = Site(Target(target.directory, "none", None, "", installed, target.leases, log=str(log)))
    report.site = site
    site.note_look(target, Look(State.DEAD, "The process 7 has ended."))
    site.since -= 30
    report.work()  # the first one asks where to begin with the log
    report.work()
    berlin.refresh_from_db()
    assert timezone.now() - berlin.last_seen_at < timedelta(seconds=5)
    state = states()[berlin.pk]
    assert (state.state, state.detail) == ("dead", "The process 7 has ended.")
    assert timezone.now() - state.since > timedelta(seconds=29)
    assert Sighting.objects.get(source="lease").origin == "berlin"
    assert [row.kind for row in DhcpTransaction.objects.filter(server=berlin)] == ["ack"]
    found = AgentReport.objects.get()
    assert found.conf_installed is False and abs(found.clock_ahead) < 5
    (finding,) = agents_hosts()
    assert finding.level == WARNING and "the configuration is not installed" in finding.msg
    report.work()
    assert DhcpTransaction.objects.count() == 1  # no line twice


def test_a_clock_that_is_off_is_told(caller, berlin):
    now = timezone.now().timestamp()
    for clock, wanted in ((now, []), (now - 3600, [ERROR]), (now + 11, [ERROR])):
        report = {"host": "h", "version": "1", "clock": clock}
        assert caller.post("report", **report).status_code == 200
        assert [finding.level for finding in agents_hosts()] == wanted


def test_findings_of_the_host_are_those_of_its_agent(caller, berlin):
    finding = {"kind": "reads_others", "level": "error", "facts": {"theirs": "/x", "ours": "/y"}}
    inspection = {"findings": [finding, 7], "process": {"pid": 7}}
    report = {"host": "h", "version": "1", "clock": timezone.now().timestamp()}
    assert caller.post("report", **report, inspection=inspection).status_code == 200
    assert berlin.hostreport_set.get().findings == [finding]


def test_an_agent_that_is_silent_for_a_minute_is_told(caller, berlin):
    caller.post("report", host="h", version="1", clock=timezone.now().timestamp())
    assert list(agents()) == []
    DhcpServer.objects.update(last_seen_at=timezone.now() - timedelta(seconds=61))
    (finding,) = agents()
    assert finding.level == ERROR and "berlin" in finding.msg


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"host": "h", "version": "1", "clock": "x"},
        {"host": "h", "version": "1", "clock": 1e300},
        {"host": "h", "version": "1", "clock": 1, "heartbeat": {"state": "fine"}},
        {"host": "h\0", "version": "1", "clock": 1},
        {"host": "h", "version": "1", "clock": 1, "log": {"name": "l", "lines": [["x", 1, 2]]}},
    ],
)
def test_what_is_no_report_is_400(caller, body):
    assert caller.post("report", **body).status_code == 400


def test_no_line_of_a_log_keeps_an_agent_from_reporting(report, berlin, target, tmp_path):
    """Anybody on its wire chooses the name of a file that the TFTP server is asked for."""
    log, start = tmp_path / "log", "Nov 30 10:00:00 dnsmasq-"
    names = (r"/srv/\u0000", "/srv/\0", "x" * 20_000)
    lines = [f"{start}tftp[7]: file {name} not found for 10.77.0.9\n" for name in names]
    log.write_text("".join([*lines, f"{start}dhcp[7]: DHCPACK(eth0) 10.77.0.9 {A} web\n"]))
    report.site = Site(Target(target.directory, "none", None, "", log=str(log)))
    report.work()
    report.work()
    assert report.state.reason == ""
    assert [row.kind for row in DhcpTransaction.objects.filter(server=berlin)] == ["ack"]


def test_a_lease_file_of_garbage_ends_no_lease(caller):
    report = {"host": "h", "version": "1", "clock": 1}
    end = int(timezone.now().timestamp()) + 600
    assert caller.post("report", **report, leases=f"{end} {A} 10.77.0.9 web *\n").status_code == 200
    assert caller.post("report", **report, leases="<html>no leases</html>\n").status_code == 200
    assert Sighting.objects.get(source="lease").leased_until.timestamp() == end


def test_a_text_that_no_database_takes_is_no_report(caller):
    for text in ("\0", "\ud800"):
        line = [1, "dnsmasq-dhcp", f"DHCPACK(e) 10.77.0.9 {A} {text}"]
        log = {"name": "l", "before": None, "after": {}, "lines": [line]}
        assert caller.post("report", host="h", version="1", clock=1, log=log).status_code == 400


def test_an_agent_has_one_host_and_few_logs(caller, berlin):
    """Whoever has its token fills no table."""
    look = {"state": "up", "detail": "", "seconds": 1}
    seen = {"findings": [], "process": {}}
    for number in range(8):
        name, now = f"h{number}", timezone.now().timestamp()
        report = {"host": name, "version": "1", "clock": now, "log": {"name": name}}
        assert caller.post("report", **report, heartbeat=look, inspection=seen).status_code == 200
    assert [row.host for row in berlin.hostreport_set.all()] == ["h7"]
    assert [row.host for row in DnsmasqHeartbeat.objects.filter(server=berlin)] == ["h7"]
    logs = DhcpLog.objects.filter(server=berlin).order_by("pk")
    assert [row.log for row in logs] == ["h4", "h5", "h6", "h7"]


@pytest.mark.parametrize("directory", ["/a\ndhcp-script=/x", "x/a", "/a b"])
def test_a_directory_is_a_path_of_plain_characters(caller, directory):
    answer = caller.files(directory=directory)
    assert (answer.status_code, answer.json().get("errors", {}).keys()) == (400, {"directory"})


def test_its_machines_have_states_and_its_page_shows_the_site(
    files, report, berlin, target, admin_client
):
    web = Server.objects.get()
    files.step()
    target.leases.write_text(f"{int(timezone.now().timestamp()) + 600} {A} 10.77.0.9 web *\n")
    DhcpScope.objects.create(subnet=Subnet.objects.get())
    report.work()
    files.step()
    report.site.note_look(target, Look(State.UP, "It serves our generation."))
    report.work()
    state = states_of_servers([web])[web.pk]
    assert state.kind == "live", state
    page = admin_client.get(f"/admin/dhcp/dhcpserver/{berlin.pk}/change/").content.decode()
    assert "Its site" in page and "configuration and clock are right" in page
    found = with_token("admin").get(f"/api/v1/dhcp/servers/{berlin.pk}/").json()
    assert abs(found["clock_ahead"]) < 5 and found["conf_installed"] is None


# --- the token ------------------------------------------------------------------------------------


def test_a_stolen_token_can_do_nothing_but_its_own_site_s_work(token, berlin):
    """Every route of the site, with every method; `make test` tries one of them on the routes of
    others."""
    bonn = DhcpServer.objects.create(name="bonn", site="Bonn", run_by="agent")
    before = (Server.objects.count(), Subnet.objects.count(), AgentToken.objects.count())
    nobody, thief = Client(), Client(headers={"authorization": f"Bearer {token}"})
    answered = set()
    found = sorted(set(routes(get_resolver())))
    for turn, route in enumerate(found):
        whole = LONG or "dhcp/agent/" in route
        for method in METHODS if whole else METHODS[turn % len(METHODS) :][:1]:
            asked = (method, f"/{route}", "{}")
            stolen = thief.generic(*asked, content_type="application/json")
            assert stolen.status_code < 500, asked
            if stolen.status_code in (401, 403, 404, 405):
                continue
            without = nobody.generic(*asked, content_type="application/json")
            if without.status_code != stolen.status_code:
                answered.add(re.sub(r".*dhcp/agent/", "agent/", route))
    ours = {"agent/files/", "agent/result/", "agent/edits/", "agent/report/"}
    assert answered == ours
    after = (Server.objects.count(), Subnet.objects.count(), AgentToken.objects.count())
    assert before == after and not bonn.heartbeats.exists()


def test_it_knows_the_files_of_its_own_server_only(caller, berlin):
    DhcpServer.objects.create(name="bonn", site="Bonn", run_by="agent")
    Subnet.objects.create(network="10.88.0.0/24", site="Bonn")
    Server.objects.create(hostname="other", mac_address=B, ip_address="10.88.0.9")
    for more in ({}, {"server": "bonn"}, {"server_id": 1}):
        text = caller.files(**more).content.decode()
        assert A in text and B not in text


@pytest.mark.parametrize("lack", ["revoked", "expired", "disabled", "local", "unknown"])
def test_a_token_that_is_no_longer_good_opens_nothing(caller, berlin, lack):
    steps = {
        "revoked": lambda: AgentToken.objects.all().delete(),
        "expired": lambda: AgentToken.objects.update(expires_at=timezone.now()),
        "disabled": lambda: DhcpServer.objects.update(enabled=False),
        "local": lambda: DhcpServer.objects.update(run_by="local"),
        "unknown": lambda: caller.headers.update(authorization="Bearer ipa_made-up"),
    }
    steps[lack]()
    wanted = 409 if lack in ("disabled", "local") else 401
    for answer in (caller.files(), caller.post("report"), caller.post("edits")):
        assert answer.status_code == wanted


def test_the_command_makes_lists_and_withdraws_tokens(berlin, capsys):
    call_command("agent_token", "--server", "berlin", "--days", "30")
    value = capsys.readouterr().out.strip()
    assert Caller(value).files().status_code == 200
    call_command("agent_token", "--server", "berlin", "--list")
    listed = capsys.readouterr().out
    assert value[:10] in listed and value not in listed
    call_command("agent_token", "--server", "berlin", "--revoke", value[:10])
    assert Caller(value).files().status_code == 401
    with pytest.raises(CommandError, match="begins like this"):
        call_command("agent_token", "--server", "berlin", "--revoke", "ipa_nobody")
    for name in ("default", "bonn"):
        with pytest.raises(CommandError, match=name):
            call_command("agent_token", "--server", name)


def test_a_withdrawn_token_does_not_come_back_with_a_backup(berlin):
    token, value = tokens.create(berlin)
    before = token.expires_at
    AgentToken.objects.update(expires_at=timezone.now())
    gone = access.ended()
    AgentToken.objects.update(expires_at=before)  # what a backup says
    access.settle(gone, bring_back=False)
    assert Caller(value).files().status_code == 401


def test_nginx_asks_before_it_takes_a_large_report(caller):
    """deploy/nginx/ipmanager.conf, auth_request."""
    for uri, status in ((f"{ROOT}report/", 204), ("/api/v1/subnets/bulk/", 403)):
        headers = {**caller.headers, "x-original-uri": uri, "x-original-method": "POST"}
        assert caller.client.get("/api/v1/may-send/", headers=headers).status_code == status


def test_another_token_or_a_session_is_no_agent(berlin, admin_client):
    for caller in (with_token("admin"), admin_client):
        assert caller.get(f"{ROOT}files/?directory=/x").status_code in (401, 403)


@pytest.mark.parametrize(
    "url", ["http://ipmanager.example", "ftp://x", "ipmanager.example", "https://", ""]
)
def test_a_token_is_sent_by_https_only(url):
    with pytest.raises(Invalid, match="https://"):
        Centre.at(url, "ipa_x")


def test_a_redirect_is_not_followed(live_server, settings):
    """The centre's own redirect from / stands for any."""
    centre = Centre.at(live_server.url, "ipa_x")
    object.__setattr__(centre, "url", f"{live_server.url}/ipam/?")
    with pytest.raises((Away, Refused)):
        centre.post("report", {})
    assert not DhcpProblem.objects.exists()


# --- names ----------------------------------------------------------------------------------------


@pytest.fixture
def named(berlin):
    Subnet.objects.update(domain="corp.example")
    Zone.objects.create(name="corp.example")


def test_names_go_the_way_of_the_other_files(named, files, berlin, target):
    assert files.step() == ""
    assert target.names.read_text().endswith("10.77.0.9 web.corp.example\n")
    assert f"addn-hosts={target.names}\n" in target.conf.read_text()
    assert not pending(berlin)
    assert Generation.objects.filter(server=berlin).latest("pk").result == "applied"
    Server.objects.filter(hostname="web").update(hostname="www")
    assert files.step() == ""
    assert "10.77.0.9 www.corp.example\n" in target.names.read_text()
    assert not pending(berlin)


def test_names_that_were_edited_on_the_agents_host_are_reported(named, files, target):
    assert files.step() == ""
    target.names.write_text(target.names.read_text() + "10.77.0.66 bank.corp.example\n")
    assert files.step() == ""
    (edit,) = HandEdit.objects.undecided()
    assert (edit.file, edit.raw) == ("names", "10.77.0.66 bank.corp.example")
    assert "bank" not in target.names.read_text()
