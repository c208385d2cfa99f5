"""`demo`: a believable network for an empty ledger, and nothing else."""

import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.errors import Conflict
from ipam.management import demo
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.placement.populate import populate, totals
from ipam.usage import usage
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db


def test_the_demo_shows_a_bit_of_everything():
    out = StringIO()

    call_command("demo", stdout=out)

    assert out.getvalue().startswith("A demo network: 9 subnets, 41 servers, ")
    assert {subnet.network.version for subnet in Subnet.objects.all()} == {4, 6}
    assert Subnet.objects.get(network="10.20.255.0/29").parent.name == "Campus"
    assert set(Pool.objects.values_list("kind", flat=True)) == {"static", "dhcp"}
    assert Interface.objects.filter(name="bmc").count() == 14
    assert all(totals()[status] for status in IPAddress.Status.values)
    assert IPAddress.objects.exclude(vm_id=None).count() == 4
    assert IPAddress.objects.unplaced().get().hostname == "hosted-01"


def test_the_ledger_is_in_step_afterwards():
    demo.fill()

    report = populate()

    assert (report.static_created, report.moved, report.freed, report.deleted, report.refused) == (
        0,
        0,
        0,
        0,
        [],
    )
    for server in Server.objects.all():
        server.full_clean()
    assert all(0 <= used.percent <= 100 for used in usage(list(Subnet.objects.all())).values())


def test_only_private_and_documentation_addresses_are_used():
    demo.fill()

    for row in IPAddress.objects.all():
        assert row.ip_address.is_private, row


def test_it_takes_no_two_seconds():
    start = time.process_time()

    demo.fill()

    assert time.process_time() - start < 2


def test_somebodys_ledger_is_left_alone():
    ServerFactory()

    with pytest.raises(Conflict, match="not empty"):
        call_command("demo")
    call_command("demo", "--if-empty")

    assert not Subnet.objects.exists()


def test_whoever_insists_gets_it_added():
    SubnetFactory(network="192.0.2.0/24")
    SubnetFactory(network="10.20.0.0/16", vrf=VRFFactory())

    call_command("demo", "--force", stdout=StringIO())

    assert Subnet.objects.count() == 11


def test_what_does_not_fit_writes_nothing():
    SubnetFactory(network="10.20.99.0/24")

    with pytest.raises(CommandError, match=r"does not fit here: 10.20.99.0/24 exists already"):
        call_command("demo", "--force")

    assert Subnet.objects.count() == 1
