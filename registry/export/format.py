"""The interface of all formats, and helpers for their texts."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from django.utils.functional import Promise

from core.errors import Invalid
from registry.export.validate import Condition, LeftOut, ValidServices, validate
from registry.records import ServiceRecord

TEXT, JSON, YAML = "text/plain; charset=utf-8", "application/json", "application/yaml"
LONGEST_COMMENT = 200
# Leaves room for two labels before it, in the 253 characters of a name.
LONGEST_DOMAIN = 120
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_LIMITS = {"name": "only under its id", "dependencies": "without its dependencies"}
_Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True, slots=True)
class Options:
    """The domain of the exported names, and the URL where people change the services.

    Raises Invalid for a domain that is not valid."""

    domain: str
    url: str = ""

    def __post_init__(self) -> None:
        if len(self.domain) > LONGEST_DOMAIN or not _DOMAIN.fullmatch(self.domain):
            raise Invalid(
                "“domain” is not a domain", hint="as in production.internal, in small letters"
            )


@dataclass(frozen=True, slots=True)
class Export:
    """The content of the file, and the services that are left out of it."""

    data: bytes
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: `write` returns the text for valid services, which also meet `conditions`.

    `title` tells people what the file is for. JSON has no comments (`has_comments` false)."""

    name: str
    title: str | Promise
    filename: str
    media_type: str
    write: Callable[[ValidServices, Options], str]
    conditions: tuple[Condition, ...] = ()
    has_comments: bool = True

    def render(self, records: Iterable[ServiceRecord], options: Options) -> Export:
        """The file for these services."""
        services = validate(records, *self.conditions)
        text = self.write(services, options)
        if self.has_comments:
            text = comments(options.url, services.left_out) + text
        return Export(text.encode("ascii"), tuple(services.left_out))


def comments(url: str, left_out: Iterable[LeftOut]) -> str:
    """Comment lines with the origin of the file and the services that are left out."""
    lines = [f"Written by IPManager; change it at {url}", *map(sentence, left_out)]
    return "".join(f"# {printable(line)}\n" for line in lines)


def sentence(problem: LeftOut) -> str:
    """`left out: billing_2: its port …`, or what is limited."""
    return f"{_LIMITS.get(problem.field, 'left out')}: {problem.service_id}: {problem.reason}"


def printable(text: str) -> str:
    """One short line of printable ASCII, whatever the text."""
    return re.sub("[^ -~]", "?", text[:LONGEST_COMMENT])


def variable(name: str) -> str:
    """The environment variable for a label, as Kubernetes spells it: `billing-1` is
    `BILLING_1_SERVICE`.

    The suffix keeps it apart from variables with a meaning of their own, such as DOCKER_HOST."""
    spelt = name.upper().replace("-", "_") + "_SERVICE"
    if spelt[0].isdigit():
        spelt = "_" + spelt
    return spelt


def as_yaml(documents: Sequence[Any]) -> str:
    """YAML documents, each after a `---`. Texts that look like numbers are quoted."""
    return yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=4096,
        explicit_start=True,
    )
