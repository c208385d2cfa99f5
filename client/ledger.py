"""The ledger: subnets, addresses and servers."""

from __future__ import annotations

import time
import urllib.parse
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from http.client import HTTPResponse
from itertools import islice
from typing import Any, TypeVar

from .http import ApiError, Connection

MOST_ROWS = 1000  # of one request
FIRST_PAUSE = 0.2  # seconds
L = TypeVar("L", bound="LedgerObject")


@dataclass(frozen=True)
class LedgerObject:
    """An object of the ledger; `facts` is the whole answer of the API."""

    id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls: type[L], facts: dict[str, Any]) -> L:
        """The object of an answer."""
        known = {field.name for field in fields(cls)} & facts.keys()
        return cls(facts=facts, **{name: facts[name] for name in known})


@dataclass(frozen=True)
class Subnet(LedgerObject):
    network: str = ""
    name: str = ""
    gateway: str | None = None
    vlan_id: int | None = None
    site: str = ""
    description: str = ""


@dataclass(frozen=True)
class Address(LedgerObject):
    ip_address: str = ""
    status: str = ""
    ip_type: str = ""
    hostname: str = ""
    mac_address: str | None = None
    vm_id: str | None = None
    server_name: str | None = None
    subnet: int | None = None
    description: str = ""

    @property
    def holder(self) -> str:
        return self.server_name or self.vm_id or self.description


