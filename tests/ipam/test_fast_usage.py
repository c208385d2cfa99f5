"""Usage is answered from a remembered tree while the ledger stands still, and never for longer."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.timezone import localdate

from ipam.allocate import allocate
from ipam.models import Sighting, UsageDay
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import with_token
from tests.support.fastpath import is_fast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.on("postgresql"),
]


@pytest.fixture
def subnet(settings):
    settings.FASTPATH = True
    return SubnetFactory(
        network="10.0.0.0/24",
        static_ip_pools=["10.0.0.10-10.0.0.19"],
        dhcp_pools=["10.0.0.100-10.0.0.109"],
    )


@pytest.fixture
def ask(subnet):
    api = with_token("admin")

    def ask_for(key=subnet.pk):
        return api.get(f"/api/v1/subnets/{key}/usage/")

    ask_for()
    return ask_for


def lease(address, vrf=None):
    Sighting.objects.create(
        vrf=vrf,
        ip_address=address,
        mac_address="02:00:00:00:00:01",
        source="lease",
        leased_until=timezone.now() + timedelta(hours=1),
    )


def test_the_third_question_is_fast_and_says_what_django_says(ask, subnet, settings):
    parent = SubnetFactory(network="10.0.0.0/8")
    SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory())
    ServerFactory(ip_address="10.0.0.10")
    ServerFactory(ip_address="10.0.0.100")
    for address in ("10.0.0.100", "10.0.0.105", "10.0.0.11", "10.9.9.9"):
        lease(address)
    for ago in range(1, 12):
        UsageDay.objects.create(
            day=localdate() - timedelta(days=ago),
            subnet_id=subnet.pk,
            static_total=10.0,
            static_used=12 - ago,
        )

    for key in (subnet.pk, parent.pk):
        ask(key)
        ask(key)
        fast = ask(key)
        settings.FASTPATH = False
        django = ask(key)
        settings.FASTPATH = True

        assert (is_fast(fast), is_fast(django)) == (True, False)
        assert fast.content == django.content
    assert fast.json()["current"]["dhcp"]["used"] == 2


def test_every_change_and_every_lease_shows_at_once(ask, subnet):
    for _ in range(3):
        ask()
    allocate(subnet)
    assert ask().json()["current"]["static"]["used"] == 1
    ask()
    lease("10.0.0.105")
    assert ask().json()["current"]["dhcp"]["used"] == 1
    subnet.delete(force=True)
    assert ask().status_code == 404
