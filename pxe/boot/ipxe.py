"""Write iPXE scripts from typed commands, so that no text can become a command.

iPXE (src/core/exec.c, src/image/script.c) splits a line at white space, without quoting. The words
`||`, `&&` and `;` separate commands, a word that starts with `#` begins a comment, `:` at the start
of a line is a label, `${` expands a setting, and a backslash at the end joins the next line. A word
that could be any of these is refused; in a text for people such characters are replaced."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The only settings that our scripts expand: the label that `choose` stores, and `efi` or `pcbios`.
SELECTED, PLATFORM = "${selected}", "${platform}"
SEPARATORS = frozenset({"||", "&&", ";"})
LONGEST_WORD = 1000
# Printable ASCII without `$`, backslash and backquote, not starting with `#`.
_WORD = re.compile(rf"(?!#)((?![$\\`])[!-~]){{1,{LONGEST_WORD}}}")
_LABEL = re.compile(r"[a-z][a-z0-9]*")
_UNPRINTABLE = re.compile(r"[^A-Za-z0-9 ._()+,:/@=\[\]*!?%'\"-]")


@dataclass(frozen=True, slots=True)
class Label:
    """A target of `goto`."""

    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its words. `then` is the label to go to on success, `otherwise` on failure."""

    name: str
    words: tuple[str, ...] = ()
    then: str = ""
    otherwise: str = ""


Line = Label | Command


def script(lines: Iterable[Line]) -> str:
    """The whole script. Raises ValueError if a word could be more than one word to iPXE."""
    return "".join(f"{text}\n" for text in ("#!ipxe", *map(_text, lines)))


def is_word(text: str) -> bool:
    """Whether iPXE reads this as one plain word, wherever it stands."""
    return bool(_WORD.fullmatch(text)) and text not in SEPARATORS


def is_label(text: str) -> bool:
    return bool(_LABEL.fullmatch(text))


def plain(text: str, otherwise: str = "?") -> str:
    """A text for the screen: unsafe characters become question marks.

    The first word never looks like an option."""
    shown = " ".join(_UNPRINTABLE.sub("?", text[:LONGEST_WORD]).split())
    return shown.lstrip("-: ") or otherwise


def _text(line: Line) -> str:
    if isinstance(line, Label):
        return f":{_label(line.name)}"
    parts = [_label(line.name), *map(_word, line.words)]
    if line.then == SELECTED:
        parts += ["&&", "goto", SELECTED]
    elif line.then:
        parts += ["&&", "goto", _label(line.then)]
    if line.otherwise:
        parts += ["||", "goto", _label(line.otherwise)]
    return " ".join(parts)


def _word(text: str) -> str:
    if text != PLATFORM and not is_word(text):
        raise ValueError(f"{text!r} is more than one word to iPXE")
    return text


def _label(text: str) -> str:
    if not is_label(text):
        raise ValueError(f"{text!r} is neither a label nor a command")
    return text


def words(text: str) -> Iterator[str]:
    """The words of a text that `plain` has returned."""
    yield from text.split()
