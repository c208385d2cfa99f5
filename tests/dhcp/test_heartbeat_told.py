"""A dnsmasq that is not up is told by doctor, the first page, the API and the admin; and by none of
them once it is up again."""

from datetime import timedelta

import pytest
import yaml
from django.utils import timezone

from dhcp.daemon.beat import AGAIN
from dhcp.daemon.heartbeat import EVERY, STALE, WRITTEN
from dhcp.daemon.look import ANSWER_SECONDS
from dhcp.models import DhcpServer, DnsmasqHeartbeat, Generation
from ops import doctor
from ops.metrics import CACHE_SECONDS
from tests.support.api import with_token
from tests.support.site import ROOT

pytestmark = pytest.mark.django_db
HUNG = "hung since"
RULES = ROOT / "deploy/prometheus/ipmanager.rules.yml"


@pytest.fixture
def hung(settings):
    settings.DNSMASQ_RELOAD = "generation"
    Generation.objects.create(result="applied")
    return DnsmasqHeartbeat.objects.create(host="a", state="hung", detail="It does not answer.")


def mend(row):
    row.state, row.checked_at = "up", timezone.now()
    row.save()


def found():
    return [one.text for one in doctor.run_checks("dhcp") if one.check.name == "heartbeat"]


def state():
    return with_token("read").get("/api/v1/dhcp/state/").json()[0]


def test_doctor_and_the_first_page_tell_it_and_since_when(hung, admin_client):
    assert found()[0].startswith("dnsmasq of default: hung since")
    assert HUNG in admin_client.get("/admin/").content.decode()
    mend(hung)
    assert found() == [""]
    assert HUNG not in admin_client.get("/admin/").content.decode()


def test_the_api_does_not_call_it_in_step(hung, settings):
    settings.DNSMASQ_RELOAD = "generation"  # somebody reads the files
    assert (state()["in_step"], state()["heartbeat"]["state"]) == (False, "hung")
    mend(hung)
    assert (state()["in_step"], state()["heartbeat"]["state"]) == (True, "up")


def test_the_pages_of_dhcp_servers_show_it(hung, admin_client):
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin")
    DnsmasqHeartbeat.objects.create(
        host="b", server=berlin, state="other_generation", detail="It serves generation 127.128.0.1"
    )
    for url in (
        "/admin/dhcp/dhcpserver/",
        f"/admin/dhcp/dhcpserver/{berlin.pk}/change/",
        "/admin/",
    ):
        assert "other generation" in admin_client.get(url).content.decode(), url
    page = admin_client.get("/admin/dhcp/generation/sync/").content.decode()
    assert "It does not answer." in page


def test_a_worker_that_has_stopped_looking_is_a_warning(hung):
    hung.state, hung.checked_at = "up", timezone.now() - timedelta(minutes=5)
    hung.save()
    (result,) = [one for one in doctor.run_checks("dhcp") if one.check.name == "heartbeat"]
    assert (result.level, "unknown since" in result.text) == ("warning", True)


def test_what_happens_is_told_within_a_minute_by_the_alert_too():
    """Two looks, each waiting for an answer, the scrape's cache, and the rule's wait."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = {rule.get("alert"): rule for group in groups for rule in group["rules"]}
    waits = float(rules["IPManagerDnsmasqDown"]["for"].removesuffix("s"))
    assert EVERY + AGAIN + 2 * ANSWER_SECONDS + CACHE_SECONDS + waits < 60
    assert (
        WRITTEN + timedelta(seconds=EVERY + AGAIN + ANSWER_SECONDS) < STALE < timedelta(minutes=1)
    )
