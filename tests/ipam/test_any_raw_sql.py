"""Whatever mixture of raw SQL and our own verbs: no address has two owners, and when the worker has
passed, populating the ledger anew finds nothing to do. Every used row that raw SQL changes has a
line of history.

IPMANAGER_TEST_PROOF=1 (`make proof`) runs thousands of steps more.
"""

import os
from dataclasses import replace

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Max
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from core.errors import IPManagerError
from ipam.allocate import find, quarantine, release, reserve
from ipam.models import Interface, IPAddress, Pool, RawChange, Server, Subnet
from ipam.placement.catch_up import catch_up
from ipam.placement.populate import Report, populate
from tests.ipam.test_any_history import Ledger, addresses, networks, which
from tests.support.by_hand import delete, insert, update

PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"


def used_rows():
    """What the ledger says of each address in use, but for its clocks."""
    rows = IPAddress.objects.exclude(status="available").values()
    clocks = ("created_at", "updated_at", "freed_at")
    return {row["id"]: tuple(row[name] for name in row if name not in clocks) for row in rows}


def newest_line():
    return IPAddress.history.aggregate(newest=Max("history_id"))["newest"] or 0


class RawLedger(Ledger):
    """The administrator has a colleague with psql."""

    @initialize()
    def start(self):
        super().start()
        self.given = {}
        Subnet.objects.create(network="10.0.0.0/24")

    def teardown(self):
        if hasattr(self, "atomic"):
            try:
                catch_up()
                again = populate()
                assert (
                    replace(again, totals={}, skipped=0, gateways_in_pools=[], refused=[])
                    == Report()
                )
                assert not RawChange.objects.exists()
                connection.check_constraints()
            finally:
                transaction.set_rollback(True)
                self.atomic.__exit__(None, None, None)

    def by_hand(self, work, most=1):
        """What the database refuses leaves nothing behind, and what it does not, one line for each
        used row of the ledger that has changed. `most`: a row may go from hand to hand."""
        before, last = used_rows(), newest_line()
        try:
            with transaction.atomic():
                work()
                connection.check_constraints()
        except (IntegrityError, DataError) as refused:
            assert str(refused)
        after = used_rows()
        changed = {key for key, row in (before.items() ^ after.items())}
        lines = IPAddress.history.filter(history_id__gt=last).values_list("id", flat=True)
        assert set(lines) == changed
        assert len(lines) <= most * len(changed)

    def attempt(self, work):
        """Before the worker has passed, our own verbs may meet what they would never have made."""
        try:
            super().attempt(work)
        except IntegrityError as refused:
            raise IPManagerError("a verb met raw SQL") from refused

    @rule(address=addresses, verb=st.sampled_from([reserve, quarantine, release]))
    def turn(self, address, verb):
        self.given.pop(getattr(find(address), "vm_id", None), None)
        super().turn(address, verb)

    @rule()
    def the_worker_passes(self):
        catch_up()

    # --- servers by hand

    @rule(address=st.none() | addresses, with_mac=st.booleans())
    def insert_server(self, address, with_mac):
        self.count += 1
        mac = f"06:00:00:00:{self.count >> 8:02x}:{self.count & 255:02x}" if with_mac else None
        self.by_hand(
            lambda: insert(Server, hostname=f"raw{self.count}", ip_address=address, mac_address=mac)
        )

    @rule(number=which, address=st.none() | addresses)
    def update_server(self, number, address):
        if server := self.pick(Server, number):
            self.by_hand(lambda: update(server, ip_address=address))

    @rule(number=which)
    def rename_server(self, number):
        if server := self.pick(Server, number):
            self.count += 1
            self.by_hand(
                lambda: update(server, hostname=f"renamed{self.count}", manufacturer="Acme")
            )

    @rule(number=which)
    def delete_server_by_hand(self, number):
        if server := self.pick(Server, number):
            self.by_hand(lambda: delete(server))

    @rule(number=which, address=st.none() | addresses)
    def insert_interface(self, number, address):
        if server := self.pick(Server, number):
            self.count += 1
            self.by_hand(
                lambda: insert(
                    Interface, server_id=server.pk, name=f"raw{self.count}", ip_address=address
                )
            )

    @rule(number=which, other=which, address=st.none() | addresses)
    def update_interface(self, number, other, address):
        if nic := self.pick(Interface, number):
            server = self.pick(Server, other)
            self.by_hand(lambda: update(nic, server_id=server.pk, ip_address=address), most=2)

    @rule(number=which)
    def delete_interface_by_hand(self, number):
        if nic := self.pick(Interface, number):
            self.by_hand(lambda: delete(nic))

    # --- the ground by hand

    @rule(network=networks, gateway=st.none() | addresses)
    def insert_subnet(self, network, gateway):
        self.by_hand(lambda: insert(Subnet, network=network, gateway=gateway))

    @rule(number=which, network=networks, gateway=st.none() | addresses)
    def update_subnet(self, number, network, gateway):
        if subnet := self.pick(Subnet, number):
            self.by_hand(lambda: update(subnet, network=network, gateway=gateway))

    @rule(number=which)
    def delete_subnet_by_hand(self, number):
        if subnet := self.pick(Subnet, number):
            self.by_hand(lambda: delete(subnet))

    @rule(
        number=which,
        first=addresses,
        last=addresses,
        kind=st.sampled_from(["static", "static", "dhcp"]),
    )
    def insert_pool(self, number, first, last, kind):
        if subnet := self.pick(Subnet, number):
            self.by_hand(
                lambda: insert(Pool, subnet_id=subnet.pk, first=first, last=last, kind=kind)
            )

    @rule(
        number=which,
        first=addresses,
        last=addresses,
        kind=st.sampled_from(["static", "static", "dhcp"]),
    )
    def update_pool(self, number, first, last, kind):
        if pool := self.pick(Pool, number):
            self.by_hand(lambda: update(pool, first=first, last=last, kind=kind))

    @rule(number=which)
    def delete_pool_by_hand(self, number):
        if pool := self.pick(Pool, number):
            self.by_hand(lambda: delete(pool))

    # --- what always holds, the worker or no

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
        assert not IPAddress.objects.exclude(server=None).exclude(vm_id=None).exists()

    @invariant()
    def nobody_loses_what_he_was_given(self):
        """A VM keeps its address until it gives it back, whatever raw SQL does."""
        has = dict(IPAddress.objects.exclude(vm_id=None).values_list("vm_id", "ip_address"))
        assert all(has.get(vm) == address for vm, address in self.given.items())
        self.given = has

    def rows_follow_from_the_rest(self):
        """Only when the worker has passed; then `populate` finds nothing to do."""

    def pools_lie_apart_inside_their_subnets(self):
        """Raw SQL may lay them anywhere."""


@pytest.mark.django_db
class TestRawLedger(RawLedger.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(
        max_examples=200 if PROOF else 3,
        stateful_step_count=50,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
