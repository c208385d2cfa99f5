"""ISC's syntax: statements that end with a semicolon or have a block. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import filterfalse
from operator import attrgetter

from django.utils.translation import gettext as _

from importers.source import DEEPEST, BadInput, Source

_STRING = r'"(?:[^"\\\n]|\\[^\n])*"'
_TOKEN = re.compile(
    f"{_STRING}"
    r"|\#[^\n]*"
    r"|[{}();,=\n]"
    r'|[^\s{}();,="\#]+'
    r'|"[^\n]*'  # a string that does not end: its line is passed over at once
)
_WHOLE_STRING = re.compile(_STRING)
_ESCAPE = re.compile(r"\\([0-7]{3}|x[0-9a-fA-F]{2}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word, a string without its quotes, or a sign."""

    text: str
    line: int
    quoted: bool = False

    @property
    def is_comma(self) -> bool:
        return self.text == "," and not self.quoted

    def __str__(self) -> str:
        quote = '"' * self.quoted
        return f"{quote}{self.text}{quote}"


@dataclass(slots=True)
class Statement:
    """The words of a statement, and the statements of its block."""

    file: str
    words: list[Word]
    block: list[Statement] | None = None

    @property
    def at(self) -> str:
        return f"{self.file}:{self.words[0].line}"

    @property
    def keyword(self) -> str:
        """Its first word; empty if that is a string."""
        if self.words[0].quoted:
            return ""
        return self.words[0].text.lower()

    @property
    def rest(self) -> list[Word]:
        return self.words[1:]

    @property
    def values(self) -> list[Word]:
        """The words behind the first, without commas."""
        return list(filterfalse(attrgetter("is_comma"), self.rest))

    @property
    def texts(self) -> list[str]:
        """The values as texts."""
        return list(map(attrgetter("text"), self.values))

    @property
    def only(self) -> str:
        """The one value that it has. Raises BadInput."""
        if len(self.texts) != 1:
            raise self.wrong(_("One value is expected."))
        return self.texts[0]

    @property
    def inner(self) -> list[Statement]:
        """The statements of its block."""
        if self.block is None:
            return []
        return self.block

    def __str__(self) -> str:
        text = " ".join(map(str, self.words)).replace(" ,", ",")
        if self.block is not None:
            text += " {…}"
        return text

    def wrong(self, reason: object) -> BadInput:
        return BadInput(self.at, reason)


@dataclass
class _Parser:
    """Statements that are being put together; the last block is the open one."""

    file: str
    words: list[Word] = field(default_factory=list)
    blocks: list[list[Statement]] = field(default_factory=lambda: [[]])
    open: list[Statement] = field(default_factory=list)
    braces: int = 0  # of an option's definition

    def take(self, word: Word) -> None:
        sign = "" if word.quoted else word.text
        begins_definition = sign == "{" and self._is_option()
        if self.braces or begins_definition:
            self.braces += _DEPTHS.get(sign, 0)
            self.words.append(word)
        else:
            _SIGNS.get(sign, _Parser.add)(self, word)

    def _is_option(self) -> bool:
        """`option fmt code 1 = { boolean, text };` has braces that are no block."""
        return bool(self.words) and self.words[0].text == "option"

    def add(self, word: Word) -> None:
        self.words.append(word)

    def end(self, word: Word) -> None:
        if self.words:
            self.blocks[-1].append(Statement(self.file, self.words))
        self.words = []

    def begin_block(self, word: Word) -> None:
        if not self.words:
            raise self.wrong(word, _("A block needs a name before it."))
        if len(self.blocks) > DEEPEST:
            raise self.wrong(word, _("The blocks are nested too deeply."))
        statement = Statement(self.file, self.words, [])
        assert statement.block is not None
        self.blocks[-1].append(statement)
        self.blocks.append(statement.block)
        self.open.append(statement)
        self.words = []

    def end_block(self, word: Word) -> None:
        if self.words:
            raise self.wrong(self.words[-1], _("A semicolon is missing."))
        if not self.open:
            raise self.wrong(word, _("There is no block to close."))
        self.blocks.pop()
        self.open.pop()

    def wrong(self, word: Word, reason: object) -> BadInput:
        return BadInput(f"{self.file}:{word.line}", reason)

    def finish(self) -> list[Statement]:
        if self.words:
            raise self.wrong(self.words[-1], _("A semicolon is missing."))
        if self.open:
            raise self.open[-1].wrong(_("This block is not closed."))
        return self.blocks[0]


_DEPTHS = {"{": 1, "}": -1}
_SIGNS = {"{": _Parser.begin_block, "}": _Parser.end_block, ";": _Parser.end}


def parse(source: Source, name: str) -> list[Statement]:
    """The statements of a file. Raises BadInput."""
    parser = _Parser(name)
    for word in _words(name, source.text(name)):
        source.check_time()
        parser.take(word)
    return parser.finish()


def _words(name: str, text: str) -> Iterator[Word]:
    line = 1
    for token in _TOKEN.findall(text):
        first = token[0]
        if first == "\n":
            line += 1
        elif first == '"':
            if not _WHOLE_STRING.fullmatch(token):
                raise BadInput(f"{name}:{line}", _("A string does not end."))
            yield Word(_ESCAPE.sub(_unescaped, token[1:-1]), line, quoted=True)
        elif first != "#":
            yield Word(token, line)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code.isdigit() and len(code) == 3:
        return chr(int(code, 8) & 0xFF)
    if len(code) == 3:
        return chr(int(code[1:], 16))
    return _LETTERS.get(code, code)
