"""Any history of changes leaves the ledger as if it had been written down afresh.

Random subnets, pools, servers, interfaces and verbs, valid and invalid ones. After each step the
rules that must always hold are checked, and at the end `populate`, which works everything out anew,
finds nothing to do. IPMANAGER_TEST_PROOF=1 (`make proof`) runs thousands of steps more."""

import ipaddress
import os
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.errors import IPManagerError
from ipam.addresses import is_host
from ipam.allocate import allocate, find, quarantine, release, reserve
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.placement import pool_rows
from ipam.placement.populate import populate
from ipam.querysets import LIVE

PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"

# A small world, so that things meet: 10.0.0.0/24 and its parts, and a large pool now and then.
addresses = st.integers(0, 255).map(lambda n: ipaddress.ip_address("10.0.0.0") + n)
networks = st.one_of(
    st.sampled_from(
        [
            "10.0.0.0/16",
            "10.0.0.0/24",
            "10.0.0.0/25",
            "10.0.0.128/25",
            "10.0.0.64/26",
            "10.0.0.0/31",
        ]
    ),
    st.tuples(st.integers(24, 32), st.integers(0, 255)).map(
        lambda t: str(
            ipaddress.ip_network((int(ipaddress.ip_address("10.0.0.0")) + t[1], t[0]), strict=False)
        )
    ),
)
which = st.integers(0, 10**6)


class Ledger(RuleBasedStateMachine):
    """One administrator with a short memory."""

    @initialize()
    def start(self):
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.count = 0

    def teardown(self):
        if hasattr(self, "atomic"):
            report = populate()
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            assert (
                report.static_created,
                report.static_updated,
                report.dhcp_created,
                report.dhcp_updated,
            ) == (
                0,
                0,
                0,
                0,
            )
            assert (report.freed, report.deleted, report.moved) == (0, 0, 0)

    def attempt(self, work):
        """Do it or be told why not; either way nothing is left half done."""
        try:
            with transaction.atomic():
                work()
        except ValidationError as refused:
            assert all(refused.messages)
        except IPManagerError as refused:
            assert str(refused)

    def pick(self, model, number):
        rows = list(model.objects.order_by("pk"))
        return rows[number % len(rows)] if rows else None

    def change(self, model, number, **values):
        row = self.pick(model, number)
        if row:
            for name, value in values.items():
                setattr(row, name, value)
            self.attempt(row.save)

    # --- subnets and pools

    @rule(network=networks, gateway=st.none() | addresses)
    def make_subnet(self, network, gateway):
        self.attempt(Subnet(network=network, gateway=gateway).save)

    @rule(number=which, network=networks)
    def resize_subnet(self, number, network):
        self.change(Subnet, number, network=network)

    @rule(number=which, gateway=st.none() | addresses)
    def change_gateway(self, number, gateway):
        self.change(Subnet, number, gateway=gateway)

    @rule(number=which, force=st.booleans())
    def delete_subnet(self, number, force):
        if subnet := self.pick(Subnet, number):
            self.attempt(lambda: subnet.delete(force=force))

    @rule(
        number=which,
        first=addresses,
        last=addresses,
        kind=st.sampled_from(["static", "static", "dhcp"]),
    )
    def make_pool(self, number, first, last, kind):
        self.attempt(Pool(subnet=self.pick(Subnet, number), first=first, last=last, kind=kind).save)

    @rule(number=which)
    def make_large_pool(self, number):
        if subnet := self.pick(Subnet, number):
            self.attempt(Pool(subnet=subnet, first=subnet.network[0], last=subnet.network[-1]).save)

    @rule(number=which, first=addresses, last=addresses)
    def change_pool(self, number, first, last):
        self.change(Pool, number, first=first, last=last)

    @rule(number=which)
    def delete_pool(self, number):
        if pool := self.pick(Pool, number):
            self.attempt(pool.delete)

    # --- servers

    @rule(address=st.none() | addresses, with_mac=st.booleans())
    def make_server(self, address, with_mac):
        self.count += 1
        mac = f"02:00:00:00:{self.count >> 8:02x}:{self.count & 255:02x}" if with_mac else None
        self.attempt(Server(hostname=f"s{self.count}", ip_address=address, mac_address=mac).save)

    @rule(number=which, address=st.none() | addresses)
    def move_server(self, number, address):
        self.change(Server, number, ip_address=address)

    @rule(number=which)
    def delete_server(self, number):
        if server := self.pick(Server, number):
            self.attempt(server.delete)

    @rule(number=which, address=st.none() | addresses)
    def make_interface(self, number, address):
        self.count += 1
        self.attempt(
            Interface(
                server=self.pick(Server, number), name=f"eth{self.count}", ip_address=address
            ).save
        )

    @rule(number=which)
    def delete_interface(self, number):
        if nic := self.pick(Interface, number):
            self.attempt(nic.delete)

    @rule(number=which, address=addresses)
    def move_servers_in_bulk(self, number, address):
        if server := self.pick(Server, number):
            self.attempt(lambda: Server.objects.filter(pk=server.pk).update(ip_address=None))

    # --- verbs

    @rule(number=which, vm=st.none() | st.integers(0, 5), wanted=st.none() | addresses)
    def allocate(self, number, vm, wanted):
        vm_id = None if vm is None else f"vm-{vm}"
        self.attempt(lambda: allocate(self.pick(Subnet, number), vm_id=vm_id, wanted=wanted))

    @rule(address=addresses, verb=st.sampled_from([reserve, quarantine, release]))
    def turn(self, address, verb):
        self.attempt(lambda: verb(find(address)))

    @rule(address=addresses)
    def detach(self, address):
        self.attempt(lambda: reserve(find(address), "kept", detach=True))

    # --- what always holds

    @invariant()
    def rows_follow_from_the_rest(self):
        subnets = list(Subnet.objects.all())
        pools = list(Pool.objects.select_related("subnet"))
        for row in IPAddress.objects.select_related("subnet"):
            around = [subnet for subnet in subnets if row.ip_address in subnet.network]
            subnet = max(around, key=lambda found: found.network.prefixlen, default=None)
            assert row.subnet == subnet, f"{row} stands in {row.subnet}, not in {subnet}"
            static = any(
                p.kind == "static" and p.subnet == subnet and p.first <= row.ip_address <= p.last
                for p in pools
            )
            assert (row.ip_type == "static") == static
            assert subnet is None or is_host(subnet.network, row.ip_address)
            assert (row.server_id is not None) <= (row.status == "allocated")
            if row.status == "available":
                assert static
                assert row.ip_address not in pool_rows.never_allocated(subnet)
            else:
                assert row.status in LIVE

    @invariant()
    def every_servers_address_is_its_own(self):
        held = {row.ip_address: row.server_id for row in IPAddress.objects.exclude(server=None)}
        wanted = {
            server.ip_address: server.pk for server in Server.objects.exclude(ip_address=None)
        }
        wanted |= {
            nic.ip_address: nic.server_id for nic in Interface.objects.exclude(ip_address=None)
        }
        assert held == wanted

    @invariant()
    def pools_lie_apart_inside_their_subnets(self):
        pools = list(Pool.objects.select_related("subnet").order_by("first"))
        for pool in pools:
            assert pool.first in pool.subnet.network
            assert pool.last in pool.subnet.network
        for one, other in pairwise(pools):
            assert one.last < other.first


@pytest.mark.django_db
class TestLedger(Ledger.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(
        max_examples=300 if PROOF else 6,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
