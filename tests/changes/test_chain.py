"""What is altered, removed, inserted, exchanged in the log is found and named; what the site does
itself is not."""

import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from changes.chain import pruning
from changes.chain.compare import unpacked
from changes.chain.content import digests, packed
from changes.chain.seal import Sealer, close_days, seal_everything, select
from changes.chain.verify import verify
from changes.models import Day, Seal
from ipam.models import VRF

pytestmark = pytest.mark.django_db
LINES = VRF.history.model


@pytest.fixture
def lines():
    """Six lines of one table, in two seals of two days."""
    vrf = VRF.objects.create(name="blue")
    for number in range(2):
        vrf.description = f"{number}"
        vrf.save()
    yesterday(seal_everything)
    for number in range(2, 5):
        vrf.description = f"{number}"
        vrf.save()
    seal_everything()
    return list(LINES.objects.order_by("history_id").values_list("history_id", flat=True))


def yesterday(work):
    """Do it; its seals are of the day before."""
    work()
    for seal in Seal.objects.order_by("number"):
        seal.sealed_at -= timedelta(days=1)
        former = Seal.objects.filter(number=seal.number - 1).first()
        seal.former = former.hash if former else seal.former
        seal.hash = seal.computed()
        seal.save()


def faults(**options):
    return [(fault.kind, fault.line) for fault in verify(**options).faults]


def hashed_anew(line, model=LINES):
    """Give the line's seal the digest that fits what the line says now."""
    seal = seal_of(line)
    rows = select(model, seal.columns.split(), line, line)
    ((key, digest),) = digests(rows)
    kept = unpacked(seal.kept) | {key: digest[:8]}
    seal.kept = b"".join(packed(number, text) for number, text in kept.items())
    seal.save()


def seal_of(line):
    return Seal.objects.get(table="vrfs_history", first__lte=line, last__gte=line)


def test_an_untouched_log_is_well(lines):
    found = verify()
    assert found.well
    assert found.lines >= len(lines)
    assert found.hash == Seal.objects.latest("number").hash


def test_an_altered_value_is_named(lines):
    LINES.objects.filter(pk=lines[1]).update(description="another")
    assert faults() == [("altered", lines[1])]


@pytest.mark.parametrize("column", ["history_date", "history_actor", "history_user_id"])
def test_no_column_can_be_altered(lines, column):
    value = {"history_date": timezone.now(), "history_actor": "me", "history_user_id": 77}[column]
    LINES.objects.filter(pk=lines[1]).update(**{column: value})
    assert faults() == [("altered", lines[1])]


def test_a_line_is_named_also_when_its_digest_was_altered_with_it(lines):
    LINES.objects.filter(pk=lines[4]).update(description="another")
    hashed_anew(lines[4])
    assert faults() == [("altered", lines[4])]


def test_a_seal_that_was_hashed_anew_breaks_the_link_of_the_next_one(lines):
    LINES.objects.filter(pk=lines[1]).update(description="another")
    hashed_anew(lines[1])
    seal = seal_of(lines[1])
    seal.hash = seal.computed()
    seal.save()
    assert ("seal", None) in faults()


def test_a_removed_line_is_named(lines):
    LINES.objects.filter(pk=lines[2]).delete()
    assert faults() == [("removed", lines[2])]


def test_a_line_that_was_inserted_later_is_named(lines):
    LINES.objects.filter(pk=lines[2]).delete()
    seal_everything()
    copy = LINES.objects.get(pk=lines[3])
    copy.pk = lines[2]
    copy.save()
    assert faults() == [("altered", lines[2])]


def test_exchanged_contents_are_named(lines):
    one, other = LINES.objects.get(pk=lines[0]), LINES.objects.get(pk=lines[2])
    one.pk, other.pk = other.pk, one.pk
    one.save()
    other.save()
    assert faults() == [("exchanged", lines[0])]


def test_a_removed_seal_is_named(lines):
    seal_of(lines[1]).delete()
    assert [kind for kind, _line in faults()][:1] == ["seal"]


def test_a_removed_day_is_named_with_its_lines_and_without(lines):
    close_days(datetime.combine(timezone.now().astimezone(UTC).date(), datetime.min.time(), UTC))
    assert verify().well
    day = Day.objects.get()
    Day.objects.all().delete()
    (fault,) = verify().faults
    assert (fault.kind, fault.day) == ("day", str(day.day))
    LINES.objects.filter(pk__lte=lines[2]).delete()
    Seal.objects.filter(number__lte=day.number).delete()
    assert verify().faults[0].text.startswith("Seals 1 to")


def test_the_end_of_the_log_is_known_by_its_hash(lines):
    last = Seal.objects.latest("number")
    assert verify(expect=last.hash).well
    last.delete()
    assert faults(expect=last.hash) == [("hash", None)]


def test_a_later_day_is_verified_without_those_before(lines):
    close_days(datetime.combine(timezone.now().astimezone(UTC).date(), datetime.min.time(), UTC))
    LINES.objects.filter(pk=lines[1]).update(description="another")
    today = timezone.now().astimezone(UTC).date()
    assert verify(since=today).well
    assert not verify(since=today - timedelta(days=1)).well