@dataclass(frozen=True)
class Server(LedgerObject):
    hostname: str = ""
    ip_address: str | None = None
    mac_address: str | None = None
    device_type: str = ""
    location: str = ""
    description: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class Machine(LedgerObject):
    """A server made in one call. `dhcp` says what was seen of its reservation, if the call waited;
    `services` is None where the token may not see them."""

    hostname: str = ""
    names: list[str] = field(default_factory=list)
    ip_address: str | None = None
    mac_address: str | None = None
    image: str | None = None
    boot: str | None = None
    services: list[dict[str, Any]] | None = None
    expires_at: str | None = None
    dhcp: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ledger(Connection):
    """The ledger of an IPManager. Every method raises ApiError.

    A request without an answer is repeated, at most `retries` times. This is safe because every
    POST carries an Idempotency-Key, by which IPManager recognises the repetition."""

    retries: int = field(default=3, kw_only=True)

    # --- find; the filters are those of the API, as in within="10.0.0.0/8", q="web" ---

    def subnets(self, **filters: Any) -> Iterator[Subnet]:
        return map(Subnet.of, self.rows("subnets", **filters))

    def addresses(self, **filters: Any) -> Iterator[Address]:
        return map(Address.of, self.rows("ip-addresses", **filters))

    def servers(self, **filters: Any) -> Iterator[Server]:
        return map(Server.of, self.rows("servers", **filters))

    def subnet(self, which: int | str | Subnet) -> Subnet:
        """A subnet by its id, its network or its name."""
        if isinstance(which, Subnet):
            return which
        text = str(which)
        if text.isdecimal():
            return Subnet.of(self.request("GET", f"subnets/{text}/"))
        column = "network" if "/" in text else "name"
        return _single(self.subnets(**{column: text}), f"subnet {text}")

    def address(self, ip: str | Address, vrf: int | str = "none") -> Address:
        """The record of an address, in the global address space unless a VRF's id is given."""
        if isinstance(ip, Address):
            return ip
        return _single(self.addresses(ip_address=ip, vrf=vrf), f"record of {ip}")

    def server(self, hostname: str) -> Server:
        return _single(self.servers(hostname=hostname), f"server {hostname}")

    def search(self, text: str) -> dict[str, Any]:
        """Subnets, servers and addresses, the first of each: `{"servers": {"results": […], "more":
        False}, …}`."""
        found: dict[str, Any] = self.request("GET", "search/", q=text)
        return found

    def why(self, asked: str) -> dict[str, Any]:
        """Whether the machine with this IP address, MAC address or host name is served, or what the
        address is: verdict, remedy, and the decision step by step."""
        found: dict[str, Any] = self.request("GET", "dhcp/why/", q=asked)
        return found

    def who_had(
        self, ip: str, at: str | None = None, vrf: int | str | None = None
    ) -> dict[str, Any]:
        """Who had an address at a time, by ledger, leases and sightings, with the evidence; without
        a time, all who had it."""
        asked = {name: value for name, value in {"at": at, "vrf": vrf}.items() if value}
        found: dict[str, Any] = self.request("GET", "who-had/", ip=ip, **asked)
        return found

    def usage(self, subnet: int | str | Subnet) -> dict[str, Any]:
        """The usage of a subnet: `current`, `history` by day, and `forecast`, static and DHCP; its
        own available, allocated and reserved addresses."""
        found: dict[str, Any] = self.request("GET", f"subnets/{self.subnet(subnet).id}/usage/")
        return found

    # --- allocate and release ---

    def next_free(self, subnet: int | str | Subnet, **where: Any) -> str | None:
        """The address that `allocate` would take now. It is not held.

        `where`: pool (its id), not_before."""
        path = f"subnets/{self.subnet(subnet).id}/next-free/"
        found: str | None = self.request("GET", path, **where)["ip_address"]
        return found

    def allocate(self, subnet: int | str | Subnet, **options: Any) -> Address:
        """Allocate the next free address of a subnet, or the wanted one. Status 409: there is none.

        `options`: vm_id (the same one gets the same address again), hostname, mac_address, wanted,
        else_next (the next free address if the wanted one is taken), not_before, pool (its id)."""
        path = f"subnets/{self.subnet(subnet).id}/next-free/"
        return Address.of(self.request("POST", path, options))

    def release(self, address: str | Address) -> None:
        """Release an address."""
        self.request("POST", f"ip-addresses/{self.address(address).id}/release/")

    def reserve(self, address: str | Address, description: str = "") -> Address:
        """Reserve a free address."""
        return self._change(address, "reserve", description)

    def quarantine(self, address: str | Address, description: str = "") -> Address:
        """Put an address in quarantine."""
        return self._change(address, "quarantine", description)

    def set_status(self, addresses: Iterable[Address], status: str, description: str = "") -> None:
        """Set addresses reserved, available or quarantine, in batches of a thousand: all of a batch
        or none."""
        for batch in _batches(addresses):
            body = {"ids": [row.id for row in batch], "status": status}
            body |= _described(description)
            self.request("POST", "ip-addresses/bulk-status/", body)

    # --- machines ---

    def machines(self, **filters: Any) -> Iterator[Machine]:
        return map(Machine.of, self.rows("machines", **filters))

    def machine(self, hostname: str | Machine) -> Machine:
        if isinstance(hostname, Machine):
            return hostname
        return _single(self.machines(hostname=hostname), f"machine {hostname}")

    def up(self, hostname: str, **asked: Any) -> Machine:
        """Make a machine, all of it or nothing; the same call again returns the same machine.

        `asked`: mac_address, subnet or pool (id, network, range or name), ip_address, else_next,
        interfaces, image, boot ("once" or "always"), services ([{"name": "http", "port": 80}]), ttl
        (seconds) or expires_at, description, location, …, and wait ("told" or "live") with a
        timeout in seconds, which is to be shorter than that of the connection."""
        return Machine.of(self.request("POST", "machines/", {"hostname": hostname, **asked}))

    def renew(self, hostname: str | Machine, ttl: int | None) -> Machine:
        """Let a machine live for so many seconds from now; None: until it is deleted."""
        path = f"machines/{self.machine(hostname).id}/"
        body = {"ttl": ttl} if ttl else {"expires_at": None}
        return Machine.of(self.request("PATCH", path, body))

    def down(self, hostname: str | Machine) -> None:
        """Take a machine back: its server, addresses, boot assignments and service ports."""
        self.request("DELETE", f"machines/{self.machine(hostname).id}/")

    # --- the log ---

    def undo(self, change: str, **options: Any) -> dict[str, Any]:
        """Undo a change, or a line of the log such as `ipam.server:123`; returns what was done.

        `options`: dry_run, with_later, digest. Raises ApiError 409, whose body has the `plan` with
        every reason."""
        query = {"dry_run": 1} if options.pop("dry_run", False) else {}
        path = f"changes/{urllib.parse.quote(change, safe='')}/undo/"
        plan: dict[str, Any] = self.request("POST", path, options, **query)
        return plan

    # --- create ---

    def add_server(self, hostname: str, **facts: Any) -> Server:
        """Create a server. `facts`: ip_address, mac_address, location, … as the API names them."""
        return Server.of(self.request("POST", "servers/", {"hostname": hostname, **facts}))

    def add_servers(self, rows: Iterable[dict[str, Any]]) -> list[int]:
        """Create servers in batches of a thousand, all of a batch or none; returns their ids.

        `errors` of an ApiError name a row by its number among all rows, counted from 0, as in
        `1003.hostname`; earlier batches stay."""
        created: list[int] = []
        for batch in _batches(rows):
            try:
                created += self.request("POST", "servers/bulk/", batch)["ids"]
            except ApiError as error:
                raise _renumbered(error, len(created)) from error
        return created

    # --- requests ---

    def export(self, kind: str, form: str = "csv", **filters: Any) -> HTTPResponse:
        """A table of subnets, servers, interfaces or ip-addresses. Read it like a file and close
        it."""
        return self.opened("GET", _path(f"{kind}/export/", {"as": form, **filters}))

    def rows(self, kind: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """The objects of any list, fetched a page at a time."""
        query = {"page_size": MOST_ROWS, **filters}
        while True:
            page = self.request("GET", f"{kind}/", **query)
            yield from page["results"]
            if not page.get("next"):
                return
            # Only the query of the link: a proxy in between may have changed its host.
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page["next"]).query))

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send any request to the API, and repeat it while that is safe and may help."""
        headers = {}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        for attempt in range(self.retries + 1):
            try:
                return self.ask(method, _path(path, query), body, headers)
            except ApiError as error:
                if attempt == self.retries or not _worth_repeating(error, method):
                    raise
                time.sleep(max(error.retry_after, FIRST_PAUSE * 2**attempt))

    def _change(self, address: str | Address, verb: str, description: str) -> Address:
        path = f"ip-addresses/{self.address(address).id}/{verb}/"
        return Address.of(self.request("POST", path, _described(description)))


def _worth_repeating(error: ApiError, method: str) -> bool:
    """Whether the request was not executed, or may safely be executed twice."""
    if error.status in (429, 503):
        return True
    return error.status in (0, 502, 504) and method in ("GET", "POST")


def _path(path: str, query: dict[str, Any]) -> str:
    """The URL path; empty query values are dropped."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"/api/v1/{path}?{urllib.parse.urlencode(given, doseq=True)}".removesuffix("?")


def _described(description: str) -> dict[str, Any]:
    """The description for a request body. An empty one is not sent."""
    return {"description": description} if description else {}


def _single(rows: Iterator[L], what: str) -> L:
    """The only object. Raises ApiError: status 404 without any, 409 with several."""
    found = list(islice(rows, 2))
    if not found:
        raise ApiError(404, f"there is no {what}")
    if len(found) > 1:
        raise ApiError(409, f"there is more than one {what}", "name it by its id")
    return found[0]


def _batches(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    left = iter(rows)
    while batch := list(islice(left, MOST_ROWS)):
        yield batch


def _renumbered(error: ApiError, before: int) -> ApiError:
    """The same error, with rows numbered from the first row of the first batch."""
    if not isinstance(error.body, dict):
        return error
    errors = {}
    for name, reasons in error.errors.items():
        number, dot, rest = name.partition(".")
        if number.isdecimal():
            name = f"{int(number) + before}{dot}{rest}"
        errors[name] = reasons
    body = {**error.body, "errors": errors}
    return ApiError(error.status, error.message, error.hint, body, error.retry_after)
