"""Split, merge, resize or renumber a subnet, or show what that would do."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from changes.plans.reshapes import Wanted, work_of
from changes.plans.verb import Plan, apply, as_json, preview
from changes.plans.words import sentence
from core import commands
from core.errors import IPManagerError
from core.history import origin
from ipam import addresses
from ipam.management.base import vrf_id
from ipam.models import Pool, Subnet


class Command(commands.Command):
    help = """Divide the address space otherwise, all or nothing:

  split NETWORK LENGTH      into equal parts of this prefix length
  merge NETWORK             the subnets inside it into it
  resize NETWORK NETWORK    grow or shrink it to the second one
  renumber NETWORK NETWORK  move its machines into the second one

With --dry-run it only shows which rows change, what dnsmasq would be told and which clients must
ask for their lease again. With --digest of such a plan nothing else than that is done.
`manage.py undo CHANGE` takes it back.

Example: manage.py reshape split 10.112.57.0/24 26 --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=("split", "merge", "resize", "renumber"))
        parser.add_argument("network", type=_network, help="the subnet")
        parser.add_argument("into", nargs="?", help="a prefix length, or the other network")
        parser.add_argument("--vrf", metavar="NAME", help="the address space (default: global)")
        parser.add_argument("--names", default="", help="split: separated by commas")
        parser.add_argument(
            "--first-is-gateway",
            action="store_true",
            help="split: a part without the present gateway gets its first address",
        )
        parser.add_argument("--gateway", type=_address, help="resize (default: the present one)")
        parser.add_argument(
            "--new-space", choices=Pool.Kind.values, default="", help="resize: in which pool"
        )
        parser.add_argument(
            "--next-free", action="store_true", help="renumber: not the same place in the network"
        )
        parser.add_argument("--first", type=_address, help="renumber: only from this address")
        parser.add_argument("--last", type=_address, help="renumber: only to this address")
        parser.add_argument("--dry-run", action="store_true", help="show the plan only")
        parser.add_argument("--digest", metavar="DIGEST", help="of the plan that was shown")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        try:
            work = work_of(options["verb"], _wanted(options))
            if options["dry_run"]:
                self._show(preview(work), options)
            else:
                found = apply(work, options["digest"]).found
                self._tell(found, options)
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error

    def _show(self, plan: Plan[Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self._print_json({**plan.found, **as_json(plan)})
            return
        for item in plan.effect.items:
            self.stdout.write(sentence(item))
        for one in plan.told:
            self.stdout.write(f"dnsmasq {one.server}:\n{one.diff}")
        for client in plan.renewing.clients:
            self.stdout.write(f"must renew: {client.ip} {client.name}")
        for warning in plan.found.get("warnings", ()):
            self.stdout.write(f"warning: {warning}")
        for address, reason in plan.found.get("stays", {}).items():
            self.stdout.write(f"stays: {address} {reason}")
        self.stdout.write(f"Nothing was written: this was a dry run. Digest: {plan.digest}")

    def _tell(self, found: dict[str, Any], options: dict[str, Any]) -> None:
        change = origin.current().change
        if options["json"]:
            self._print_json({**found, "change": change})
            return
        self.stdout.write(f"Done. To take it back: {commands.manage_command(f'undo {change}')}")

    def _print_json(self, body: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(body, indent=2, default=str))


def _network(text: str) -> Any:
    try:
        return addresses.parse_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _address(text: str) -> Any:
    try:
        return addresses.parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _wanted(options: dict[str, Any]) -> Wanted:
    """Raises CommandError."""
    space = vrf_id(options["vrf"])
    subnet = _subnet(options["network"], space)
    names = tuple(map(str.strip, filter(None, options["names"].split(","))))
    further = _INTO[options["verb"]](options["into"], space)
    return Wanted(
        subnet,
        names=names,
        first_is_gateway=options["first_is_gateway"],
        gateway=options["gateway"] or subnet.gateway,
        new_space=options["new_space"],
        keeps_place=not options["next_free"],
        ends=(options["first"], options["last"]),
        **further,
    )


def _subnet(network: Any, space: int | None) -> Subnet:
    found = Subnet.objects.in_vrf(space).filter(network=network).first()
    if found is None:
        raise CommandError(f"there is no subnet {network}")
    return found


def _length(text: str | None, space: int | None) -> dict[str, Any]:
    if not (text or "").isdigit():
        raise CommandError("split needs the prefix length of the parts, as in 26")
    return {"length": int(text or 0)}


def _other(text: str | None) -> Any:
    try:
        return _network(text or "")
    except argparse.ArgumentTypeError as error:
        raise CommandError(f"the second network: {error}") from error


_INTO = {
    "split": _length,
    "merge": lambda _text, _space: {},
    "resize": lambda text, _space: {"network": _other(text)},
    "renumber": lambda text, space: {"target": _subnet(_other(text), space)},
}
