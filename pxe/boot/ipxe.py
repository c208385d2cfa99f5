"""Write iPXE scripts from typed commands, so that no text can become a command.

iPXE (src/core/exec.c, src/image/script.c) splits a line at white space, without quoting; `||`, `&&`
and `;` as words of their own part commands, a word that starts with `#` begins a comment, `:` at
the start of a line is a label, `${` expands a setting, and a backslash at the end joins the next
line. So a word is refused if it could be any of these, and a text for people loses the signs that
could."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The settings that our scripts expand: a label of ours that `choose` has put there, and `efi` or
# `pcbios`.
SELECTED, PLATFORM = "${selected}", "${platform}"
PARTING = frozenset({"||", "&&", ";"})
LONGEST_WORD = 1000
_WORD = re.compile(r"[!-~]+", re.ASCII)
_UNFIT = re.compile(r"[$\\`]")
_LABEL = re.compile(r"[a-z][a-z0-9]*")
_STRANGE = re.compile(r"[^A-Za-z0-9 ._()+,:/@=\[\]*!?%'\"-]")


@dataclass(frozen=True, slots=True)
class Label:
    """A place to go to."""

    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its words. `otherwise` is where to go when it fails; `then` where to go when it
    does not."""

    name: str
    words: tuple[str, ...] = ()
    then: str = ""
    otherwise: str = ""


Line = Label | Command


def script(lines: Iterable[Line]) -> str:
    """The whole script. Raises ValueError if a word could be more than a word."""
    return "".join(f"{text}\n" for text in ("#!ipxe", *map(_text, lines)))


def is_word(text: str) -> bool:
    """Whether iPXE takes this for one word, wherever it stands."""
    fits = len(text) <= LONGEST_WORD and bool(_WORD.fullmatch(text)) and not _UNFIT.search(text)
    return fits and text not in PARTING and not text.startswith("#")


def is_label(text: str) -> bool:
    return bool(_LABEL.fullmatch(text))


def plain(text: str, otherwise: str = "?") -> str:
    """A text for people's eyes: strange signs become question marks. Its first word is no
    option."""
    kept = " ".join(_STRANGE.sub("?", text[:LONGEST_WORD]).split())
    return kept.lstrip("-: ") or otherwise


def _text(line: Line) -> str:
    if isinstance(line, Label):
        return f":{_label(line.name)}"
    parts = [_label(line.name), *map(_word, line.words)]
    if line.then:
        parts += ["&&", "goto", line.then if line.then == SELECTED else _label(line.then)]
    if line.otherwise:
        parts += ["||", "goto", _label(line.otherwise)]
    return " ".join(parts)


def _word(text: str) -> str:
    if text != PLATFORM and not is_word(text):
        raise ValueError(f"{text!r} is more than one word to iPXE")
    return text


def _label(text: str) -> str:
    if not is_label(text):
        raise ValueError(f"{text!r} is no label and no command")
    return text


def words(text: str) -> Iterator[str]:
    """The words of a text that `plain` has made."""
    yield from text.split()
