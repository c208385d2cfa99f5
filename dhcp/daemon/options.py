"""The options of a running dnsmasq: its command line, and the configuration files that it names,
read as dnsmasq(8) describes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import filterfalse
from operator import attrgetter
from pathlib import Path

DEFAULT_CONF = Path("/etc/dnsmasq.conf")
SHORT_NAMES = {
    "-2": "no-dhcp-interface",
    "-7": "conf-dir",
    "-C": "conf-file",
    "-F": "dhcp-range",
    "-G": "dhcp-host",
    "-H": "addn-hosts",
    "-I": "except-interface",
    "-J": "dhcp-ignore",
    "-a": "listen-address",
    "-i": "interface",
    "-l": "dhcp-leasefile",
    "-x": "pid-file",
}
# Long options whose value may be the next word. Of others it is not known whether they have one.
WITH_VALUE = {
    *SHORT_NAMES.values(),
    "dhcp-hostsfile",
    "dhcp-hostsdir",
    "dhcp-optsfile",
    "no-dhcpv4-interface",
    "no-dhcpv6-interface",
    "shared-network",
}
WITHOUT_VALUE = {"-Z": "read-ethers"}
DEEPEST = 8  # configuration files that name configuration files
_WANTED = re.compile(r",\*([^,]*)")  # endings in a conf-dir
_UNWANTED = re.compile(r",([^,*][^,]*)")
# Names that dnsmasq skips: hidden files, and what editors leave.
SKIPPED = re.compile(r"\..*|.*~|#(.*#)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Option:
    """One option, and the file and line it is in; None is the command line."""

    name: str
    value: str
    conf: Path | None = None
    line: int = 0

    @property
    def place(self) -> str:
        if self.conf is None:
            return "dnsmasq's command line"
        return f"{self.conf}:{self.line}"


@dataclass(slots=True)
class Options:
    """All options in the order in which dnsmasq reads them, the files that they are in, and the
    paths that we cannot read. `root` is where dnsmasq's own file system begins for us."""

    options: list[Option] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    root: Path = Path("/")

    def add(self, option: Option, depth: int = 0) -> None:
        """This option, and what the configuration files that it names contain."""
        self.options.append(option)
        if depth == DEEPEST:
            return
        for conf in self._configuration_files(option):
            for inner in self._options_in(conf):
                self.add(inner, depth + 1)

    def _configuration_files(self, option: Option) -> list[Path]:
        if option.name == "conf-file":
            return [Path(option.value)]
        if option.name == "conf-dir":
            return self._files_of_directory(option.value)
        if option.name == "conf-script":
            self.unreadable.append(option.value)  # what it prints is configuration
        return []

    def _files_of_directory(self, value: str) -> list[Path]:
        """`DIR,.bak` is all files but those, `DIR,*.conf` only those."""
        directory = value.partition(",")[0]
        wanted = tuple(_WANTED.findall(value)) or ("",)
        unwanted = tuple(_UNWANTED.findall(value))
        try:
            names = sorted(os.listdir(self.within(directory)))
        except OSError:
            self.unreadable.append(directory)
            return []
        names = [name for name in names if name.endswith(wanted) and not name.endswith(unwanted)]
        paths = map(Path(directory).joinpath, filterfalse(SKIPPED.fullmatch, names))
        return list(filterfalse(self._is_directory, paths))

    def _is_directory(self, path: Path) -> bool:
        return self.within(path).is_dir()

    def within(self, path: str | Path) -> Path:
        """A path of dnsmasq's file system as one of ours."""
        return self.root / str(path).lstrip("/")

    def _options_in(self, conf: Path) -> list[Option]:
        self.files.append(conf)
        try:
            text = self.within(conf).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError:
            self.unreadable.append(str(conf))
            return []
        return list(parse_configuration(text, conf))


def named(options: Iterable[Option], name: str) -> list[Option]:
    """Those of this name."""
    return [option for option in options if option.name == name]


def values_of(options: Iterable[Option]) -> list[str]:
    return list(map(attrgetter("value"), options))


def read_options(arguments: Iterable[str], root: Path = Path("/")) -> Options:
    """All options of a dnsmasq that was started with these arguments. Without `conf-file` among
    them it reads its default configuration."""
    given = list(parse_command_line(arguments))
    if not named(given, "conf-file"):
        given.append(Option("conf-file", str(DEFAULT_CONF)))
    options = Options(root=root)
    for option in given:
        options.add(option)
    return options


def parse_command_line(arguments: Iterable[str]) -> Iterator[Option]:
    rest = iter(arguments)
    for argument in rest:
        short = SHORT_NAMES.get(argument[:2])
        if short:
            yield Option(short, argument[2:] or next(rest, ""))
        elif argument in WITHOUT_VALUE:
            yield Option(WITHOUT_VALUE[argument], "")
        elif argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            if name in WITH_VALUE and not equals:
                value = next(rest, "")
            yield Option(name, value)


def parse_configuration(text: str, conf: Path) -> Iterator[Option]:
    for number, line in enumerate(text.split("\n"), start=1):
        name, _equals, value = re.sub(r"(^|\s)#.*", "", line).partition("=")
        if name.strip():
            yield Option(name.strip(), value.strip().strip('"'), conf, number)
