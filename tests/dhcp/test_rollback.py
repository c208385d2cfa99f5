"""dhcp.generations.rollback: back to any kept generation and forward again; until then, changes
wait and say why."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.errors import Conflict, NotFound
from dhcp.daemon.reload import ReloadFailed
from dhcp.files.sync import preview, sync
from dhcp.files.targets import Target
from dhcp.generations.rollback import release, rollback
from dhcp.models import DhcpChange, Generation, KeptFiles
from dhcp.state.health_checks import rolled_back
from ipam.models import IPAddress, Server, Subnet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]

A = "02:00:00:00:00:0a"


@pytest.fixture
def web(target):
    """A server whose address has been 10.77.0.9, .10 ... .13; generations 1 to 5 tell of that."""
    Subnet.objects.create(network="10.77.0.0/24")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    for number in range(10, 14):
        move(web, number)
    return web


def move(web, number):
    web.ip_address = f"10.77.0.{number}"
    web.save()
    return sync()


def generations():
    return list(
        Generation.objects.filter(result="applied").order_by("pk").values_list("pk", flat=True)
    )


def served(target):
    return target.hosts.read_text().splitlines()[-1]


def run(*arguments):
    out = StringIO()
    call_command("sync_dnsmasq", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_five_generations_back_and_forth(web, target):
    five = generations()
    for index in (0, 3, 1, 4, 2):
        assert rollback(five[index]).result == "applied"
        assert served(target) == f"{A},10.77.0.{9 + index},web"
    assert release().result == "applied"
    assert served(target) == f"{A},10.77.0.13,web"


def test_an_interrupted_rollback_is_completed_by_the_next_sync(web, target, monkeypatch):
    def fail(method):
        raise ReloadFailed("dnsmasq is away")

    monkeypatch.setattr("dhcp.files.publish.reload", fail)
    assert rollback(generations()[0]).reason == sync().reason == "dnsmasq is away"
    assert Generation.objects.newest().attempts == 2
    told = []
    monkeypatch.setattr("dhcp.files.publish.reload", told.append)
    assert "held at generation" in sync().reason
    assert (served(target), told) == (f"{A},10.77.0.9,web", ["none"])
    assert "held at generation" in sync().reason and len(told) == 1


@pytest.mark.parametrize("name", ["hosts", "opts"])
def test_a_file_that_is_gone_is_put_back_during_a_rollback_too(web, target, name):
    rollback(generations()[0])
    before = (target.directory / name).read_bytes()
    (target.directory / name).unlink()
    assert "held at generation" in sync().reason
    assert (target.directory / name).read_bytes() == before


def test_a_rollback_stays_until_it_is_released_and_changes_wait_with_the_reason(web, target):
    first = generations()[0]
    rollback(first)
    outcome = move(web, 20)
    assert outcome.result == "held" and f"held at generation {first}" in outcome.reason
    assert f"held at generation {first}" in preview().reason
    assert served(target) == f"{A},10.77.0.9,web" and DhcpChange.objects.exists()
    assert not Generation.objects.filter(result="failed").exists()  # it was meant
    (finding,) = rolled_back(Target.from_settings())
    assert "--release" in finding.commands[0] and f"generation {first}" in finding.msg
    release()
    assert served(target) == f"{A},10.77.0.20,web" and not DhcpChange.objects.exists()


def test_a_rollback_is_noted_with_its_difference(web):
    rollback(generations()[0])
    newest = Generation.objects.newest()
    assert newest.reason.startswith("rolled back to generation")
    assert f"+{A},10.77.0.9,web" in newest.diff and f"-{A},10.77.0.13,web" in newest.diff


def test_a_generation_of_a_subnet_that_is_gone_can_still_be_served(web, target):
    first = generations()[0]
    web.delete()
    Subnet.objects.all().delete()
    sync()
    assert rollback(first).good and served(target) == f"{A},10.77.0.9,web"


def test_what_is_not_kept_cannot_be_served(web, target):
    with pytest.raises(NotFound):
        rollback(10**6)
    assert not target.held.exists()


def test_a_failed_attempt_keeps_nothing(web, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    kept = KeptFiles.objects.count()
    move(web, 30)
    assert KeptFiles.objects.count() == kept


def test_the_command_lists_rolls_back_and_releases(web, target):
    first = generations()[0]
    assert run("--list").splitlines()[-1].split()[:2] == [str(first), "applied"]
    assert "rolled back" in run("--rollback", str(first)) and served(target) == f"{A},10.77.0.9,web"
    assert run("--release").startswith("applied")
    with pytest.raises(CommandError, match="not kept"):
        run("--rollback", "1000000")


@pytest.mark.django_db(transaction=True)
def test_real_clients_follow(lab):
    Subnet.objects.create(network="10.77.0.0/24")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    move(web, 10)
    assert lab.client.acquire(A).ip == "10.77.0.10"
    rollback(
        next(
            pk
            for pk in generations()
            if b"10.77.0.9," in KeptFiles.objects.get(generation=pk).hosts
        )
    )
    assert lab.client.renew(A, "10.77.0.10").type == "NAK"
    assert lab.client.acquire(A).ip == "10.77.0.9"
    release()
    assert lab.client.acquire(A).ip == "10.77.0.10"


def test_an_address_that_a_vm_has_by_now_is_not_served_again_unless_forced(web, target):
    first = generations()[0]
    IPAddress.objects.create(ip_address="10.77.0.9", status="allocated", vm_id="vm-1")
    with pytest.raises(Conflict, match=r"10\.77\.0\.9 \(vm-1\)"):
        rollback(first)
    assert not target.held.exists()
    assert served(target).endswith("10.77.0.13,web")
    run("--rollback", str(first), "--force")
    assert served(target) == f"{A},10.77.0.9,web"


def test_an_address_that_another_dhcp_client_has_by_now_is_no_hindrance(web, target):
    """dnsmasq has that one's lease before its eyes; this is what a rollback is for."""
    Server.objects.create(hostname="new", mac_address="02:00:00:00:00:0b", ip_address="10.77.0.9")
    assert rollback(generations()[0]).result == "applied"
