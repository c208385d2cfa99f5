"""How two versions of a file differ, as an administrator reads it."""

from difflib import unified_diff


def difference(before: bytes, after: bytes, names: tuple[str, str] = ("served", "ledger")) -> str:
    """Unified, without context: every line is about one reservation, option or range."""
    if before == after:
        return ""
    return "\n".join(unified_diff(_lines(before), _lines(after), *names, lineterm="", n=0))


def _lines(data: bytes) -> list[str]:
    """A file that was edited by hand may hold anything; no database text holds a NUL."""
    return data.decode("ascii", "replace").replace("\0", "?").splitlines()
