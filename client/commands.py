"""The commands of `ipmanager`: each takes the ledger and the options of its command line, and
returns its exit status."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable
from typing import Any

from .http import ApiError
from .ledger import Address, Ledger, LedgerObject, Server, Subnet
from .output import COLUMNS, print_json, print_table, print_text

DONE, REFUSED = 0, 1
SYMBOLS = {True: "+", False: "-", None: " "}
ALLOCATE_OPTIONS = (
    "vm_id",
    "hostname",
    "mac_address",
    "wanted",
    "else_next",
    "not_before",
    "pool",
)
FOUND_KINDS: dict[str, type[LedgerObject]] = {
    "subnets": Subnet,
    "servers": Server,
    "ip_addresses": Address,
}
Options = argparse.Namespace


def subnets(ledger: Ledger, options: Options) -> int:
    """List subnets."""
    found = ledger.subnets(within=options.within, contains=options.contains, q=options.text)
    return _list(found, Subnet, options)


def addresses(ledger: Ledger, options: Options) -> int:
    """List address records."""
    filters = {"within": options.within, "status": options.status, "q": options.text}
    if options.subnet:
        filters["subnet"] = ledger.subnet(options.subnet).id
    return _list(ledger.addresses(**filters), Address, options)


def servers(ledger: Ledger, options: Options) -> int:
    """List servers."""
    return _list(ledger.servers(within=options.within, q=options.text), Server, options)


def undo(ledger: Ledger, options: Options) -> int:
    """Undo a change, or print what that would do."""
    try:
        plan = ledger.undo(options.change, dry_run=options.dry_run, with_later=options.with_later)
    except ApiError as error:
        if not isinstance(error.body, dict) or "plan" not in error.body:
            raise
        plan = error.body["plan"]
    if options.json:
        print_json(plan)
    else:
        print_text("\n".join(_plan_lines(plan)))
    return DONE if plan["possible"] else REFUSED


def _plan_lines(plan: dict[str, Any]) -> list[str]:
    """What happens to each row, or why nothing does."""
    lines = [item["text"] for item in plan["items"]] + plan["left"]
    for refusal in plan["refusals"]:
        lines.append(f"refused: {refusal['reason']}")
        for later in refusal["later"]:
            lines.append(f"  {later['change']}: {later['text']} ({later['who']}, {later['at']})")
    if "undone_by" in plan:
        lines.append(f"undone by {plan['undone_by']}")
    return lines


def add_servers(ledger: Ledger, options: Options) -> int:
    """Create one server, or all servers of a file."""
    if options.file:
        ids = ledger.add_servers(read_json(options.file))
        return _show(options, {"count": len(ids), "ids": ids}, f"{len(ids)} servers")
    server = ledger.add_server(
        options.hostname, **dict(options.set), **_given(options, ("ip_address", "mac_address"))
    )
    shown = filter(None, (server.hostname, server.ip_address))
    return _show(options, server.facts, " ".join(shown))


def next_free(ledger: Ledger, options: Options) -> int:
    """Show the next free address."""
    found = ledger.next_free(options.subnet, pool=options.pool, not_before=options.not_before)
    if found is None:
        raise ApiError(
            404,
            f"{options.subnet} has no free address",
            "widen a static pool or release an address",
        )
    return _show(options, {"ip_address": found}, found)


def allocate(ledger: Ledger, options: Options) -> int:
    """Allocate an address."""
    address = ledger.allocate(options.subnet, **_given(options, ALLOCATE_OPTIONS))
    return _show(options, address.facts, address.ip_address)


def release(ledger: Ledger, options: Options) -> int:
    """Release addresses, all of them or none."""
    if options.vm_id:
        rows = list(ledger.addresses(vm_id=options.vm_id))
        if not rows:
            raise ApiError(404, f"the VM {options.vm_id} holds no address")
    elif options.address:
        rows = list(map(ledger.address, options.address))
    else:
        raise ValueError("name an address or --vm-id")
    ledger.set_status(rows, "available")
    released = [row.ip_address for row in rows]
    return _show(options, {"released": released}, "\n".join(released))


def reserve(ledger: Ledger, options: Options) -> int:
    """Reserve an address."""
    address = ledger.reserve(options.address, options.description)
    return _show(options, address.facts, address.ip_address)


def find(ledger: Ledger, options: Options) -> int:
    """Search subnets, servers and addresses."""
    found = ledger.search(options.text)
    if options.json:
        print_json(found)
    count = 0
    for kind, shape in FOUND_KINDS.items():
        part = found.get(kind, {})
        count += len(part.get("results", []))
        if not options.json:
            _print_found(kind, shape, part)
    if count == 0:
        return _nothing(f"nothing matches {options.text}")
    return DONE


def _print_found(kind: str, shape: type[LedgerObject], part: dict[str, Any]) -> None:
    """Print the found objects of one kind as a table."""
    if not part.get("results"):
        return
    more = " (there are more)" if part["more"] else ""
    print(kind.replace("_", " ") + more)
    print_table(map(shape.of, part["results"]), COLUMNS[shape], indent="  ")


def why(ledger: Ledger, options: Options) -> int:
    """Say whether a machine is served, or what an address is, and why."""
    found = ledger.why(options.asked)
    lines = [f"= {found['verdict']}"]
    if found["remedy"]:
        lines.append(f"> {found['remedy']}")
    for step in found["steps"]:
        lines.append(f"{SYMBOLS[step['good']]} {step['question']} {step['answer']}")
    return _show(options, found, "\n".join(lines))


def who_had(ledger: Ledger, options: Options) -> int:
    """Say who had an address at a time, with the evidence; or all who had it."""
    found = ledger.who_had(options.ip, at=options.at, vrf=options.vrf)
    return _show(options, found, "\n".join(_who_had_lines(found)))


def _who_had_lines(found: dict[str, Any]) -> Iterable[str]:
    if "holders" in found:
        held = (found["holders"], found["leases"])
        for kind, rows in zip(("ledger", "lease"), held, strict=True):
            for row in rows:
                who = row.get("text") or row["mac_address"] or row["client_id"]
                yield f"{kind}: {who} from {row['from'] or '?'} until {row['until'] or 'now'}"
        return
    yield found["sentence"]
    for text in found["disagreements"]:
        yield f"! {text}"
    for one in found["statements"]:
        yield f"{one['source']}: {one['text']} ({one['evidence']})"
    for text in found["unknown"]:
        yield f"? {text}"


def export(ledger: Ledger, options: Options) -> int:
    """Write a table of the ledger to a new file or to standard output."""
    form = "xlsx" if options.output.endswith(".xlsx") else "csv"
    with ledger.export(options.kind, form, within=options.within) as answer:
        if options.output == "-":
            shutil.copyfileobj(answer, sys.stdout.buffer)
            return DONE
        with open(options.output, "xb") as file:
            shutil.copyfileobj(answer, file)
    return DONE


def read_json(name: str) -> list[dict[str, Any]]:
    """The objects of a file, a JSON list or one object on each line; `-` is standard input. Raises
    ValueError."""
    if name == "-":
        text = sys.stdin.read()
    else:
        with open(name, encoding="utf-8") as file:
            text = file.read()
    try:
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        return list(map(json.loads, text.splitlines()))
    except ValueError as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from error


def _given(options: Options, names: Iterable[str]) -> dict[str, Any]:
    """The options that the command line sets."""
    return {name: value for name, value in vars(options).items() if name in names and value}


def _list(rows: Iterable[LedgerObject], kind: type[LedgerObject], options: Options) -> int:
    if options.json:
        print_json([row.facts for row in rows])
        return DONE
    if print_table(rows, COLUMNS[kind]):
        return DONE
    return _nothing("nothing was found")


def _show(options: Options, facts: Any, text: str) -> int:
    if options.json:
        print_json(facts)
    else:
        print_text(text)
    return DONE


def _nothing(reason: str) -> int:
    print(f"ipmanager: {reason}", file=sys.stderr)
    return REFUSED
