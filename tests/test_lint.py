"""`make lint` sees what breaks the order of the rooms: planted here in a copy of the tree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import rooms

ROOT = Path(__file__).resolve().parent.parent
UPWARDS = [
    "core/env.py",
    "core/files.py",
    "api/errors.py",
    "api/tokens/models.py",
    "client/http.py",
]
LINT_IMPORTS = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)


@pytest.fixture
def copy(tmp_path):
    """The rooms of the site and what the checks read."""
    for room in sorted(rooms.layers(ROOT)):
        skip = shutil.ignore_patterns("__pycache__", "static", "locale", "templates")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


def run(copy, *command):
    """A check in the copy; its status and what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={"PYTHONPATH": f"{copy}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def plant(copy, file, line):
    path = copy / file
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}\n")


def test_make_lint_runs_these_checks():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert "-m tests.rooms" in recipe
    assert "lint-imports" in recipe


def test_the_rooms_as_they_are_pass_both_checks(copy):
    assert run(copy, "-m", "tests.rooms") == (0, "")
    status, said = run(copy, "-c", LINT_IMPORTS)
    assert status == 0, said


def test_an_import_upwards_or_between_siblings_is_refused_and_named(copy):
    lower = [file for file in UPWARDS if (copy / file).exists()]
    lower += [f"core/{path.name}" for path in sorted((copy / "core").glob("[!_]*.py"))]
    planted = list(dict.fromkeys(lower))[:5]
    for file in planted:
        plant(copy, file, "from ipam.models import Subnet")
    plant(copy, "pxe/models.py", "from dhcp.models import DhcpScope")
    status, said = run(copy, "-c", LINT_IMPORTS)
    assert status == 1
    for file in planted:
        module = file.removesuffix(".py").replace("/", ".")
        assert re.search(rf"{re.escape(module)} -> ipam\.models", said), said
    assert re.search(r"pxe\.models -> dhcp\.models", said), said


@pytest.mark.parametrize("file", ["reports/__init__.py", "reports/views.py", "tools.py"])
def test_a_new_file_in_no_room_is_refused_and_named(copy, file):
    plant(copy, file, "x = 1")
    status, said = run(copy, "-m", "tests.rooms")
    assert (status, said.splitlines()[0].split(":")[0]) == (1, file)


def test_a_room_that_import_linter_does_not_read_is_refused(copy):
    text = (copy / "pyproject.toml").read_text()
    (copy / "pyproject.toml").write_text(text.replace('"ippool", ', ""))
    status, said = run(copy, "-m", "tests.rooms")
    assert status == 1
    assert "ippool is missing" in said


def test_a_crowded_package_is_refused(copy):
    for number in range(rooms.MOST_MODULES + 1):
        plant(copy, f"core/more/module_{number}.py", "x = 1")
    status, said = run(copy, "-m", "tests.rooms")
    assert status == 1
    assert f"core/more: {rooms.MOST_MODULES + 1} modules" in said


def test_no_two_packages_import_each_other():
    """What the layers forbid, told from the imports themselves."""
    pairs = set()
    names = rooms.layers(ROOT)
    for file in rooms.python_files(ROOT):
        if file.parts[0] in names:
            found = re.findall(r"^\s*(?:from|import) (\w+)", (ROOT / file).read_text(), re.M)
            pairs |= {(file.parts[0], name) for name in names & {*found} - {file.parts[0]}}
    assert not {(one, other) for one, other in pairs if (other, one) in pairs}
