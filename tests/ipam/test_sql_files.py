"""The files under sql/ are what is installed: whole statements, and up to date with the models."""

import re
from pathlib import Path

import pytest

from core.database import sql
from core.history import generate
from core.history.writer import WRITTEN_WITH_ORIGIN
from ipam.models import IPAddress
from ipam.sql.generate import TRACKED, history_columns
from tests.sql_files import generated

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("*/sql/*/*.sql"))


@pytest.mark.parametrize("path", generated(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_generated_file_holds_what_the_models_say(path):
    assert path.read_text() == generated()[path], "Run: python -m tests.sql_files"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_statement_is_whole(path):
    """Nothing is left to be filled in but the named parameters of statements for Python."""
    text = path.read_text()
    assert not re.search(r"\{\w*\}|%\(\w+\)(?!s)", text)
    assert text.startswith("--"), "Say first what the file is for."


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_line_of_history_has_every_column_that_the_model_s_history_keeps(path):
    tables = {model._meta.db_table: history_columns(model) for model in (*TRACKED, IPAddress)}
    for table, model in WRITTEN_WITH_ORIGIN.items():
        tables[table] = list(generate.kept_columns(model))
    lines = re.findall(r"INSERT INTO (\w+)_history \(([^)]*)\)", path.read_text())
    for table, columns in lines:
        names = [name for name in re.split(r"[,\s\"]+", columns) if name]
        assert [name for name in names if not name.startswith("history_")] == tables[table]


def test_statements_are_split_where_the_next_one_begins(tmp_path):
    path = tmp_path / "two.sql"
    path.write_text("-- What for.\nCREATE TABLE a (b int);\n\n-- More.\nCREATE TABLE c (d int);\n")
    assert sql.statements(path) == ("CREATE TABLE a (b int)", "CREATE TABLE c (d int)")
