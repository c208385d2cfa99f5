"""/metrics: who may read it, what it says, what it costs; the alert rules ask for nothing else."""

import json
import re
import subprocess
from datetime import timedelta
from ipaddress import ip_network

import pytest
import yaml
from django.db import DatabaseError
from django.urls import get_resolver
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from api.models import Pulse
from dhcp.models import (
    AgentReport,
    DhcpChange,
    DhcpLog,
    DhcpNode,
    DhcpServer,
    DnsmasqHeartbeat,
    Generation,
    HandEdit,
    HostReport,
    SyncLease,
)
from discovery.rogue.models import RogueServer
from events.models import Webhook
from ipam.allocate import allocate
from ipam.models import Sighting
from ops import host_checks, metrics, traffic
from tests.api.test_api_access import routes
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.registry.factories import ServiceFactory
from tests.support.api import staff, with_session, with_token
from tests.support.site import ROOT

DASHBOARD = ROOT / "deploy/grafana/ipmanager.json"
RULES = ROOT / "deploy/prometheus/ipmanager.rules.yml"


def samples(text):
    """{(name, labels as sorted pairs): value}; Prometheus's own parser judges the form."""
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def tables():
    return samples(metrics.Tables().text().decode())


def value(found, name, **labels):
    return found.get((f"ipmanager_{name}", tuple(sorted(labels.items()))))


# --- who ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_token_that_may_read_may_scrape(client):
    assert client.get("/metrics").status_code == 401
    assert with_token("allocate").get("/metrics").status_code == 403
    assert with_token("read").get("/metrics").status_code == 200
    assert with_session(staff()).get("/metrics").status_code == 403
    assert with_session(staff("ipam.view_subnet")).get("/metrics").status_code == 200


@pytest.mark.django_db
def test_a_token_for_some_networks_does_not_see_all_pools():
    assert with_token("read", subnets=["10.0.0.0/8"]).get("/metrics").status_code == 403


@pytest.mark.django_db
def test_listed_addresses_need_no_token_and_nobody_can_pretend(client, settings):
    settings.METRICS_FROM = [ip_network("10.9.0.0/24")]
    assert client.get("/metrics", REMOTE_ADDR="10.9.0.7").status_code == 200
    forged = {"x-forwarded-for": "10.9.0.7"}
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers=forged).status_code == 401


@pytest.mark.django_db
def test_any_accept_header_gets_prometheus_text():
    for accepted in (
        "application/openmetrics-text;version=1.0.0",
        "application/json",
        "image/png",
        "*/*",
    ):
        response = with_token("read").get("/metrics", headers={"accept": accepted})
        assert response["Content-Type"].startswith("text/plain; version=")


