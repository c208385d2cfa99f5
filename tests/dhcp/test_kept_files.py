"""dhcp.generations: a full copy now and then and the differences between; every generation can be
put together byte for byte, or is said to be damaged."""

import random
import zlib
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from dhcp.files.sync import sync
from dhcp.generations import delta, kept
from dhcp.generations.document import Damaged, Document
from dhcp.generations.rollback import rollback
from dhcp.models import DhcpServer, Generation, KeptFiles
from ipam.models import Server, Subnet
from tests.dhcp.test_command import run

A = "02:00:00:00:00:0a"
OLD = timezone.now() - timedelta(days=1000)

texts = some.lists(some.sampled_from(["", "a", "b\tserver 1", "c", "\f", "d"]), max_size=30)


# --- deltas ---------------------------------------------------------------------------------------


@given(texts, texts)
def test_a_delta_leads_there_and_back(before, after):
    hunks = delta.between(before, after)
    assert delta.apply(hunks, before) == after
    assert delta.apply(delta.reverse(hunks), after) == before


@given(texts, texts, texts)
def test_a_delta_makes_the_right_text_of_another_one_or_none(before, after, other):
    hunks = delta.between(before, after)
    try:
        found = delta.apply(hunks, other)
    except ValueError:
        return
    assert delta.apply(delta.reverse(hunks), found) == other


@given(some.binary(max_size=200), some.binary(max_size=50), some.binary(max_size=50))
def test_a_document_keeps_every_byte_of_its_files(hosts, opts, conf):
    sources = dict.fromkeys(hosts.decode("latin-1").split("\n"), "server 1")
    document = Document.of(hosts, opts, conf, sources)
    assert Document.unpack(document.pack()).files == (hosts, opts, conf)


# --- chains ---------------------------------------------------------------------------------------


def generation(server=None, tried=None):
    row = Generation.objects.create(result="applied", server=server)
    if tried:
        Generation.objects.filter(pk=row.pk).update(updated_at=tried)
    return row


def keep(text, server=None, tried=None):
    """Keep a generation with this hosts file; its row."""
    newest = KeptFiles.objects.newest(server and server.pk)
    document = Document.of(text, b"opts\n")
    return KeptFiles.objects.keep(generation(server, tried), document, newest)


def body(lines):
    return "".join(f"{line}\n" for line in lines).encode()


def edits(count, seed):
    """A hosts file through random edits: lines that come, go and change, now and then all of
    them."""
    dice = random.Random(seed)
    lines = [f"line {number} of the beginning" for number in range(200)]
    for turn in range(count):
        place = dice.randrange(len(lines) or 1)
        match dice.randrange(20):
            case 0:
                lines = [f"new {turn} {n}" for n in range(dice.randrange(300))]
            case 1 | 2 | 3:
                del lines[place : place + dice.randrange(5)]
            case 4 | 5 | 6:
                lines[place : place + 2] = [f"changed {turn}"]
            case _:
                lines.insert(place, f"added {turn}")
        yield body(lines)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_any_generation_of_random_edits_is_put_together_byte_for_byte(seed, monkeypatch):
    monkeypatch.setattr(kept, "LONGEST_CHAIN", 40)
    said = {keep(text).pk: text for text in edits(160, seed)}
    rows = list(KeptFiles.objects.all())
    assert {row.pk: row.hosts for row in rows} == said
    assert {row.opts for row in rows} == {b"opts\n"}
    full = sum(row.full_id is None for row in rows)
    assert len(rows) / kept.LONGEST_CHAIN < full < len(rows) / 3


@pytest.mark.django_db
def test_old_full_copies_and_new_rows_stand_side_by_side():
    old = KeptFiles.objects.create(
        generation=generation(),
        packed_hosts=zlib.compress(b"old\n"),
        packed_opts=zlib.compress(b"o\n"),
    )
    texts = [body([*range(200), turn]) for turn in range(10)]
    rows = [keep(text) for text in texts]
    assert (old.hosts, old.opts) == (b"old\n", b"o\n")
    assert [row.full_id for row in rows] == [None, *[rows[0].pk] * 9]
    assert KeptFiles.objects.get(pk=rows[-1].pk).hosts == texts[-1]


@pytest.mark.django_db
def test_servers_have_chains_of_their_own():
    east = DhcpServer.objects.create(name="east")
    rows = [(keep(text, server), text) for text in edits(6, 2) for server in (None, east)]
    assert all(KeptFiles.objects.get(pk=row.pk).hosts == text for row, text in rows)
    assert {row.chain[0].generation.server for row, _text in rows[1::2]} == {east}


# --- bounds ---------------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch):
    """Chains of five, and the last three always kept."""
    monkeypatch.setattr(kept, "LONGEST_CHAIN", 5)
    monkeypatch.setattr(kept, "ALWAYS_KEPT", 3)


