"""Thousands of heartbeats in one instant, as agents send them, each for the services of its
host."""

import os
import secrets

from registry.models import RegistryConfig, Service
from registry.querysets import database_now
from tests.registry.volley import fire, percentile
from tests.support.site import site

LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
HOSTS, EACH = (100, 100) if LONG else (20, 25)


def test_every_heartbeat_of_a_volley_counts(shared_database, tmp_path, capsys):
    config = RegistryConfig.objects.get(environment="development")
    ids = [[f"s-{host}-{number}" for number in range(EACH)] for host in range(HOSTS)]
    Service.objects.bulk_create(
        Service(
            environment=config,
            service_id=name,
            name=name,
            ip_address=f"127.1.{host}.1",
            port=10_000 + number,
        )
        for host, names in enumerate(ids)
        for number, name in enumerate(names)
    )
    token = secrets.token_hex(20)
    with site(shared_database | {"IPMANAGER_BOOTSTRAP_TOKEN": token}, tmp_path / "site") as running:
        before = database_now()
        answers = fire(running.port, token, ids)

    assert {status for status, _seconds, _number in answers} == {200}
    assert Service.objects.filter(last_heartbeat__gte=before).count() == HOSTS * EACH
    if LONG:
        middle, last = percentile(answers, 0.5), percentile(answers, 0.99)
        with capsys.disabled():
            print(
                f"\n{HOSTS * EACH} heartbeats in one instant: "
                f"median {middle:.2f} s, p99 {last:.2f} s"
            )


def test_a_percentile_counts_heartbeats_and_not_requests():
    answers = [(200, 1.0, 99), (200, 5.0, 1)]
    assert [percentile(answers, share) for share in (0.5, 0.98, 0.99)] == [1.0, 1.0, 5.0]