def test_what_was_pruned_is_not_missed_and_what_was_removed_besides_is(lines, settings, tmp_path):
    settings.LOG_ARCHIVE = tmp_path
    before = timezone.now()
    pruning.delete(LINES.objects.filter(pk=lines[0]), before)
    assert verify().well
    assert pruning.horizon() == before
    (file,) = (tmp_path / "vrfs_history").iterdir()
    archived = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [line["history_id"] for line in archived] == [lines[0]]
    LINES.objects.filter(pk=lines[1]).delete()
    assert faults() == [("removed", lines[1])]


def rewritten(file, change):
    """The archived day after a change of its lines."""
    texts = change(gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True))
    file.write_bytes(gzip.compress("".join(texts).encode()))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda texts: texts, []),
        (lambda texts: [*texts, texts[1]], []),  # a transaction had failed
        (lambda texts: [texts[0].replace('"blue"', '"red"'), *texts[1:]], [0]),
        (lambda texts: [texts[0], texts[0].replace('"blue"', '"red"'), *texts[1:]], [0]),
        (lambda texts: [texts[0], *texts[2:]], [1]),
        (lambda texts: [texts[1].replace('"description"', '"colour"'), *texts], [1]),
    ],
)
def test_a_line_of_the_archive_that_was_altered_or_removed_is_named(
    lines, settings, tmp_path, change, wrong
):
    settings.LOG_ARCHIVE = tmp_path
    pruning.delete(LINES.objects.filter(pk__in=lines[:4]), timezone.now())
    (file,) = (tmp_path / "vrfs_history").iterdir()
    rewritten(file, change)
    assert faults() == [("archive", lines[place]) for place in wrong]
    assert verify().archived >= 3


def test_an_archived_day_that_was_removed_or_damaged_is_named(lines, settings, tmp_path):
    settings.LOG_ARCHIVE = tmp_path
    moment = timezone.now() - timedelta(days=3)
    for number, line in enumerate(lines[:3]):
        LINES.objects.filter(pk=line).update(history_date=moment + timedelta(days=number))
        hashed_anew(line)
    pruning.delete(LINES.objects.filter(pk__in=lines[:3]), timezone.now())
    first, middle, _last = sorted((tmp_path / "vrfs_history").iterdir())
    middle.unlink()
    assert ("archive", lines[1]) in faults()
    first.write_bytes(first.read_bytes()[:-9])
    assert ("archive", None) in faults()


def test_a_later_day_is_verified_with_its_archive(lines, settings, tmp_path):
    """Of the archive, only what was sealed since then is judged."""
    settings.LOG_ARCHIVE = tmp_path
    close_days(datetime.combine(timezone.now().astimezone(UTC).date(), datetime.min.time(), UTC))
    today = timezone.now().astimezone(UTC).date()
    pruning.delete(LINES.objects.filter(pk__in=lines[:3]), timezone.now())
    (file,) = (tmp_path / "vrfs_history").iterdir()
    rewritten(file, lambda texts: [texts[0].replace('"blue"', '"red"'), texts[2]])
    yesterday = today - timedelta(days=1)
    wrong = [("archive", lines[0]), ("archive", lines[1])]
    assert faults(since=yesterday) == wrong
    assert verify(since=yesterday).archived == 2
    assert faults(since=today) == []


def test_a_mark_that_no_pruning_made_is_found(lines):
    LINES.objects.filter(pk=lines[1]).delete()
    seal = seal_of(lines[1])
    seal.pruned = b"\xff"
    seal.save()
    assert [kind for kind, _line in faults()] == ["seal"]


def test_a_round_without_new_lines_costs_one_query(lines, django_assert_num_queries):
    sealer = Sealer(quiet=True)
    sealer.round()
    with django_assert_num_queries(1):
        assert sealer.round() == 0


def test_the_command_says_what_is_wrong_and_fails(lines):
    LINES.objects.filter(pk=lines[1]).update(description="another")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_log", stdout=(out := StringIO()))
    assert ended.value.code == 1
    assert f"vrfs_history: the line {lines[1]} was altered" in out.getvalue()


def test_the_command_gives_json(lines):
    call_command("verify_log", "--json", stdout=(out := StringIO()))
    assert json.loads(out.getvalue())["faults"] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.on("postgresql")  # SQLite has one writer at a time
def test_no_line_is_sealed_while_one_with_a_smaller_number_may_come(second_connection):
    sealer = Sealer()
    with second_connection.cursor() as cursor:
        cursor.execute("BEGIN; SELECT pg_current_xact_id()")
        VRF.objects.create(name="blue")
        assert [sealer.round() for _round in range(3)] == [0, 0, 0]
        cursor.execute("COMMIT")
    assert sealed_soon(sealer)


def sealed_soon(sealer):
    """Transactions of other databases on the server hold it up, too."""
    deadline = time.monotonic() + 30
    while not sealer.round():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return True


@pytest.fixture
def second_connection():
    other = connection.copy()
    yield other
    other.close()
