"""Clients of a running site who note every call: what they asked, when, and what they were told."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from tests.history.calls import LOST, NO, YES, Call

POOL_API, NATIVE = "/api/v1/ip", "/api/v1"
PATIENCE = 60  # seconds for one answer
REPEATS = 40  # of a call with a key, until it is answered


@dataclass(frozen=True)
class Answer:
    """Status 0: it never came."""

    status: int
    body: Any = None
    replayed: bool = False


@dataclass
class Ground:
    """Where the clients play: a site, a subnet of it, and the rows of its pool."""

    port: int
    token: str
    subnet: int
    rows: dict[str, int]  # an address -> the key of its row
    ids: int = 150  # VMs that they share
    calls: list[Call] = field(default_factory=list)  # appending is atomic

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        """One request on a connection of its own."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            with closing(
                http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            ) as connection:
                connection.request(
                    method, path, body if body is None else json.dumps(body), headers
                )
                response = connection.getresponse()
                text = response.read()
                return Answer(
                    response.status, _parsed(text), "Idempotency-Replayed" in response.headers
                )
        except (OSError, http.client.HTTPException):
            return Answer(0)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"detail": text.decode(errors="replace")[:200]}


class Client:
    """One caller, by chance."""

    def __init__(self, ground: Ground, number: int) -> None:
        self.ground, self.number = ground, number
        self.chance = random.Random(number)
        self.made = 0

    def act(self) -> None:
        """One call more, or, with a key, a few."""
        (choice,) = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        choice(self)

    # --- the pool for virtual machines ---

    def allocate(self, vm: str = "") -> Call:
        vm = vm or self.vm()
        return self.note(
            "allocate",
            vm,
            "",
            lambda: self.ground.ask("POST", f"{POOL_API}/allocate", {"vm_id": vm}),
        )

    def release(self, vm: str = "") -> Call:
        vm = vm or self.vm()
        return self.note(
            "release", vm, "", lambda: self.ground.ask("DELETE", f"{POOL_API}/release/{vm}")
        )

    def release_by_ip(self, ip: str = "") -> Call:
        ip = ip or self.ip()
        return self.note(
            "release_by_ip",
            "",
            ip,
            lambda: self.ground.ask("DELETE", f"{POOL_API}/release-by-ip/{ip}"),
        )

    def show(self, vm: str = "") -> Call:
        vm = vm or self.vm()
        return self.note("show", vm, "", lambda: self.ground.ask("GET", f"{POOL_API}/{vm}"))

    # --- the native API ---

    def next_free(self) -> None:
        """For a VM or by a name of its own, with a key; repeated until it is answered, and now and
        then once more."""
        name, key = self.name(), f"key-{self.number}-{self.made}"
        vm = self.vm() if self.chance.random() < 0.5 else None
        body = {"vm_id": vm} if vm else {"hostname": name}
        again = self.chance.random() < 0.3
        for _ in range(REPEATS):
            call = self.note("allocate", vm or name, "", lambda: self._next_free(body, key), key)
            if call.answer == NO or (call.answer == YES and not again):
                return
            again = again and call.answer != YES
            if call.answer == LOST:
                time.sleep(0.1)  # as Retry-After asks, but sooner

    def _next_free(self, body: dict, key: str) -> Answer:
        return self.ground.ask(
            "POST", f"{NATIVE}/subnets/{self.ground.subnet}/next-free/", body, key
        )

    def post(self, ip: str = "") -> Call:
        name, ip = self.name(), ip or self.ip()
        body = {"ip_address": ip, "status": "allocated", "hostname": name}
        return self.note(
            "post", name, ip, lambda: self.ground.ask("POST", f"{NATIVE}/ip-addresses/", body)
        )

    def reserve(self, ip: str = "") -> Call:
        return self.turn("reserve", "reserve", {"description": "by hand"}, ip)

    def quarantine(self, ip: str = "") -> Call:
        return self.turn("quarantine", "quarantine", {"description": "odd"}, ip)

    def free(self, ip: str = "") -> Call:
        return self.turn("free", "release", None, ip)

    def turn(self, verb: str, action: str, body: dict | None, ip: str) -> Call:
        ip = ip or self.ip()
        path = f"{NATIVE}/ip-addresses/{self.ground.rows[ip]}/{action}/"
        return self.note(verb, "", ip, lambda: self.ground.ask("POST", path, body))

    # --- how ---

    def vm(self) -> str:
        return f"vm-{self.chance.randrange(self.ground.ids)}"

    def ip(self) -> str:
        return self.chance.choice(list(self.ground.rows))

    def name(self) -> str:
        self.made += 1
        return f"name-{self.number}-{self.made}"

    def note(
        self, verb: str, owner: str, ip: str, ask: Callable[[], Answer], key: str = ""
    ) -> Call:
        start = time.monotonic()
        told = ask()
        call = judged(
            Call(verb, start, time.monotonic(), LOST, owner, ip, told.status, key, told.replayed),
            told,
        )
        self.ground.calls.append(call)
        return call


WEIGHTS: dict[Callable[[Client], Call | None], int] = {
    Client.allocate: 26,
    Client.release: 14,
    Client.release_by_ip: 8,
    Client.show: 10,
    Client.next_free: 12,
    Client.post: 5,
    Client.reserve: 3,
    Client.quarantine: 2,
    Client.free: 20,
}


def judged(call: Call, told: Answer) -> Call:
    """What the answer means for the caller. Whatever is not foreseen counts as lost, and `answers`
    finds it."""
    body = told.body if isinstance(told.body, dict) else {}
    says = str(body.get("detail") or body.get("error") or "")
    if told.status in (200, 201):
        ip = body.get("ip") or body.get("ip_address") or call.ip
        return replace(call, answer=YES, ip="" if call.verb == "release" else ip)
    if told.status in REFUSALS[call.verb] and (call.verb != "allocate" or _exhausted(body)):
        return replace(call, answer=NO)
    return replace(call, says=says)


REFUSALS = {
    "allocate": (409, 503),
    "post": (409,),
    "reserve": (409,),
    "quarantine": (409,),
    "release": (404,),
    "release_by_ip": (404,),
    "show": (404,),
    "free": (),
}


def _exhausted(body: dict) -> bool:
    return body.get("code") == "exhausted" or body.get("error") == "No available IPs in pool"


def play(ground: Ground, clients: int, total: int, planned: Sequence[object] = ()) -> Iterator[int]:
    """Let clients make `total` calls, and more while something is `planned`; yields how many there
    are, again and again, so that somebody may interfere."""
    enough = threading.Event()

    def live(number: int) -> None:
        client = Client(ground, number)
        while not enough.is_set():
            client.act()

    with ThreadPoolExecutor(clients) as threads:
        running = [threads.submit(live, number) for number in range(clients)]
        try:
            while (len(ground.calls) < total or planned) and not any(one.done() for one in running):
                yield len(ground.calls)
                time.sleep(0.02)
        finally:
            enough.set()
    for one in running:
        one.result()
