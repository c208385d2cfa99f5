"""docs/events.md lists every kind with its data: `python -m tests.events.test_docs` writes it."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/events.md"

pytestmark = pytest.mark.once


def tables():
    """The two tables, by the comments that begin them."""
    from events.kinds import FIELDS, KINDS

    kinds = [
        f"| `{kind.name}` | {kind.label} | {', '.join(f'`{name}`' for name in kind.fields)} |"
        for kind in KINDS.values()
    ]
    used = {name for kind in KINDS.values() for name in kind.fields}
    fields = [f"| `{name}` | {text} |" for name, text in FIELDS.items() if name in used]
    return {
        "kinds": ["| Kind | When | `data` |", "|---|---|---|", *kinds],
        "fields": ["| Field | Says |", "|---|---|", *fields],
    }


def with_tables(text):
    for name, lines in tables().items():
        pattern = rf"<!-- {name} -->\n(\n\|.*?\n)?(?=\n[^|\n])"
        table = "\n".join(lines)
        text, number = re.subn(pattern, f"<!-- {name} -->\n\n{table}\n", text, flags=re.S)
        assert number == 1
    return text


def test_the_page_lists_every_kind_and_field():
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text


def test_every_field_is_described():
    from events.kinds import FIELDS, KINDS

    used = {name for kind in KINDS.values() for name in kind.fields}
    assert used == set(FIELDS)


if __name__ == "__main__":
    import django

    django.setup()
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
