"""JSON with comments and includes, as Kea reads it. Every object knows its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from importers.source import DEEPEST, BadInput, Source

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)"
    r'|(?P<include><\?include\s+"[^"\n]*"\s*\?>)'
    r"|(?P<newline>\n)"
    r"|(?P<blank>[ \t\r\f\v]+)"
    r"|(?P<sign>[{}\[\]:,])"
    r"|(?P<word>(?!/\*)[^\s{}\[\]:,\"#]+)",
    re.DOTALL,
)
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_MOST_NESTED = 64
MOST_WORDS = 1_000_000  # with those of included files; some 200 bytes each


class Node(dict[str, Any]):
    """An object, with its place and those of its keys."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at
        self.places: dict[str, str] = {}

    def place(self, key: str) -> str:
        return self.places.get(key, self.at)

    def wrong(self, key: str, reason: object) -> BadInput:
        return BadInput(self.place(key), reason)

    def text(self, key: str) -> str:
        """A text; empty when there is none. Raises BadInput for anything else."""
        value = self.get(key, "")
        if not isinstance(value, str):
            raise self.wrong(key, _("“%s” needs a text.") % key)
        return value

    def nodes(self, key: str) -> list[Node]:
        """A list of objects. Raises BadInput for anything else."""
        values = self.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, Node) for one in values):
            raise self.wrong(key, _("“%s” needs a list of objects.") % key)
        return values

    def texts(self, key: str) -> list[str]:
        values = self.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise self.wrong(key, _("“%s” needs a list of texts.") % key)
        return values


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: str


def load(source: Source, name: str) -> Any:
    """The value of a file. Raises BadInput."""
    tokens = list(islice(_tokens(source, name, 0), MOST_WORDS + 1))
    if len(tokens) > MOST_WORDS:
        raise BadInput(tokens[-1].at, _("It has more than %d words and signs.") % MOST_WORDS)
    reader = _Reader(tokens, name)
    value = reader.value(0)
    if reader.position < len(reader.tokens):
        raise reader.unexpected()
    return value


def _tokens(source: Source, name: str, depth: int) -> Iterator[_Token]:
    if depth == DEEPEST:
        raise BadInput(name, _("The files include each other too deeply."))
    text, line, position = source.text(name), 1, 0
    while position < len(text):
        source.check_time()
        found = _TOKEN.match(text, position)
        at = f"{name}:{line}"
        if found is None:
            raise BadInput(at, _("“%s” is not JSON.") % text[position : position + 20])
        kind = str(found.lastgroup)
        if kind == "include":
            yield from _included(source, name, at, found[0], depth)
        elif kind in ("string", "sign", "word"):
            yield _Token(kind, found[0], at)
        line += found[0].count("\n")
        position = found.end()


def _included(source: Source, name: str, at: str, text: str, depth: int) -> Iterator[_Token]:
    inner = source.resolve(text.split('"')[1], name)
    if inner is None:
        raise BadInput(at, _("This file is not among those that were given."))
    yield from _tokens(source, inner, depth + 1)


class _Reader:
    """Tokens as values."""

    def __init__(self, tokens: list[_Token], name: str) -> None:
        self.tokens = tokens
        self.name = name
        self.position = 0

    def next(self) -> _Token:
        if self.position == len(self.tokens):
            last = self.tokens[-1].at if self.tokens else self.name
            raise BadInput(last, _("The file ends too early."))
        token = self.tokens[self.position]
        self.position += 1
        return token

    def unexpected(self) -> BadInput:
        token = self.tokens[min(self.position, len(self.tokens) - 1)]
        return BadInput(token.at, _("“%s” is not expected here.") % token.text[:60])

    def value(self, depth: int) -> Any:
        token = self.next()
        if depth > _MOST_NESTED:
            raise BadInput(token.at, _("The values are nested too deeply."))
        if token.text in _OPENERS and token.kind == "sign":
            return _OPENERS[token.text](self, token, depth + 1)
        return self._scalar(token)

    def _scalar(self, token: _Token) -> Any:
        try:
            if token.kind == "string":
                return json.loads(token.text)
            if token.text in _CONSTANTS:
                return _CONSTANTS[token.text]
            if token.kind == "word" and _NUMBER.fullmatch(token.text):
                return json.loads(token.text)
        except ValueError as error:
            raise BadInput(token.at, error) from error
        self.position -= 1
        raise self.unexpected()

    def object(self, token: _Token, depth: int) -> Node:
        node = Node(token.at)
        for key in self._items("}"):
            if key.kind != "string" or self.next().text != ":":
                self.position -= 1
                raise self.unexpected()
            name = str(self._scalar(key))
            node.places[name] = key.at
            node[name] = self.value(depth)
        return node

    def list(self, token: _Token, depth: int) -> list[Any]:
        found = []
        for _item in self._items("]"):
            self.position -= 1
            found.append(self.value(depth))
        return found

    def _items(self, end: str) -> Iterator[_Token]:
        """The first token of each item; a comma before the end is forgiven, as by Kea."""
        token = self.next()
        while token.text != end or token.kind != "sign":
            yield token
            token = self.next()
            if token.text == ",":
                token = self.next()
            elif token.text != end:
                self.position -= 1
                raise self.unexpected()


_OPENERS: dict[str, Callable[[_Reader, _Token, int], Any]] = {
    "{": _Reader.object,
    "[": _Reader.list,
}
