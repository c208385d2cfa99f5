"""What a plan does to each row, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from changes.undo import words
from changes.undo.items import Item


def sentence(item: Item) -> str:
    if item.action == "create":
        return _("%s is created.") % item.name
    return words.sentence(item)


def items_json(items: Iterable[Item]) -> list[dict[str, Any]]:
    found = []
    for item in items:
        found.append(words.item_json(item) | {"text": sentence(item)})
    return found
