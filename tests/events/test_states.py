"""What lasts is told when it begins and when it ends, once each."""

from datetime import timedelta

import pytest
from django.utils import timezone

from api.models import Token
from api.security.models import SecurityEvent
from core.findings import error, ok
from dhcp.leases.intervals.models import LeaseInterval
from dhcp.models import DnsmasqHeartbeat, Generation
from discovery.models import Conflict, RogueServer, UnknownDevice
from events.collect import lasting, lease_ends, live, states, thresholds
from events.collect.collector import Collector
from events.kinds import KINDS
from events.models import Event, OpenState
from events.worker import Watch
from ipam.allocate import allocate, release
from ipam.models import Sighting
from ops import findings_watch
from ops.doctor import Result, registered
from pxe.models import BootAssignment, BootEvent
from registry.models import Service
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.pxe.factories import AssignmentFactory
from tests.registry.factories import ServiceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def collector():
    collector = Collector()
    collector.round()
    return collector


def look(name):
    """The kinds of the events that one look makes. Each says what kinds.py promises."""
    before = set(Event.objects.values_list("pk", flat=True))
    states.look({name: lasting.SOURCES[name]})
    return kinds_of(Event.objects.exclude(pk__in=before))


def kinds_of(events):
    for event in events:
        kind = KINDS[event.kind]
        assert event.subject_model == kind.model
        assert set(event.data) <= set(kind.fields)
    return [event.kind for event in events.order_by("pk")]


def test_a_conflict_opens_and_ends():
    row = Conflict.objects.create(subject="a", kind="used", ip_address="10.0.0.5")
    assert look("conflict") == ["conflict.opened"]
    assert look("conflict") == []
    Conflict.objects.update(state="ended")
    assert look("conflict") == ["conflict.ended"]
    events = Event.objects.order_by("pk")
    assert {event.subject_id for event in events} == {str(row.pk)}
    assert str(events.last().ip_address) == "10.0.0.5"


def test_a_foreign_dhcp_server_comes_and_goes():
    RogueServer.objects.create(place="gw eth0", ip_address="10.0.0.9")
    assert look("rogue_dhcp") == ["rogue_dhcp.seen"]
    RogueServer.objects.update(gone_at=timezone.now())
    assert look("rogue_dhcp") == ["rogue_dhcp.gone"]


def test_dnsmasq_is_down_then_hung_then_up():
    row = DnsmasqHeartbeat.objects.create(host="gw", state="dead", detail="ended")
    assert look("dnsmasq") == ["dnsmasq.down"]
    row.state = "hung"
    row.save()
    assert look("dnsmasq") == ["dnsmasq.hung"]
    row.state = "up"
    row.save()
    assert look("dnsmasq") == ["dnsmasq.up"]


def test_a_sync_fails_and_heals():
    Generation.objects.create(result="failed", reason="no disk")
    assert look("sync") == ["sync.failed"]
    Generation.objects.create(result="failed", reason="no disk, still")
    assert look("sync") == []
    Generation.objects.create(result="applied")
    assert look("sync") == ["sync.healed"]


def test_a_service_is_registered_falls_silent_and_comes_back(collector):
    service = ServiceFactory()
    collector.round()
    assert kinds_of(Event.objects.filter(kind__startswith="service")) == ["service.registered"]
    Service.objects.update(status="inactive")
    assert look("service") == ["service.silent"]
    Service.objects.update(status="active")
    assert look("service") == ["service.back"]
    Service.objects.update(status="inactive")
    look("service")
    service.delete()
    assert look("service") == []  # deleted is not back


def test_a_token_that_expires_soon_is_told_once(admin_user):
    token, _ = Token.objects.create(admin_user, name="ci", scopes=["read"])
    assert look("token") == []
    Token.objects.update(expiry=timezone.now() + timedelta(days=3))
    assert look("token") == ["token.expires_soon"]
    assert look("token") == []
    token.delete()
    assert look("token") == []


def test_what_lasts_at_the_first_start_is_not_told_as_new():
    Conflict.objects.create(subject="a", kind="used")
    Watch().work()
    assert not Event.objects.exists()
    Conflict.objects.create(subject="b", kind="used")
    Watch().work()
    assert kinds_of(Event.objects.all()) == ["conflict.opened"]


