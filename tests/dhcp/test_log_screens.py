"""The DHCP transactions of a machine: its timeline, the API, findings and metrics."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from dhcp import metrics
from dhcp.log import health_checks, timeline
from dhcp.models import DhcpLog, DhcpProblem, DhcpServer, DhcpTransaction
from tests.dhcp.test_log import IP, MAC, OTHER, entries, store, told
from tests.ipam.factories import ServerFactory
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
RENEWAL = [f"DHCPREQUEST(eth0) {IP} {MAC} ", f"DHCPACK(eth0) {IP} {MAC} web"]


def timeline_of(client, text, **more):
    return client.get(reverse("admin:dhcp_timeline"), {"q": text, **more})


def test_renewals_are_one_step_of_the_timeline():
    told(f"DHCPDISCOVER(eth0) {MAC} ", f"DHCPOFFER(eth0) {IP} {MAC} ", *RENEWAL * 5)
    told(f"DHCPNAK(eth0) {IP} {MAC} address in use", *RENEWAL, after=60)
    found = timeline.page(timeline.find(MAC)).steps
    assert [(step.row.kind, step.times) for step in found] == [
        ("ack", 1),
        ("request", 1),
        ("nak", 1),
        ("ack", 5),
        ("request", 5),
        ("offer", 1),
        ("discover", 1),
    ]


@pytest.mark.parametrize("text", [MAC, MAC.upper().replace(":", "-"), IP, "web", "WEB"])
def test_a_timeline_is_found_by_mac_address_and_name(admin_client, text):
    ServerFactory(hostname="web", mac_address=MAC, ip_address=IP)
    told(f"DHCPNAK(eth0) {IP} {MAC} wrong address")
    page = timeline_of(admin_client, text).content.decode()
    assert "wrong address" in page
    assert "was refused" in page


def test_older_steps_are_on_further_pages(admin_client, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(timeline, "PAGE", 2)
    told(*[f"DHCPNAK(eth0) {IP} {MAC} number {number}" for number in range(5)])
    with django_assert_num_queries(1):
        page = timeline.page(timeline.find(MAC))
    seen = []
    while True:
        seen += [step.row.detail for step in page.steps]
        if not page.older:
            break
        page = timeline.page(timeline.find(MAC), page.older)
    assert seen == [f"number {number}" for number in (4, 3, 2, 1, 0)]
    first = timeline_of(admin_client, MAC).context["older"]
    assert first.endswith(f"before={DhcpTransaction.objects.get(detail='number 3').pk}")


def test_an_empty_timeline_says_which_log_is_read(admin_client, settings):
    settings.DNSMASQ_LOG = ""
    assert "Set IPMANAGER_DNSMASQ_LOG" in timeline_of(admin_client, MAC).content.decode()
    DhcpLog.objects.create(reader="x", log="/var/log/dnsmasq.log", lines=7)
    page = timeline_of(admin_client, MAC).content.decode()
    assert "/var/log/dnsmasq.log" in page
    assert "7 lines" in page
    assert "No server with a MAC" in timeline_of(admin_client, "nobody").content.decode()
    for text in ("", "\0", "a" * 300):
        assert timeline_of(admin_client, text, before="x").status_code == 200


def test_the_list_and_the_page_of_a_server_lead_to_the_timeline(admin_client):
    server = ServerFactory(mac_address=MAC, ip_address=IP)
    told(*RENEWAL)
    url = f"{reverse('admin:dhcp_timeline')}?q=02%3A00%3A00%3A00%3A00%3A01"
    assert (
        url
        in admin_client.get(reverse("admin:ipam_server_change", args=[server.pk])).content.decode()
    )
    for page in (
        reverse("admin:ipam_server_change", args=[server.pk]),
        f"{reverse('admin:dhcp_dhcptransaction_changelist')}?q={IP}",
    ):
        assert url in admin_client.get(page).content.decode()


def test_the_api_gives_the_newest_first_by_keyset(django_assert_max_num_queries):
    for server in (None, DhcpServer.objects.create(name="berlin", reload="none")):
        store(entries(*RENEWAL), server and server.pk)
    told(f"DHCPNAK(eth0) 10.77.0.8 {OTHER} wrong address", after=60)
    api, url = with_token("read"), "/api/v1/dhcp/transactions/"

    def page(query):
        _status, body = answer(api.get(query))
        return body

    with django_assert_max_num_queries(6):
        first = page(f"{url}?mac={MAC}&page_size=3")
    assert first["count"] == 4
    assert [row["kind"] for row in first["results"]] == ["ack", "request", "ack"]
    assert [row["server"] for row in first["results"]] == ["berlin", "berlin", "default"]
    (last,) = page(first["next"])["results"]
    assert (last["ip_address"], last["mac_address"], last["detail"]) == (IP, MAC, "")
    (refused,) = page(f"{url}?ip_address=10.77.0.8&kind=nak")["results"]
    assert refused["detail"] == "wrong address"
    assert page(f"{url}?server=berlin")["count"] == 2


# --- findings and metrics -------------------------------------------------------------------------

EVERY_PROBLEM = [
    f"DHCPDECLINE(eth0) {IP} {MAC} ",
    "not using configured address 10.77.0.1 because it is in use by the server or relay",
    f"DHCPDISCOVER(eth0) {MAC} no address available",
    "no address range available for DHCP request via eth7",
    f"DHCPNAK(eth0) {IP} {OTHER} wrong server-ID",
    "duplicate dhcp-host IP address 10.77.0.7 at line 3 of /hosts",
]


def test_each_problem_is_a_finding_until_it_is_over(django_assert_num_queries):
    assert list(health_checks.problems()) == []
    told(*EVERY_PROBLEM)
    with django_assert_num_queries(1):
        found = [finding.msg for finding in health_checks.problems()]
    texts = (
        f"because somebody else uses them: {IP}.",
        "reservation for an address: 10.77.0.7: at line 3 of /hosts",
        f"Another DHCP server answers at eth0: 1 machines took its offer: {OTHER}.",
        f"1 machines got no address, because none is free at eth0: {MAC}.",
        "Machines ask at eth7",
        "reserved addresses: 10.77.0.1: it is in use by the server or relay.",
    )
    assert len(found) == len(texts)
    for text in texts:
        assert any(text in message for message in found), text
    DhcpProblem.objects.update(expires_at=timezone.now())
    assert list(health_checks.problems()) == []


def test_a_log_that_is_not_read_is_a_finding(settings):
    settings.DNSMASQ_LOG, settings.DNSMASQ_RELOAD = "", "none"
    assert list(health_checks.reading()) == []
    settings.DNSMASQ_RELOAD = "sudo"
    (finding,) = health_checks.reading()
    assert "is not read" in finding.msg
    settings.DNSMASQ_LOG = "/log"
    row = DhcpLog.objects.create(reader="x", log="/log", problem="Permission denied")
    (finding,) = health_checks.reading()
    assert "The log /log cannot be read: Permission denied." in finding.msg
    row.problem, row.read_at = "", timezone.now() - timedelta(minutes=5)
    row.save()
    (finding,) = health_checks.reading()
    assert "not read any more" in finding.msg
    row.read_at = row.lost_at = timezone.now()
    row.lost = "it was replaced"
    row.save()
    (finding,) = health_checks.reading()
    assert "were lost: it was replaced" in finding.msg


def test_logs_that_are_no_longer_configured_are_no_finding(settings):
    settings.DNSMASQ_LOG = "/log"
    server = DhcpServer.objects.create(name="berlin", reload="none", log="/new")
    old = timezone.now() - timedelta(minutes=5)
    DhcpLog.objects.create(reader="a", log="/other", read_at=old)
    DhcpLog.objects.create(reader="b", log="/old", server=server, read_at=old)
    DhcpLog.objects.create(reader="c", log="/log", read_at=old - timedelta(days=1))
    assert list(health_checks.reading()) == []
    DhcpLog.objects.create(reader="d", log="/new", server=server, read_at=old)
    (finding,) = health_checks.reading()
    assert "/new" in finding.msg


def test_metrics_count_lines_and_problems():
    told(*EVERY_PROBLEM)
    DhcpLog.objects.create(reader="x", counts={"ack": 7}, losses=2)
    found = {}
    for metric in metrics.collect():
        for sample in metric.samples:
            labels = tuple(sample.labels.values())
            found[sample.name.removeprefix("ipmanager_dhcp_log_"), *labels] = sample.value
    assert found["lines_total", "default", "ack"] == 7
    assert found["losses_total", "default"] == 2
    assert found["unreadable", "default"] == 0
    for kind in DhcpProblem.Kind.values:
        assert found["problems", "default", kind] == 1