@pytest.mark.django_db
def test_whole_chains_go_when_they_are_old_and_what_a_delta_needs_stays(short):
    texts = [body([*range(200), turn]) for turn in range(13)]
    rows = [keep(text, tried=OLD if turn < 11 else None) for turn, text in enumerate(texts)]
    Generation.objects.outdated(timezone.now() - timedelta(days=1)).delete()
    assert list(KeptFiles.objects.values_list("pk", flat=True)) == [row.pk for row in rows[10:]]
    assert [row.hosts for row in KeptFiles.objects.order_by("pk")] == texts[10:]


@pytest.mark.django_db
def test_pruning_in_the_middle_of_a_chain_deletes_nothing_of_it(short):
    rows = [keep(body([*range(200), turn]), tried=OLD) for turn in range(4)]
    Generation.objects.outdated(timezone.now()).delete()
    assert KeptFiles.objects.count() == 4
    assert KeptFiles.objects.get(pk=rows[-1].pk).hosts == body([*range(200), 3])


@pytest.mark.django_db
def test_what_is_kept_is_bounded_by_its_size(short, monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 1)
    for turn in range(21):
        keep(body([*range(200), turn]))
    assert KeptFiles.objects.count() == 6  # the chain of one, and five for the last three
    assert all(row.hosts for row in KeptFiles.objects.all())


@pytest.mark.django_db
def test_the_size_of_one_server_s_files_costs_another_nothing(short, monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 1)
    east = DhcpServer.objects.create(name="east")
    keep(b"east\n", east)
    for turn in range(21):
        keep(body([*range(200), turn]))
    assert KeptFiles.objects.newest(east.pk).hosts == b"east\n"


# --- damage ---------------------------------------------------------------------------------------


@pytest.fixture
def web(target):
    """A server whose address has been 10.77.0.9, .10, .11 and .12."""
    Subnet.objects.create(network="10.77.0.0/24")
    Server.objects.bulk_create(
        Server(hostname=f"s{n}", mac_address=f"02:00:00:00:01:{n:02x}", ip_address=f"10.77.0.{n}")
        for n in range(100, 200)
    )
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    for number in (10, 11, 12):
        move(web, number)
    return web


def move(web, number):
    web.ip_address = f"10.77.0.{number}"
    web.save()
    return sync()


def damage(row):
    KeptFiles.objects.filter(pk=row.pk).update(packed=zlib.compress(b'[[5,["x"],["y"]]]'))


@pytest.mark.django_db
def test_a_damaged_delta_is_said_to_be_and_harms_no_sync(web, target):
    rows = list(KeptFiles.objects.order_by("pk"))
    damage(rows[2])
    for row in KeptFiles.objects.filter(pk__gte=rows[2].pk):
        with pytest.raises(Damaged, match=f"generation {row.generation_id} is damaged"):
            row.hosts  # noqa: B018
    assert KeptFiles.objects.get(pk=rows[1].pk).hosts
    assert move(web, 20).result == "applied"
    newest = KeptFiles.objects.newest(None)
    assert newest.full_id is None and newest.hosts == target.hosts.read_bytes()


@pytest.mark.django_db
def test_a_damaged_copy_of_version_0_1_harms_no_sync_either(web, target):
    row = KeptFiles.objects.newest(None)
    KeptFiles.objects.filter(pk=row.pk).update(packed=None, full=None, packed_hosts=b"damaged")
    with pytest.raises(Damaged):
        KeptFiles.objects.get(pk=row.pk).hosts  # noqa: B018
    assert move(web, 20).result == "applied"
    assert KeptFiles.objects.newest(None).hosts == target.hosts.read_bytes()


@pytest.mark.django_db
def test_a_damaged_generation_cannot_be_served_and_the_others_can(web, target):
    rows = list(KeptFiles.objects.order_by("pk"))
    damage(rows[2])
    with pytest.raises(Damaged, match="--list"):
        rollback(rows[2].generation_id)
    assert not target.held.exists()
    assert rollback(rows[1].generation_id).good
    assert f"{A},10.77.0.10,web" in target.hosts.read_text()


@pytest.mark.django_db
def test_a_full_copy_that_changed_its_bytes_is_found_by_its_digest(web):
    row = KeptFiles.objects.order_by("pk").first()
    other = Document.of(b"02:00:00:00:00:0b,10.77.0.66,evil\n", b"")
    KeptFiles.objects.filter(pk=row.pk).update(packed=other.pack())
    with pytest.raises(Damaged, match="its digest is another one"):
        KeptFiles.objects.get(pk=row.pk).hosts  # noqa: B018


@pytest.mark.django_db
def test_hand_edits_are_found_although_what_we_wrote_is_damaged(web, target):
    damage(KeptFiles.objects.newest(None))
    target.hosts.write_text(target.hosts.read_text() + "02:00:00:00:00:0b,10.77.0.66,new\n")
    assert sync().good
    assert "kept" in run("--hand-edits")[1]
