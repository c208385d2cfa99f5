"""Names that a host may have, from what another system calls its machines. Pure."""

from __future__ import annotations

import re
import unicodedata

_LETTERS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ß": "ss",
    }
)
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_ENDS = "-_"
_LONGEST_LABEL = 63


def fitting(text: str) -> str:
    """The nearest name that a host may have; empty when nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text.strip().translate(_LETTERS))
    letters = plain.encode("ascii", "ignore").decode()
    labels = _OTHER.sub("-", letters).split(".")
    cut = [label.strip(_ENDS)[:_LONGEST_LABEL].strip(_ENDS) for label in labels]
    return ".".join(filter(None, cut))[:253].strip(_ENDS + ".")
