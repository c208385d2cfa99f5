"""Any request at all, to every operation that the API's description names, by callers of every
role.

Each answer is one that the description allows, none is a fault of ours, and who has no credentials
opens nothing that is not on the list. Half of the requests fit the description, half do not; ids
are mostly those of rows that exist. What a request has changed is undone before the next, so that
there is always something to hit.

The long form asks 20,000 times.
"""

import os
from collections import Counter
from itertools import cycle, islice

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests import Request
from rest_framework.test import APIClient
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ipmanager import anonymous
from tests.proof import LONG_FORM
from tests.support.api import description, with_token
from tests.support.everything import one_of_each
from tests.support.undone import undone

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
LONG = bool(os.environ.get(LONG_FORM))
REQUESTS = 20_000 if LONG else 200
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROLES = ("anonymous", "read", "allocate", "admin")
OPEN = {f"/{route}" for route in anonymous.ROUTES}

schemathesis.openapi.format(
    "ip", st.sampled_from(["10.0.0.5", "10.0.0.77", "10.9.9.9", "2001:db8::5", "0.0.0.0"])
)
schemathesis.openapi.format(
    "cidr", st.sampled_from(["10.0.0.0/24", "10.7.0.0/24", "0.0.0.0/0", "2001:db8::/64"])
)
schemathesis.openapi.format(
    "mac", st.sampled_from(["02:00:00:00:00:0a", "02:00:00:00:00:99", "ff:ff:ff:ff:ff:ff"])
)
schemathesis.openapi.format(
    "ip-range", st.sampled_from(["10.0.0.200-10.0.0.210", "10.0.0.5", "10.0.0.9-10.0.0.1"])
)


@pytest.fixture
def world(settings, tmp_path):
    """A row of every model, and its number by the name that the API has for it."""
    settings.DNSMASQ_DIR = tmp_path / "dnsmasq"
    settings.DNSMASQ_LEASES = tmp_path / "leases"
    settings.BOOT_ROOT = tmp_path / "boot"
    return one_of_each()


@pytest.fixture
def callers():
    clients = {
        "anonymous": APIClient(),
        "read": with_token("read"),
        "allocate": with_token("read", "allocate"),
        "admin": with_token("admin"),
    }
    for client in clients.values():
        client.raise_request_exception = False  # as a web server does: a fault is an answer of 500
    return clients


def test_every_answer_is_as_described_and_nothing_is_open_by_mistake(world, callers):
    described = schemathesis.openapi.from_dict(description())
    operations = [result.ok() for result in described.get_all_operations()]
    assert len(operations) > 180
    run = Run(world, callers, each=-(-REQUESTS // len(operations)))
    for number, operation in enumerate(operations):
        run.ask(operation, number)
    print(
        f"{run.asked} requests to {len(operations)} operations: "
        f"{dict(sorted(run.statuses.items()))}"
    )
    assert run.asked >= REQUESTS
    assert not run.faults, "\n\n".join(run.faults)


class Run:
    """Asks, and remembers what was wrong."""

    def __init__(self, world, callers, each):
        self.world, self.callers, self.each = world, callers, each
        self.asked, self.statuses, self.faults = 0, Counter(), []

    def ask(self, operation, number):
        """One operation so many times, by one role after the other, as described and not."""
        modes = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
        if operation.body or operation.query or operation.path_parameters:
            modes.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        roles = islice(cycle(ROLES), number % len(ROLES), None)
        left = self.each
        while left > 0:  # some operations cannot be asked in many ways
            before = left

            @settings(
                max_examples=left,
                database=None,
                phases=[Phase.generate],
                derandomize=not LONG,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=st.one_of(modes), pick=st.integers(0, 9))
            def one(case, pick):
                nonlocal left
                left -= 1
                aim(case, self.world, pick)
                self.once(case, next(roles))

            one()
            assert left < before

    def once(self, case, role):
        self.asked += 1
        answer = call(case, self.callers[role])
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as found:
            asked = f"{role}: {case.method} {answer.request.url[:300]} {str(case.body)[:300]}"
            self.faults.append(
                "\n".join([asked, *(str(fault)[:600] for fault in found.exceptions)])
            )
        if role == "anonymous" and answer.status_code < 400 and case.path not in OPEN:
            self.faults.append(f"{case.method} {case.path} is open")


def aim(case, world, pick):
    """Mostly at what exists."""
    if "id" in (case.path_parameters or {}) and pick:
        case.path_parameters["id"] = world[case.path.removeprefix("/api/v1/").partition("/{id}")[0]]
    if "wait" in (case.query or {}):
        case.query["wait"] = 0  # it would wait, indeed
    if isinstance(case.body, dict) and pick > 3:
        for field, name in REFERENCES.items():
            if isinstance(case.body.get(field), int):
                case.body[field] = world[name]


REFERENCES = {
    "subnet": "subnets",
    "wire": "subnets",
    "server": "servers",
    "vrf": "vrfs",
    "image": "boot-images",
    "default_image": "boot-images",
    "pool": "pools",
    "parent": "boot-menus",
    "answers": "boot-answers",
}


def call(case, client):
    """The answer; what the request changed is undone."""
    sent = case.as_transport_kwargs(base_url="http://testserver")
    headers = {name: value for name, value in sent.pop("headers").items() if name in ASKED_HEADERS}
    asked = Request(**sent | {"headers": headers}).prepare()
    answer = undone(
        lambda: client.generic(
            asked.method,
            asked.path_url,
            asked.body or b"",
            asked.headers.get("Content-Type", ""),
            headers={name: value for name, value in headers.items() if name != "Content-Type"},
        )
    )
    return as_it_knows_them(answer, asked)


ASKED_HEADERS = {"Content-Type", "If-Match", "Idempotency-Key", "Accept"}


def as_it_knows_them(answer, asked):
    return Response(
        status_code=answer.status_code,
        headers={name.lower(): [value] for name, value in answer.items()},
        content=answer.getvalue(),
        request=asked,
        elapsed=0.0,
        verify=False,
    )
