"""The ledger's side: which subnet, which address, whose."""

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
R = TypeVar("R", bound="Row")


@dataclass(frozen=True)
class Row:
    """What one of IPManager's rows says; `facts` is all of the answer."""

    id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls: type[R], facts: dict[str, Any]) -> R:
        known = {each.name for each in fields(cls)} & facts.keys()
        return cls(facts=facts, **{name: facts[name] for name in known})


@dataclass(frozen=True)
class Subnet(Row):
    network: str = ""
    name: str = ""
    gateway: str | None = None
    vlan_id: int | None = None
    site: str = ""
    description: str = ""


@dataclass(frozen=True)
class Address(Row):
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
class Server(Row):
    hostname: str = ""
    ip_address: str | None = None
    mac_address: str | None = None
    device_type: str = ""
    location: str = ""
    description: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class Ledger(Connection):
    """The ledger of one IPManager. A request that got no answer is repeated, at most `retries`
    times: it is safe, because every POST carries a key by which IPManager knows it again. Every
    method raises ApiError."""

    retries: int = field(default=3, kw_only=True)

    # --- looking; the filters are those of the API, as in within="10.0.0.0/8", q="web", site="Berlin" ---

    def subnets(self, **filters: Any) -> Iterator[Subnet]:
        return map(Subnet.of, self.rows("subnets", **filters))

    def addresses(self, **filters: Any) -> Iterator[Address]:
        return map(Address.of, self.rows("ip-addresses", **filters))

    def servers(self, **filters: Any) -> Iterator[Server]:
        return map(Server.of, self.rows("servers", **filters))

    def subnet(self, which: int | str | Subnet) -> Subnet:
        """By its id, its network or its name."""
        if isinstance(which, Subnet):
            return which
        if isinstance(which, int) or which.isdecimal():
            return Subnet.of(self.request("GET", f"subnets/{which}/"))
        return _only(
            self.subnets(**{"network" if "/" in which else "name": which}), f"subnet {which}"
        )

    def address(self, ip: str | Address, vrf: int | str = "none") -> Address:
        """The row of an address, in the global address space unless a VRF's id is given."""
        if isinstance(ip, Address):
            return ip
        return _only(self.addresses(ip_address=ip, vrf=vrf), f"record of {ip}")

    def server(self, hostname: str) -> Server:
        return _only(self.servers(hostname=hostname), f"server {hostname}")

    def search(self, text: str) -> dict[str, Any]:
        """Subnets, servers and addresses, the first of each: `{"servers": {"results": […], "more":
        False}, …}`."""
        found: dict[str, Any] = self.request("GET", "search/", q=text)
        return found

    def why(self, mac: str) -> dict[str, Any]:
        """Which address this card gets from DHCP, and why: the decision step by step."""
        found: dict[str, Any] = self.request("GET", "dhcp/why/", mac=mac)
        return found

    def usage(self, subnet: int | str | Subnet) -> dict[str, Any]:
        found: dict[str, Any] = self.request("GET", f"subnets/{self.subnet(subnet).id}/usage/")
        return found

    # --- handing out and taking back ---

    def next_free(self, subnet: int | str | Subnet, **where: Any) -> str | None:
        """What would be handed out now; nothing is promised. `where`: pool (its id), not_before."""
        found: str | None = self.request(
            "GET", f"subnets/{self.subnet(subnet).id}/next-free/", **where
        )["ip_address"]
        return found

    def allocate(self, subnet: int | str | Subnet, **asked: Any) -> Address:
        """Take the next free address of a subnet, or the wanted one.

        `asked`: vm_id (the same one gets the same address again), hostname, mac_address, wanted,
        else_next (the next free one where the wanted one is held), not_before, pool (its id).
        Status 409: there is none."""
        return Address.of(
            self.request("POST", f"subnets/{self.subnet(subnet).id}/next-free/", asked)
        )

    def release(self, address: str | Address) -> None:
        self.request("POST", f"ip-addresses/{self.address(address).id}/release/")

    def reserve(self, address: str | Address, description: str = "") -> Address:
        return self._turned(address, "reserve", description)

    def quarantine(self, address: str | Address, description: str = "") -> Address:
        return self._turned(address, "quarantine", description)

    def set_status(self, addresses: Iterable[Address], status: str, description: str = "") -> None:
        """Make addresses reserved, available or quarantine: a thousand at once, these all or none
        of them."""
        for rows in _batches(addresses):
            ids = [row.id for row in rows]
            self.request(
                "POST",
                "ip-addresses/bulk-status/",
                _said(ids=ids, status=status, description=description),
            )

    # --- writing ---

    def add_server(self, hostname: str, **facts: Any) -> Server:
        """`facts`: ip_address, mac_address, location, description, … as the API names them."""
        return Server.of(self.request("POST", "servers/", {"hostname": hostname, **facts}))

    def add_servers(self, rows: Iterable[dict[str, Any]]) -> list[int]:
        """Their ids. A thousand at once, these all or none of them: `errors` of the ApiError names
        bad rows by their number in the whole, counted from 0, as in `1003.hostname`; the thousands
        before stay."""
        made: list[int] = []
        for batch in _batches(rows):
            try:
                made += self.request("POST", "servers/bulk/", batch)["ids"]
            except ApiError as error:
                raise _counted_on(error, len(made)) from error
        return made

    # --- speaking ---

    def export(self, kind: str, form: str = "csv", **filters: Any) -> HTTPResponse:
        """A table of subnets, servers, interfaces or ip-addresses, to be read like a file and
        closed."""
        return self.opened("GET", _path(f"{kind}/export/", {"as": form, **filters}))

    def rows(self, kind: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Rows of any kind, a page at a time when it is needed."""
        query = {"page_size": MOST_ROWS, **filters}
        while True:
            page = self.request("GET", f"{kind}/", **query)
            yield from page["results"]
            if not page.get("next"):
                return
            # Only what it asks for: the link's host is the one that a proxy in between may have
            # named.
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page["next"]).query))

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Any request to the API, repeated while it is safe and may help."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        for attempt in range(self.retries + 1):
            try:
                return self.ask(method, _path(path, query), body, headers)
            except ApiError as error:
                if attempt == self.retries or not _worth_repeating(error, method):
                    raise
                time.sleep(max(error.retry_after, FIRST_PAUSE * 2**attempt))

    def _turned(self, address: str | Address, verb: str, description: str) -> Address:
        path = f"ip-addresses/{self.address(address).id}/{verb}/"
        return Address.of(self.request("POST", path, _said(description=description)))


def _worth_repeating(error: ApiError, method: str) -> bool:
    """Either it was not done, or doing it twice is doing it once."""
    return error.status in (429, 503) or (
        error.status in (0, 502, 504) and method in ("GET", "POST")
    )


def _path(path: str, query: dict[str, Any]) -> str:
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    return f"/api/v1/{path}" + (f"?{urllib.parse.urlencode(asked, doseq=True)}" if asked else "")


def _said(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value != ""}


def _only(rows: Iterator[R], what: str) -> R:
    """The one row that was asked for. Raises ApiError with the status 404, or 409 when several bear
    the name."""
    found = list(islice(rows, 2))
    if len(found) == 1:
        return found[0]
    if found:
        raise ApiError(409, f"there is more than one {what}", "name it by its id")
    raise ApiError(404, f"there is no {what}")


def _batches(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    left = iter(rows)
    while batch := list(islice(left, MOST_ROWS)):
        yield batch


def _counted_on(error: ApiError, before: int) -> ApiError:
    """The same error, its rows counted from the first one of all."""
    errors = {}
    for name, reasons in error.errors.items():
        number, dot, rest = name.partition(".")
        errors[f"{int(number) + before}{dot}{rest}" if number.isdecimal() else name] = reasons
    body = {**error.body, "errors": errors} if isinstance(error.body, dict) else error.body
    return ApiError(error.status, error.message, error.hint, body, error.retry_after)
