"""The rules of the house that a machine can check."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import call_command

from tests import figures

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["run", "test", "lint"]


def pins(lock):
    """What a lock installs: {name: version}."""
    return dict(
        re.findall(r"^(\S+?)==(\S+)", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE)
    )


@pytest.mark.django_db
def test_no_change_of_a_model_lacks_its_migration(capsys):
    try:
        call_command("makemigrations", check=True, dry_run=True)
    except SystemExit:
        pytest.fail(capsys.readouterr().out, pytrace=False)


def test_every_setting_is_documented_and_no_other():
    read = set(
        re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "ipmanager/settings.py").read_text())
    )
    documented = set(
        re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    )
    assert documented == read


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_machine_and_hashes_everything(lock):
    text = (ROOT / f"requirements/{lock}.txt").read_text()
    assert not re.search(r"://|--(?!hash=)|@ ", text)
    requirements = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    assert all(
        "==" in requirement and "--hash=sha256:" in requirement for requirement in requirements
    )


def test_tests_and_tools_run_with_the_versions_of_production():
    run, test, lint = map(pins, LOCKS)
    assert run.items() <= test.items() <= lint.items()


def test_the_run_time_lock_holds_every_dependency():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.match(r"[\w-]+", line)[0] for line in wanted} <= pins("run").keys()


# `make figures` prints them. A limit may fall, never rise.
MOST = {
    "branches_per_100": 30,
    "ternaries_per_1000": 12,
    "comprehensions_per_1000": 15,
    "skips": 10,
}


@pytest.mark.needs("git")
def test_the_code_stays_plain():
    _rooms, whole = figures.count()
    found = {name: getattr(whole, name) for name in MOST}
    assert {name: value for name, value in found.items() if value > MOST[name]} == {}
    assert whole.length_at(0.9) <= 15  # nine of ten functions


ROOMS = "core api ipam names dhcp pxe registry ippool discovery ops ipmanager"
COMMAND = re.compile(r"manage\.py (?!run\b|check\b)[a-z]")


def messages(tree):
    """The texts of a module that people get to read when it runs: no docstring, no help of a
    command, no description of a model or schema."""
    spared = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_help = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "help"
        if is_text or is_help:
            spared.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in spared:
            yield node.value


def test_messages_name_commands_as_they_are_called_where_it_is_installed():
    """core.commands.manage_command() says `ipmanager-manage` there."""
    found = []
    for room in ROOMS.split():
        for path in (ROOT / room).rglob("*.py"):
            for text in messages(ast.parse(path.read_text())):
                found += [(path.relative_to(ROOT), text)] * bool(COMMAND.search(text))
    assert found == [(Path("api/schema.py"), "Made by manage.py create_token.")]
