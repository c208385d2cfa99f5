"""Many processes at once: every caller gets an address, and no two get the same."""

import pytest

from ipam.models import IPAddress
from tests.ipam.factories import SubnetFactory
from tests.support.forks import run_at_once

pytestmark = pytest.mark.whole("sqlite")  # it writes for one at a time

PROCESSES, EACH = 8, 25
ALLOCATE = """
import sys, django; django.setup()
from ipam.allocate import allocate
from ipam.models import Subnet
subnet = Subnet.objects.get()
for number in range({each}):
    print(allocate(subnet, vm_id={vm_id}).row)
"""


@pytest.fixture
def subnet(shared_database):
    return SubnetFactory(network="10.0.0.0/23", static_ip_pools=["10.0.0.1-10.0.0.250"])


def test_200_allocations_from_8_processes_are_200_addresses(subnet, shared_database):
    scripts = [ALLOCATE.format(each=EACH, vm_id=f"f'vm-{n}-{{number}}'") for n in range(PROCESSES)]

    given = run_at_once(shared_database, scripts)

    assert len(given) == len(set(given)) == PROCESSES * EACH
    assert IPAddress.objects.filter(status="allocated").count() == PROCESSES * EACH


def test_one_vm_asking_from_many_processes_gets_one_address(subnet, shared_database):
    given = run_at_once(shared_database, [ALLOCATE.format(each=5, vm_id="'same'")] * 6)

    assert len(given) == 30
    assert len(set(given)) == 1


def test_a_subnet_without_a_pool_gives_each_of_many_processes_its_own_addresses(shared_database):
    SubnetFactory(network="10.0.0.0/8", gateway="10.0.0.1", dhcp_pools=["10.0.0.5-10.0.0.9"])
    scripts = [ALLOCATE.format(each=EACH, vm_id=f"f'vm-{n}-{{number}}'") for n in range(4)]
    scripts += [ALLOCATE.format(each=EACH, vm_id="None")] * 4

    given = run_at_once(shared_database, scripts)

    rows = IPAddress.objects.order_by("ip_address")
    assert sorted(given) == sorted(map(str, rows))
    assert str(rows[PROCESSES * EACH - 1]) == "10.0.0.206"  # without gateway and DHCP pool, no gap


def test_one_vm_asking_from_many_processes_gets_one_address_without_a_pool(shared_database):
    SubnetFactory(network="10.0.0.0/24")

    given = run_at_once(shared_database, [ALLOCATE.format(each=5, vm_id="'same'")] * 6)

    assert given == ["10.0.0.1"] * 30


def test_a_large_pool_serves_many_processes_that_extend_it_at_once(shared_database):
    SubnetFactory(network="10.0.0.0/8", static_ip_pools=["10.0.0.0-10.255.255.255"])
    scripts = [ALLOCATE.format(each=80, vm_id=f"f'vm-{n}-{{number}}'") for n in range(4)]

    given = run_at_once(shared_database, scripts)

    assert len(set(given)) == 320
    assert IPAddress.objects.count() <= 320 + 4 * 256


def test_eight_processes_that_start_at_once_make_one_pool_for_virtual_machines(shared_database):
    script = (
        "import django; django.setup(); from ippool.pool import allocate; "
        "print(allocate('vm-{}')[0])"
    )

    environment = shared_database | {
        "IPMANAGER_DHCP_SYNC": "worker"
    }  # inline, it logs what it wrote
    given = run_at_once(environment, [script.format(number) for number in range(PROCESSES)])

    assert sorted(given) == [f"172.16.0.{number}" for number in range(2, 2 + PROCESSES)]