# --- what -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_pools_have_their_size_and_use():
    subnet = SubnetFactory(network="10.0.0.0/29", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.1", last="10.0.0.4")
    PoolFactory(subnet=subnet, first="10.0.0.5", last="10.0.0.6", kind="dhcp")
    allocate(subnet, vm_id="a")
    for end, hours in (("5", 1), ("6", -1)):
        until = timezone.now() + timedelta(hours=hours)
        Sighting.objects.create(
            ip_address=f"10.0.0.{end}",
            mac_address=f"02:00:00:00:00:0{end}",
            source="lease",
            leased_until=until,
        )

    found = tables()

    static = {"vrf": "", "subnet": "10.0.0.0/29", "pool": "10.0.0.1-10.0.0.4", "kind": "static"}
    dhcp = static | {"pool": "10.0.0.5-10.0.0.6", "kind": "dhcp"}
    assert (value(found, "pool_size", **static), value(found, "pool_used", **static)) == (3, 1)
    assert (value(found, "pool_size", **dhcp), value(found, "pool_used", **dhcp)) == (2, 1)
    assert value(found, "addresses", status="allocated") == 1


@pytest.mark.django_db
def test_a_subnet_whose_static_pool_is_full_is_full_and_so_is_no_other_figure():
    subnet = SubnetFactory(network="10.0.0.0/20", dhcp_pools=["10.0.1.0-10.0.1.9"])
    PoolFactory(subnet=subnet, first="10.0.0.1", last="10.0.0.1")
    allocate(subnet)

    found = tables()

    static = {"vrf": "", "subnet": "10.0.0.0/20", "kind": "static"}
    dhcp = static | {"kind": "dhcp"}
    assert (value(found, "subnet_size", **static), value(found, "subnet_used", **static)) == (1, 1)
    assert (value(found, "subnet_size", **dhcp), value(found, "subnet_used", **dhcp)) == (10, 0)


@pytest.mark.django_db
def test_a_full_pool_is_as_used_as_large():
    subnet = SubnetFactory(network="10.0.0.0/29", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.1", last="10.0.0.6")
    for number in range(5):
        allocate(subnet, vm_id=str(number))
    labels = {"vrf": "", "subnet": "10.0.0.0/29", "pool": "10.0.0.1-10.0.0.6", "kind": "static"}
    assert value(tables(), "pool_size", **labels) == value(tables(), "pool_used", **labels) == 5


@pytest.mark.django_db
def test_of_very_many_pools_only_the_fullest_have_metrics(monkeypatch):
    monkeypatch.setattr("ipam.metrics.MOST_POOLS", 2)
    subnet = SubnetFactory(network="10.0.0.0/24")
    for start in (10, 20, 30):
        PoolFactory(subnet=subnet, first=f"10.0.0.{start}", last=f"10.0.0.{start + 3}")
    allocate(subnet, wanted="10.0.0.31", vm_id="a")
    found = tables()
    pools = {dict(labels)["pool"] for name, labels in found if name == "ipmanager_pool_size"}
    assert (len(pools), "10.0.0.30-10.0.0.33" in pools, value(found, "pools_left_out")) == (
        2,
        True,
        1,
    )


@pytest.mark.django_db
def test_each_dnsmasq_has_its_waiting_changes_and_generations():
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
    DhcpChange.objects.all().delete()
    DhcpChange.objects.bulk_create(
        [DhcpChange(at=timezone.now() - timedelta(seconds=n), server=berlin) for n in (9, 90)]
    )
    Generation.objects.create(result="applied", hosts=7, duration_ms=250)
    Generation.objects.create(result="applied", hosts=8, duration_ms=125)
    Generation.objects.create(result="failed", attempts=3, server=berlin)

    found = tables()

    assert value(found, "dhcp_open_changes", server="berlin") == 2
    assert value(found, "dhcp_oldest_change_seconds", server="berlin") >= 90
    assert value(found, "dhcp_open_changes", server="default") == 0
    assert value(found, "dhcp_failed_attempts", server="berlin") == 3
    assert value(found, "dhcp_failed_attempts", server="default") == 0
    assert value(found, "dhcp_reservations", server="default") == 8
    assert value(found, "dhcp_sync_seconds", server="default") == 0.125
    assert value(found, "dhcp_sync_seconds_max", server="default") == 0.25
    assert value(found, "dhcp_generations_last_hour", server="default", result="applied") == 2
    assert value(found, "dhcp_agent_seen_seconds", server="berlin") == float("inf")


@pytest.mark.django_db
def test_a_dnsmasq_is_up_down_or_has_no_sample_where_nobody_can_see_it():
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
    rome = DhcpServer.objects.create(name="rome", site="Rome")
    DnsmasqHeartbeat.objects.create(host="a", state="up")
    DnsmasqHeartbeat.objects.create(host="b", state="hung", server=berlin)
    DnsmasqHeartbeat.objects.create(host="a", state="unknown", server=rome)

    found = tables()

    ups = {name: value(found, "dhcp_up", server=name) for name in ("default", "berlin", "rome")}
    assert ups == {"default": 1, "berlin": 0, "rome": None}
    assert value(found, "dhcp_heartbeat", server="berlin", state="hung") == 1
    assert value(found, "dhcp_node_up", server="default", node="a/") == 1
    assert value(found, "dhcp_heartbeat_seconds", server="default") < 60
    assert value(found, "health", check="heartbeat") == 2


@pytest.mark.django_db
def test_services_and_workers_have_metrics():
    ServiceFactory()
    ServiceFactory(status="inactive")
    Pulse.objects.create(host="web1", seen_at=timezone.now() - timedelta(seconds=30))
    found = tables()
    assert value(found, "services", environment="development", status="active") == 1
    assert value(found, "services", environment="development", status="inactive") == 1
    assert value(found, "services", environment="development", status="restarting") == 0
    assert 29 < value(found, "worker_seen_seconds", host="web1") < 90


@pytest.mark.django_db
def test_a_health_check_has_the_level_of_its_worst_finding():
    found = tables()
    assert value(found, "health", check="worker") == 2
    assert value(found, "health", check="database") == 0
    HandEdit.objects.create(line="x")
    assert value(tables(), "health", check="hand edits") == 1


# --- at what price --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_queries_do_not_grow():
    def grow(number):
        for n in range(number, number + 5):
            subnet = SubnetFactory(network=f"10.{n}.0.0/24", site=f"s{n}")
            PoolFactory(subnet=subnet, first=f"10.{n}.0.10", last=f"10.{n}.0.20")
            ServerFactory(ip_address=f"10.{n}.0.11")
            server = DhcpServer.objects.create(name=f"d{n}", site=f"s{n}")
            Generation.objects.create(result="applied", server=server)
            DnsmasqHeartbeat.objects.create(host="a", state="up", server=server)
            ServiceFactory()

    grow(1)
    few = queries_in(tables)
    grow(20)
    assert queries_in(tables) == few


@pytest.mark.django_db
def test_a_crowd_of_scrapers_asks_the_database_once():
    scraped = metrics.Tables()
    scraped.text()
    assert queries_in(scraped.text) == 0


@pytest.mark.django_db
def test_a_part_that_cannot_be_read_says_so_and_harms_no_other(monkeypatch):
    def broken():
        raise DatabaseError("statement timeout")

    monkeypatch.setitem(metrics.SECTIONS, "registry", broken)
    found = tables()
    assert value(found, "scrape_failed", section="registry") == 1
    assert value(found, "scrape_failed", section="dhcp") == 0
    assert value(found, "subnets") == 0


# --- requests -------------------------------------------------------------------------------------


def counted(**labels):
    return value(samples(traffic.generate().decode()), "http_requests_total", **labels) or 0


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_status_whatever_is_asked_for(client):
    labels = {"method": "GET", "route": "/api/v1/subnets/{pk}/", "status": "404"}
    before, unknown = counted(**labels), counted(method="other", route="none", status="404")
    with_token("read").get("/api/v1/subnets/4711/")
    with_token("read").get("/api/v1/subnets/4712/")
    client.generic("PROPFIND", "/no/such/place")
    assert counted(**labels) - before == 2
    assert counted(method="other", route="none", status="404") - unknown == 1


def test_every_route_reads_as_a_path():
    found = {traffic.readable(route) for route in _patterns(get_resolver())}
    assert len(found) > 100
    assert [route for route in found if re.search(r"[\\^$?*<>\[\]]", route)] == []


def _patterns(resolver, start=""):
    for entry in resolver.url_patterns:
        route = start + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry, route)
        else:
            yield route


# --- alerts ---------------------------------------------------------------------------------------


@pytest.fixture
def every_name(db, settings, tmp_path, monkeypatch):
    """The names of all that can be scraped."""
    settings.BACKUP_DIR = tmp_path
    (tmp_path / "ipmanager-20260101-000000-000.tar").touch()
    monkeypatch.setattr(host_checks, "front", lambda: host_checks.Front(86400))  # no nginx here
    berlin = DhcpServer.objects.create(name="berlin", run_by="agent", site="Berlin")
    AgentReport.objects.create(server=berlin, clock_ahead=0, conf_installed=True)
    Generation.objects.create(result="applied")
    SyncLease.objects.create(host="web1", place="a")
    DhcpNode.objects.create(host="web1", place="a", result="applied")
    DnsmasqHeartbeat.objects.create(host="web1", place="a", state="up")
    found = {"kind": "other_server", "level": "error", "facts": {}}
    HostReport.objects.create(host="web1", findings=[found])
    now = timezone.now()
    Sighting.objects.create(
        ip_address="10.9.9.9", source="lease", leased_until=now + timedelta(1), missing_since=now
    )
    DhcpLog.objects.create(reader="a")
    RogueServer.objects.create(place="web1 eth0", ip_address="10.0.0.66")
    PoolFactory()
    ServiceFactory()
    Pulse.objects.create(host="web1")
    Webhook.objects.create(name="cmdb", url="http://8.8.8.8/")
    with_token("read").get("/metrics")
    text = with_token("read").get("/metrics").content.decode() + metrics.Tables().text().decode()
    return set(re.findall(r"^[a-z_]+", text, re.MULTILINE))


def test_the_alerts_ask_only_for_what_there_is(every_name):
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        wanted = set(re.findall(r"\bipmanager[a-z_0-9:]+", rule["expr"])) - recorded
        assert wanted <= every_name, rule
        if "alert" in rule:
            assert {"summary", "description"} == rule["annotations"].keys()


def test_the_dashboard_asks_only_for_what_there_is(every_name):
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    questions = [target["expr"] for panel in panels for target in panel["targets"]]
    questions += [one["query"] for one in dashboard["templating"]["list"]]
    wanted = set(re.findall(r"\bipmanager_[a-z_0-9]+", " ".join(questions)))
    assert len(wanted) > 20 and wanted <= every_name
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.needs("promtool")
def test_promtool_accepts_metrics_and_rules_and_the_alerts_fire(every_name):
    scraped = with_token("read").get("/metrics").content
    promtool("check", "metrics", stdin=scraped)
    promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(ROOT / "tests/data/alerts.yml"))


def promtool(*arguments, stdin=b""):
    done = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_the_route_map_of_the_tests_knows_the_metrics():
    assert "metrics" in set(routes(get_resolver()))
