"""deploy/environment, rendered from docs/settings.md: `python -m tests.support.settings_file`
writes it anew."""

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/environment"
ROW = re.compile(r"\| `([A-Z_]+)` \| (.*) \| (.*) \|")
HEAD = """\
# Settings of IPManager, read by its services and by ipmanager-manage: NAME=VALUE, one a line; no
# shell reads this file. What begins with # is not set. NAME_FILE=/path instead of NAME=value takes
# the value from a file. After a change: systemctl restart ipmanager-service. This file may hold
# secrets: root:ipmanager 0640.
"""


def render() -> str:
    """Every setting of the tables, under its heading, with its meaning and its default; none is
    set."""
    parts = [HEAD]
    for line in (ROOT / "docs/settings.md").read_text().splitlines():
        if line.startswith("## "):
            parts.append(f"# --- {line[3:]} ---\n")
        elif row := ROW.fullmatch(line):
            parts.append(f"{_comment(row[2])}\n{_comment(f'Default: {row[3]}')}\n#{row[1]}=\n")
    used = [
        part
        for part, after in zip(parts, [*parts[1:], "# ---"], strict=True)
        if not _empty(part, after)
    ]
    return "\n".join(used)


def _empty(part: str, after: str) -> bool:
    """A heading without settings."""
    return part.startswith("# ---") and after.startswith("# ---")


def _comment(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "").strip()
    return textwrap.fill(
        f"{text}.",
        118,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    FILE.write_text(render())
