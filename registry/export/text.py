"""What every export has in common: what it is made of, what it is, and its comments."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from core.errors import Invalid
from registry.export.validate import LeftOut
from registry.records import ServiceRecord

LONGEST_COMMENT = 200
# Leaves room for two labels before it, in the 253 characters of a name.
LONGEST_DOMAIN = 120
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_FATES = {"name": "only under its id", "dependencies": "without its dependencies"}
_Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True, slots=True)
class Options:
    """What an export is made for: the domain its names are in, and where people change what it
    says.

    Raises Invalid when the domain is none.
    """

    domain: str
    url: str = ""

    def __post_init__(self) -> None:
        if len(self.domain) > LONGEST_DOMAIN or not _DOMAIN.fullmatch(self.domain):
            raise Invalid(
                "“domain” is not a domain", hint="as in production.internal, in small letters"
            )


@dataclass(frozen=True, slots=True)
class Export:
    """A finished file, and who is not in it."""

    data: bytes
    left_out: tuple[LeftOut, ...] = ()


Render = Callable[[Sequence[ServiceRecord], Options], Export]


def comments(url: str, left_out: Iterable[LeftOut]) -> str:
    """Lines that say where the file comes from and who is left out of it."""
    lines = [f"Written by IPManager; change it at {url}", *map(sentence, left_out)]
    return "".join(f"# {printable(line)}\n" for line in lines)


def sentence(problem: LeftOut) -> str:
    """`left out: billing_2: its port …`, or what has become of its name."""
    return f"{_FATES.get(problem.field, 'left out')}: {problem.service_id}: {problem.reason}"


def printable(text: str) -> str:
    """Whatever the text, one short line of ASCII."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:LONGEST_COMMENT])


def variable(name: str) -> str:
    """The environment variable for a label, as Kubernetes spells it: `billing-1` is
    `BILLING_1_SERVICE`.

    The suffix keeps them apart from variables with a meaning of their own, such as DOCKER_HOST.
    """
    return ("_" if name[0].isdigit() else "") + name.upper().replace("-", "_") + "_SERVICE"


def as_yaml(documents: Sequence[Any]) -> str:
    """One YAML document after the other, each after a `---`; what looks like a number but is text
    is quoted."""
    return "".join(
        "---\n"
        + yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=4096)
        for document in documents
    )
