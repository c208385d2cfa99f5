"""Which tests the second database needs: chosen from what they sent to it, and proven complete."""

import json

import pytest

from tests import run
from tests.support import one_queue, recorded, recorder


@pytest.fixture
def record(tmp_path):
    """Three tests of rows, one of another process, one of random examples."""
    reached = {
        "tests/a.py::test_all": [1, 2, 3],
        "tests/a.py::test_some": [1, 2],
        "tests/b.py::test_alone": [4],
        "tests/b.py::test_process": [],
        "tests/c.py::test_random": [1, 9],
    }
    found = {
        "reached": reached,
        "always": ["tests/b.py::test_process"],
        "random": ["tests/c.py::test_random"],
    }
    (tmp_path / "reached-one.json").write_text(json.dumps(found))
    return recorder.Record(tmp_path)


def test_the_tests_that_stay_reach_everything(record):
    left_out = record.choose({})
    assert left_out == ["tests/a.py::test_some", "tests/c.py::test_random"]
    assert record.unrecorded(left_out) == {}


def test_a_record_of_what_is_new_leaves_out_more_and_no_test_that_failed(
    record, tmp_path, monkeypatch
):
    file = tmp_path / "left_out.json"
    monkeypatch.setattr(recorded, "FILE", file)
    monkeypatch.setattr(recorded, "left_out", lambda: {"tests/a.py": ["test_old"]})

    recorder.extend(tmp_path, {}, {"tests/c.py::test_random"})
    assert json.loads(file.read_text()) == {"tests/a.py": ["test_old", "test_some"]}


def test_a_test_that_alone_reaches_something_may_not_be_left_out(record):
    assert record.unrecorded(["tests/a.py::test_some", "tests/b.py::test_alone"]) == {
        "tests/b.py::test_alone": 1
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE id = 5", "SELECT a FROM t WHERE id = 7"),
        ("SELECT a FROM t WHERE id IN (1, 2)", "SELECT a FROM t WHERE id IN (%s, %s, %s)"),
        ("INSERT INTO t VALUES (1, 'x'), (2, 'y')", "INSERT INTO t VALUES (%s, %s)"),
        ('SELECT "t"."a", "t"."b" FROM "t"', 'SELECT "t"."a", "t"."c", "t"."d" FROM "t"'),
        ('SAVEPOINT "s140_x1"', 'SAVEPOINT "s999_x12"'),
    ],
)
def test_statements_that_differ_in_values_and_columns_have_one_shape(one, other):
    assert recorder.shape(one) == recorder.shape(other)


@pytest.mark.parametrize(
    "other",
    [
        "SELECT a FROM t WHERE ip << %s",
        "SELECT a FROM t WHERE ip = %s FOR UPDATE",
        "SELECT host(ip) FROM t WHERE ip = %s",
    ],
)
def test_another_operator_lock_or_function_is_another_shape(other):
    assert recorder.shape("SELECT a FROM t WHERE ip = %s") != recorder.shape(other)


def test_parameters_of_a_test_stay_together():
    nodeid = "tests/x.py::TestIt::test_y[10.0.0.1-a::b]"
    assert recorded.name_of(nodeid) == ("tests/x.py", "TestIt::test_y")


def test_a_test_has_one_name_on_both_databases():
    assert run.name_of("tests/x.py::test_y on postgresql") == "tests/x.py::test_y"
    assert run.name_of("tests/x.py::test_y[1 on 2] on sqlite") == "tests/x.py::test_y"


def test_what_a_file_has_cost_is_kept_by_database_until_it_runs_again(tmp_path, monkeypatch):
    monkeypatch.setattr(one_queue, "COSTS", tmp_path / "costs.json")
    first = {"tests/a.py::x[1] on sqlite": 9, "tests/a.py::y on sqlite": 2}
    one_queue.write_costs({**first, "tests/a.py::x on postgresql": 6, "tests/b.py::z on sqlite": 1})
    known = {"sqlite": {"tests/a.py": 11}, "postgresql": {"tests/a.py": 6}}
    assert one_queue.known_costs() == known

    one_queue.write_costs({"tests/a.py::y on sqlite": 2})
    assert one_queue.known_costs() == known | {"sqlite": {}}