def test_a_lease_starts_and_ends_once(collector):
    lease_ends.tell()
    row = LeaseInterval.objects.create(ip_address="10.0.0.8", mac_address="02:00:00:00:00:08")
    LeaseInterval.objects.update(ended_at=timezone.now(), ended_how="released")
    assert lease_ends.tell() == 0  # its start was not told yet
    collector.round()
    assert lease_ends.tell() == 1
    assert lease_ends.tell() == 0
    events = Event.objects.filter(subject_id=str(row.pk), kind__startswith="lease")
    assert kinds_of(events) == ["lease.started", "lease.ended"]
    assert events.get(kind="lease.ended").data["ended"] == "released"


def test_what_concerns_security_is_told(collector):
    SecurityEvent.objects.create(kind="login_failed", actor="eve", source="web", subject="admin")
    collector.round()
    assert kinds_of(Event.objects.filter(kind="security.noted")) == ["security.noted"]


def test_an_unknown_device_is_told_when_it_is_seen_first(collector):
    UnknownDevice.objects.bulk_create([UnknownDevice(mac_address="02:00:00:00:00:01")])
    collector.round()
    assert kinds_of(Event.objects.all()) == ["device.unknown"]


@pytest.mark.parametrize(
    ("state", "kind"), [("done", "boot.finished"), ("given_up", "boot.stuck"), ("waiting", None)]
)
def test_the_end_of_a_boot_is_told(collector, state, kind):
    row = AssignmentFactory()
    BootAssignment.objects.filter(pk=row.pk).update(state=state)
    BootEvent.objects.create(server=row.server, assignment=row, kind="ended", detail="it did")
    BootEvent.objects.create(server=row.server, assignment=row, kind="file")
    collector.round()
    assert kinds_of(Event.objects.filter(kind__startswith="boot.")) == [kind] * bool(kind)


def test_a_pool_is_told_above_and_well_below_the_threshold(collector, settings):
    settings.POOL_THRESHOLD = 80
    subnet = SubnetFactory(network="10.0.0.0/24")
    PoolFactory(subnet=subnet, first="10.0.0.11", last="10.0.0.20")
    rows = [allocate(subnet, vm_id=f"vm-{number}").row for number in range(8)]
    collector.round()
    full = Event.objects.filter(kind__endswith="above_threshold")
    assert kinds_of(full) == ["subnet.above_threshold", "pool.above_threshold"]
    assert full[0].data["percent"] == 80.0
    collector.round()
    release(rows[0])  # 70 %: more than 5 below
    collector.round()
    assert Event.objects.filter(kind__endswith="below_threshold").count() == 2
    assert not OpenState.objects.filter(source=thresholds.SOURCE).exists()


def test_a_threshold_is_told_by_one_that_takes_over(collector, settings, monkeypatch):
    settings.POOL_THRESHOLD = 50
    subnet = SubnetFactory(network="10.0.0.0/24")
    PoolFactory(subnet=subnet, first="10.0.0.11", last="10.0.0.12")
    allocate(subnet, vm_id="vm-1")
    with monkeypatch.context() as patch:
        patch.setattr(thresholds, "look_at", lambda keys: 0)  # killed before it has measured
        collector.round()
    Collector().round()
    assert Event.objects.filter(kind="pool.above_threshold").exists()


def test_a_health_check_is_told_when_it_fails_and_passes_again():
    check = next(one for one in registered() if one.name == "disks")
    failed = [Result(check, error("A disk is full."))]
    source = findings_watch.SOURCE
    for results in (failed, failed, [Result(check, ok(""))]):
        found = [one for one in results if one.status]
        states.compare(source, findings_watch.lasting(found, True))
    assert kinds_of(Event.objects.all()) == ["finding.raised", "finding.cleared"]
    assert Event.objects.first().data["check"] == "disks"


def test_a_machine_that_was_seen_before_its_change_only_is_not_live(collector):
    SubnetFactory(network="10.0.0.0/24")
    mac = "02:00:00:00:00:07"
    before = timezone.now() - timedelta(hours=1)
    Sighting.objects.create(ip_address="10.0.0.7", mac_address=mac, source="ping", seen_at=before)
    ServerFactory(hostname="web", ip_address="10.0.0.7", mac_address=mac)
    collector.round()
    assert live.Awaited().look() == 0
    assert OpenState.objects.filter(source=live.SOURCE).count() == 1
