"""Part of `make lint`: every Python file is in a room that the layers contract names, and no
package is crowded.

    python -m tests.rooms

import-linter looks only at the packages that it is told of. A new package, or a module beside the
packages, would escape its contract (pyproject.toml); here it is an error."""

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MOST_MODULES = 16
# Python of ours that is no part of the site: its own command, and the tests.
OUTSIDE = {"manage.py", "tests"}
NOT_OURS = {"var", "htmlcov", "staticfiles", "__pycache__", "node_modules"}


def main() -> int:
    root = Path.cwd()
    complaints = [*homeless(root), *unlisted(root), *crowded(root)]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


def layers(root: Path) -> set[str]:
    """The rooms of the layers contract; rooms of one layer are separated by |."""
    contract = _import_linter(root)["contracts"][0]
    return {room.strip() for layer in contract["layers"] for room in layer.split("|")}


def homeless(root: Path) -> Iterator[str]:
    """Python files that are in no room."""
    rooms = layers(root) | OUTSIDE
    for file in python_files(root):
        if file.parts[0] not in rooms:
            yield (
                f"{file}: {file.parts[0]} is in no layer. Move it into a room, "
                f"or name it in the layers of pyproject.toml."
            )


def unlisted(root: Path) -> Iterator[str]:
    """Rooms that the contract names and import-linter does not read, or the other way."""
    read = set(_import_linter(root)["root_packages"])
    for room in sorted(read ^ layers(root)):
        yield f"pyproject.toml: {room} is missing from root_packages or from the layers."


def crowded(root: Path) -> Iterator[str]:
    """Packages with more modules at their top than a reader can take in."""
    modules = Counter(
        file.parent
        for file in python_files(root)
        if file.name != "__init__.py" and not {"tests", "migrations"} & {*file.parts}
    )
    for package, number in sorted(modules.items()):
        if number > MOST_MODULES:
            yield f"{package}: {number} modules, at most {MOST_MODULES}. Group them."


def python_files(root: Path) -> Iterator[Path]:
    """Python files below the root, relative to it, without environments, caches and data."""
    for file in sorted(root.rglob("*.py")):
        path = file.relative_to(root)
        hidden = any(part.startswith(".") or part in NOT_OURS for part in path.parts)
        if not hidden:
            yield path


def _import_linter(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]


if __name__ == "__main__":
    sys.exit(main())
