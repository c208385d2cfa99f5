"""Ask dnsmasq for names that have just changed: has it read them, and does it say what the ledger
says? Each name is asked for its addresses, each address for its name."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain, islice, product
from typing import Any

from names import query
from names.query import Answer, Question

MOST = 8  # changed lines that are asked for after one reload; of a single edit, all of them
WAIT = 0.5  # seconds for all answers
PAUSE = 0.005  # until the same is asked again
KINDS = ("A", "AAAA")
_LINE = re.compile("^([0-9a-f.:]+) ([^ \n]+)$", re.MULTILINE)
NOBODY = Answer("no answer")
_FIT = ("NOERROR", "NXDOMAIN")
Expected = dict[Question, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that was not answered as the ledger would."""

    question: Question
    expected: tuple[str, ...]
    answer: str

    @property
    def sentence(self) -> str:
        return "{asked} should be {expected}, not {answer}.".format(**self.as_json())

    def as_json(self) -> dict[str, str]:
        expected = " ".join(self.expected) or "no such name"
        question = f"{self.question.name} {self.question.kind}"
        return {"asked": question, "expected": expected, "answer": self.answer}


@dataclass(frozen=True, slots=True)
class Proof:
    """How many questions were asked, how long after the reload the last right answer came, and
    what was answered wrongly."""

    names: int
    asked: int
    ms: int
    wrong: tuple[Difference, ...] = ()

    @property
    def sentence(self) -> str:
        if not self.wrong:
            return f"names live after {self.ms} ms"
        first = self.wrong[0].as_json()
        return f"but {first['asked']} is answered with {first['answer']}"

    def as_json(self) -> dict[str, Any]:
        return {
            "names": self.names,
            "asked": self.asked,
            "ms": self.ms,
            "wrong": [one.as_json() for one in self.wrong],
        }


def prove(
    server: tuple[str, int], before: bytes, after: bytes, since: float, within: float = WAIT
) -> Proof | None:
    """Ask until every answer is right, or the time is over; None where no name has changed.
    `since`: when the reload began, by the monotonic clock."""
    expected = expectations(before, after)
    if not expected:
        return None
    deadline = time.monotonic() + within
    while True:
        wrong = _ask(server, expected, max(deadline - time.monotonic(), PAUSE))
        now = time.monotonic()
        if not wrong or now >= deadline:
            break
        time.sleep(PAUSE)
    ms = round((now - since) * 1000)
    return Proof(len(_pairs(after)), len(expected), ms, tuple(wrong))


def _ask(server: tuple[str, int], expected: Expected, within: float) -> list[Difference]:
    try:
        answers = query.ask(server, list(expected), within)
    except OSError:
        answers = {}
    return list(differences(expected, answers))


def differences(expected: Expected, answers: dict[Question, Answer]) -> Iterator[Difference]:
    """The questions that were answered otherwise, or not at all."""
    for question, values in expected.items():
        answer = answers.get(question, NOBODY)
        if answer.code not in _FIT or answer.values != values:
            yield Difference(question, values, answer.text)


def expectations(before: bytes, after: bytes) -> Expected:
    """What is to be asked of a few of the lines that differ, the new ones first, and what the
    server should say: nothing of those that went."""
    old, new = _pairs(before), _pairs(after)
    gone, came = old.keys() - new.keys(), new.keys() - old.keys()
    forward, reverse = _by_name(new), _by_address(new)
    found: Expected = {}
    for address, name in islice(chain(sorted(came), sorted(gone)), MOST):
        key = name, _kind(address)
        found[Question(*key)] = tuple(sorted(forward.get(key, ())))
        pointer = ip_address(address).reverse_pointer
        found[Question(pointer, "PTR")] = reverse.get(address, ())
    return found


def expected_of(names: Sequence[str], data: bytes) -> Expected:
    """What the server should say of these names, and of their addresses."""
    lines = _pairs(data)
    forward, reverse = _by_name(lines), _by_address(lines)
    found: Expected = {}
    for key in product(names, KINDS):
        addresses = forward.get(key, [])
        found[Question(*key)] = tuple(sorted(addresses))
        for address in addresses:
            pointer = ip_address(address).reverse_pointer
            found[Question(pointer, "PTR")] = reverse[address]
    return found


def _pairs(data: bytes) -> dict[tuple[str, str], None]:
    """The lines of a file of names as address and name, in their order."""
    lines = _LINE.findall(data.decode("ascii", "replace"))
    return dict.fromkeys(lines)


def _by_name(pairs: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for address, name in pairs:
        found[name, _kind(address)].append(address)
    return found


def _kind(address: str) -> str:
    return KINDS[":" in address]


def _by_address(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """The first name of each address."""
    found: dict[str, tuple[str, ...]] = {}
    for address, name in pairs:
        found.setdefault(address, (name,))
    return found
