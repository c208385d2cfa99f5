"""Several DHCP servers: each has its subnets, its files and its changes, and none disturbs
another."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from core.errors import NotFound
from dhcp import servers
from dhcp.files import snapshot
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.generations.rollback import rollback
from dhcp.models import DhcpChange, DhcpScope, DhcpServer, Generation
from dhcp.servers import ServerSelector
from ipam.models import Server, Subnet
from tests.support.by_hand import by_hand

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(target, settings):
    """A subnet of no site, and its server; changes are noted only, so that a test can look at the
    rows."""
    settings.DHCP_SYNC = "worker"
    Subnet.objects.create(network="10.1.0.0/24")
    return Server.objects.create(
        hostname="web", mac_address="02:00:00:00:01:01", ip_address="10.1.0.9"
    )


@pytest.fixture
def berlin(office):
    """A server for a site with one subnet."""
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin", reload="none")
    Subnet.objects.create(network="10.2.0.0/24", site="Berlin")
    Server.objects.create(hostname="db", mac_address="02:00:00:00:02:01", ip_address="10.2.0.9")
    return berlin


def lines(target):
    return [line for line in target.hosts.read_text().splitlines() if not line.startswith("#")]


def pending(server=None):
    return DhcpChange.objects.for_server(server and server.pk)


def forget_all():
    DhcpChange.objects.all().delete()


# --- who serves what ------------------------------------------------------------------------------


def test_each_server_is_told_of_its_own_subnets_only(berlin, target):
    assert sync().hosts == sync(Target.of(berlin)).hosts == 1
    assert lines(target) == ["02:00:00:00:01:01,10.1.0.9,web"]
    assert lines(Target.of(berlin)) == ["02:00:00:00:02:01,10.2.0.9,db"]
    assert Target.of(berlin).directory == target.directory / "berlin"


def test_the_most_specific_subnet_of_a_machine_decides(berlin):
    Subnet.objects.create(network="10.2.0.8/29")  # of no site
    assert [record.name for record in snapshot.take(berlin.pk).records] == []
    assert [record.name for record in snapshot.take().records] == ["web", "db"]


def test_a_scope_may_name_another_server_than_the_sites(berlin):
    munich = DhcpServer.objects.create(name="munich", site="Munich")
    DhcpScope.objects.create(subnet=Subnet.objects.get(network="10.2.0.0/24"), server=munich)
    assert [record.name for record in snapshot.take(munich.pk).records] == ["db"]
    assert [scope.network.prefixlen for scope in snapshot.take(munich.pk).scopes] == [24]
    assert not snapshot.take(berlin.pk).records and not snapshot.take(berlin.pk).scopes


def test_a_disabled_server_keeps_its_subnets_and_a_deleted_one_leaves_them_to_the_default(berlin):
    berlin.enabled = False
    berlin.save()
    assert [record.name for record in snapshot.take().records] == ["web"]
    berlin.delete()
    assert [record.name for record in snapshot.take().records] == ["web", "db"]


def test_a_server_that_a_scope_names_is_not_deleted(berlin):
    DhcpScope.objects.create(subnet=Subnet.objects.get(network="10.1.0.0/24"), server=berlin)
    with pytest.raises(ProtectedError):
        berlin.delete()


def test_what_moves_to_another_server_has_not_vanished(office, target):
    for number in range(20, 60):
        Server.objects.create(
            hostname=f"s{number}",
            mac_address=f"02:00:00:00:00:{number:02x}",
            ip_address=f"10.1.0.{number}",
        )
    sync()
    DhcpServer.objects.create(name="berlin", site="Berlin")
    Subnet.objects.filter(network="10.1.0.0/24").update(site="Berlin")
    assert sync().result == "applied" and lines(target) == []


# --- the outbox -----------------------------------------------------------------------------------


def test_a_change_is_noted_once_for_each_enabled_server(berlin, office):
    DhcpServer.objects.create(name="munich", enabled=False)
    forget_all()
    office.hostname = "shop"
    office.save()
    facts = ("kind", "label", "action", "detail", "who", "at")
    assert list(pending().values_list(*facts)) == list(pending(berlin).values_list(*facts))
    assert DhcpChange.objects.count() == 2


def test_a_change_by_raw_sql_is_noted_for_each_server_too(berlin, office):
    forget_all()
    by_hand("UPDATE hosts SET hostname = 'shop' WHERE id = %s", [office.pk])
    assert [row.label for row in pending()] == [row.label for row in pending(berlin)] == ["shop"]


def test_a_server_deletes_the_rows_that_it_obeys_and_no_others(berlin):
    sync()
    assert not pending().exists() and pending(berlin).exists()
    sync(Target.of(berlin))
    assert not DhcpChange.objects.exists()


def test_a_save_takes_no_more_queries_however_many_servers_there_are(berlin, office):
    def rename(name):
        office.hostname = name
        with CaptureQueriesContext(connection) as queries:
            office.save()
        return len(queries)

    few = rename("shop")
    DhcpServer.objects.bulk_create(DhcpServer(name=f"s{number}") for number in range(20))
    assert rename("mail") == few
    assert DhcpChange.objects.filter(label="mail").count() == 22


@pytest.mark.parametrize(
    ("field", "value"), [("site", "Bonn"), ("enabled", False), ("dns", "a:53")]
)
def test_altering_a_server_is_a_change(berlin, field, value):
    forget_all()
    setattr(berlin, field, value)
    berlin.save()
    assert [(row.kind, row.action) for row in pending()] == [("dhcpserver", "change")]
    assert pending(berlin).exists() is berlin.enabled


def test_what_an_agent_says_of_itself_is_none(berlin):
    forget_all()
    DhcpServer.objects.filter(pk=berlin.pk).update(
        agent_host="dhcp1", last_seen_at="2026-01-01T00:00Z"
    )
    assert not DhcpChange.objects.exists()


def test_a_disabled_server_has_no_pending_changes(berlin):
    berlin.enabled = False
    berlin.save()
    Subnet.objects.create(network="10.3.0.0/24", site="Berlin")
    assert not pending(berlin).exists()


# --- generations ----------------------------------------------------------------------------------


def test_generations_are_counted_for_each_server_by_itself(berlin):
    sync()
    outcome = sync(Target.of(berlin))
    assert (Generation.objects.newest().hosts, Generation.objects.newest().server) == (1, None)
    assert Generation.objects.newest(berlin.pk).pk == outcome.generation
    assert sync().result == sync(Target.of(berlin)).result == "unchanged"


def test_a_rollback_is_of_the_generations_own_server(berlin, target):
    first = sync(Target.of(berlin)).generation
    Server.objects.filter(hostname="db").update(hostname="data")
    sync(Target.of(berlin))
    rollback(first)
    assert lines(Target.of(berlin)) == ["02:00:00:00:02:01,10.2.0.9,db"]
    assert not target.held.exists()
    assert "sync_dnsmasq --server berlin --release" in sync(Target.of(berlin)).reason


def test_a_deleted_server_takes_its_generations_and_changes_along(berlin):
    sync(Target.of(berlin))
    berlin.delete()
    assert (
        not Generation.objects.exists()
        and not DhcpChange.objects.filter(server__isnull=False).exists()
    )


# --- the row itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "Berlin", "../etc", "a/b", "-a", "a-", "a.b", "hosts", "default", "x" * 51]
)
def test_a_name_is_a_directorys_too(target, name):
    with pytest.raises(ValidationError) as error:
        DhcpServer(name=name).save()
    assert "name" in error.value.message_dict


@pytest.mark.parametrize(
    ("field", "value"),
    [("reload", "kill"), ("reload", "pidfile:x"), ("dns", "nowhere"), ("leases", "here")],
)
def test_what_cannot_work_is_refused_at_the_field(target, field, value):
    with pytest.raises(ValidationError) as error:
        DhcpServer(name="berlin", **{field: value}).save()
    assert list(error.value.message_dict) == [field]


@pytest.mark.parametrize("field", ["reload", "dns", "leases"])
def test_an_agent_is_told_nothing_about_its_own_host(target, field):
    with pytest.raises(ValidationError) as error:
        DhcpServer(name="berlin", run_by="agent", **{field: "none"}).save()
    assert list(error.value.message_dict) == [field]


def test_a_site_has_one_server(berlin):
    with pytest.raises(ValidationError, match="Another DHCP server serves this site"):
        DhcpServer(name="berlin-2", site="Berlin").save()
    DhcpServer(name="spare").save()
    DhcpServer(name="spare-2").save()  # of no site


def test_what_raw_sql_wrote_into_its_row_never_becomes_a_path(berlin, target):
    by_hand("UPDATE dhcp_servers SET name = '../evil' WHERE id = %s", [berlin.pk])
    berlin.refresh_from_db()
    assert "'../evil' is not a name" in sync(Target.of(berlin)).reason
    assert not (target.directory.parent / "evil").exists()
    assert Generation.objects.newest(berlin.pk).result == "failed"


def test_an_unknown_name_is_answered_with_the_known_ones(berlin):
    with pytest.raises(NotFound, match="there are: default, berlin"):
        servers.find_server("bonn")
    assert servers.find_server("default") is None and servers.find_server("berlin") == berlin


def test_without_further_servers_the_ledgers_routes_cost_one_query(
    target, django_assert_num_queries
):
    with django_assert_num_queries(1):
        assert ServerSelector.load().server_id_for(Subnet(site="Berlin")) is None
