"""Backup, destruction, restore: what comes back is what was there, row by row, and nothing half."""

import json
import os
import stat
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection

from core.errors import Unavailable
from ipam import freeze
from ipam.allocate import allocate
from ipam.freeze import Frozen
from ipam.models import IPAddress, Server, Subnet
from ops.backup import archive, make, restore
from tests.ops import installation
from tests.support import require, template
from tests.support.site import ROOT, manage

PROOF = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
ADDRESSES = 100_000 if PROOF else 100
GONE = (
    "ip_addresses",
    "ip_addresses_history",
    "interfaces",
    "hosts",
    "pools",
    "subnets",
    "auth_user",
)
TRY = """
from ipam import allocate, freeze, models
subnet = models.Subnet.objects.get(network="10.0.0.0/24")
try:
    allocate.allocate(subnet)
except freeze.Frozen:
    print(freeze.state().reason)
freeze.thaw()
print(allocate.allocate(subnet).row)
"""
pytestmark = [pytest.mark.django_db(transaction=True), require.mark("postgresql-client")]


@pytest.fixture
def here(settings, tmp_path):
    """An installation of this test's own, with something in it."""
    settings.DHCP_SYNC = "worker"
    settings.DATA_DIR = tmp_path / "data"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BOOT_ROOT, settings.TFTP_ROOT = tmp_path / "data/boot", tmp_path / "data/tftp"
    (settings.BOOT_ROOT / "debian").mkdir(parents=True)
    (settings.BOOT_ROOT / "debian/vmlinuz").write_bytes(b"kernel" * 1000)
    settings.TFTP_ROOT.mkdir()
    (settings.TFTP_ROOT / "undionly.kpxe").write_bytes(b"loader")
    installation.fill(ADDRESSES)
    return tmp_path


def run(command, *arguments):
    output = StringIO()
    call_command(command, *arguments, stdout=output)
    return output.getvalue()


def backup(*arguments):
    return json.loads(run("backup", "--json", *arguments))["path"]


def destroy():
    """Every row of ours."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "TRUNCATE subnets, hosts, ip_addresses, ip_addresses_history, auth_user CASCADE"
            )
        else:
            connection.disable_constraint_checking()
            for table in (
                "ip_addresses",
                "ip_addresses_history",
                "interfaces",
                "hosts",
                "pools",
                "subnets",
                "auth_user",
            ):
                cursor.execute(f"DELETE FROM {table}")
            connection.enable_constraint_checking()


def test_what_was_destroyed_comes_back_row_by_row_with_its_files_and_secrets(here, settings):
    before = installation.everything()
    path = backup()
    destroy()
    (settings.BOOT_ROOT / "debian/vmlinuz").write_bytes(b"broken")
    said = json.loads(run("restore", path, "--json"))
    assert installation.everything() == before
    assert before["ip_addresses"][0] >= ADDRESSES + 50
    assert (settings.BOOT_ROOT / "debian/vmlinuz").read_bytes() == b"kernel" * 1000
    assert (settings.DATA_DIR / "secret_key").read_text() == settings.SECRET_KEY
    assert stat.S_IMODE((settings.DATA_DIR / "secret_key").stat().st_mode) == 0o600
    assert said["restored_files"] == 2
    print(f"\n{ADDRESSES} addresses, {connection.vendor}: restored in {said['seconds']} s")
    with pytest.raises(Frozen, match="manage.py thaw"):
        allocate(Subnet.objects.get(network="10.0.0.0/24"))


def test_after_the_restore_the_ledger_works_as_before(here):
    path = backup()
    destroy()
    run("restore", path)
    freeze.thaw()
    row = allocate(Subnet.objects.get(network="10.0.0.0/24"), vm_id="new").row
    assert str(row.ip_address) == "10.0.0.5"
    Server.objects.create(hostname="new", mac_address="02:00:00:00:01:01", ip_address="10.0.0.6")
    assert IPAddress.objects.get(ip_address="10.0.0.6").history.exists()


def test_only_its_owner_can_read_a_backup(here, settings):
    os.umask(os.umask(0o022))
    path = backup()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(settings.BACKUP_DIR.stat().st_mode) == 0o700
    assert [name for name in os.listdir(settings.BACKUP_DIR) if name.startswith(".ipmanager")] == []


def test_the_settings_are_in_it_and_any_tar_shows_them(here, monkeypatch):
    monkeypatch.setenv("IPMANAGER_DNSMASQ_RELOAD", "sudo")
    (here / "password").write_text("hidden\n")
    monkeypatch.setenv("IPMANAGER_ADMIN_PASSWORD_FILE", str(here / "password"))
    shown = subprocess.run(
        ["tar", "-xOf", backup(), "environment"], capture_output=True, text=True, check=True
    ).stdout
    assert "IPMANAGER_DNSMASQ_RELOAD=sudo\n" in shown
    assert "IPMANAGER_ADMIN_PASSWORD=hidden\n" in shown


def test_only_the_newest_are_kept_and_nothing_else_is_touched(here, settings):
    paths = [backup() for _ in range(3)]
    (settings.BACKUP_DIR / "notes.txt").touch()
    paths.append(backup("--keep", "2"))
    assert sorted(path.name for path in settings.BACKUP_DIR.glob("[!.]*")) == [
        *(os.path.basename(path) for path in paths[2:]),
        "notes.txt",
    ]


def test_links_and_unfinished_files_are_no_boot_files(here, settings):
    (settings.BOOT_ROOT / "passwords").symlink_to("/etc/passwd")
    (settings.BOOT_ROOT / ".vmlinuz.new-1").touch()
    with tarfile.open(backup()) as tar:
        assert [name for name in tar.getnames() if name.startswith("boot/")] == [
            "boot/debian/vmlinuz"
        ]


def test_a_full_disk_leaves_no_half_backup(here, settings):
    require.part("root", "namespaces")
    directory = here / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], check=True)
    try:
        with pytest.raises(CommandError, match="No space left|disk is full|could not write"):
            run("backup", str(directory))
        assert list(directory.glob("[!.]*")) == []
        assert list(directory.glob(".ipmanager*")) == []
    finally:
        subprocess.run(["umount", directory], check=True)


def test_what_a_killed_backup_has_left_goes_with_the_next(here, settings):
    left = settings.BACKUP_DIR / ".ipmanager-begun-killed"
    left.mkdir(parents=True)
    (left / "archive").write_bytes(b"half")
    backup()
    assert not left.exists()


def test_of_two_at_once_the_second_says_so(here, settings):
    from core import files

    settings.BACKUP_DIR.mkdir()
    with (
        files.lock(settings.BACKUP_DIR / ".lock"),
        pytest.raises(CommandError, match="another backup.*in progress"),
    ):
        run("backup")


def test_a_damaged_backup_is_refused_and_nothing_changes(here):
    path, before = backup(), installation.everything()
    whole = Path(path).read_bytes()
    for place in (
        600,
        len(whole) // 3,
        len(whole) // 2,
        whole.rindex(b'"rows"') + 10,
        whole.rindex(b'"version"') + 13,
    ):
        Path(path).write_bytes(whole[:place] + bytes([whole[place] ^ 0x01]) + whole[place + 1 :])
        with pytest.raises(CommandError, match="is damaged|that this version can read"):
            run("restore", path, "--overwrite")
    assert installation.everything() == before


def test_a_backup_that_was_cut_off_is_refused(here):
    path = backup()
    in_the_manifest = Path(path).read_bytes().rindex(b'"version"')
    for size in (in_the_manifest, in_the_manifest // 2, 2_000, 0):
        os.truncate(path, size)
        with pytest.raises(CommandError, match="damaged|is not a backup"):
            run("restore", path, "--overwrite")


def test_what_is_no_backup_is_refused(tmp_path):
    for content in (b"", b"hello", b"PK\x03\x04" * 300):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(
            CommandError,
            match=r"is not a backup of IPManager \(name a file that `manage.py backup`",
        ):
            run("restore", str(tmp_path / "file"))
    with pytest.raises(CommandError, match="there is no /nowhere"):
        run("restore", "/nowhere")


def test_a_tar_of_somebody_else_is_refused(tmp_path):
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(ROOT / "LICENSE", "LICENSE")
    with pytest.raises(CommandError, match="its end is missing"):
        run("restore", str(tmp_path / "other.tar"))


def rewritten(path, **changes):
    """The archive with another manifest, as its maker would have written it."""
    with tarfile.open(path) as tar:
        manifest = archive.Manifest.parse(tar.extractfile(archive.MANIFEST).read())
        members = [
            (entry.name, tar.extractfile(entry).read())
            for entry in tar
            if entry.name != archive.MANIFEST
        ]
    with open(path, "wb") as stream:
        writer = archive.Writer(stream, lambda *_: None)
        for name, data in members:
            writer.add_bytes(changes.get("names", {}).get(name, name), data)
        facts = {
            name: getattr(manifest, name)
            for name in ("version", "made_at", "engine", "ledger", "rows", "migrations")
        }
        writer.finish(**facts | {name: value for name, value in changes.items() if name != "names"})
    return path


def test_the_backup_of_another_kind_of_database_is_refused(here):
    path = rewritten(backup(), engine="oracle")
    with pytest.raises(CommandError, match=r"is a backup of oracle.*move_to_postgresql"):
        run("restore", path, "--overwrite")


def test_the_backup_of_a_newer_version_is_refused(here):
    path = rewritten(backup(), version="9.0", migrations=["ipam.9999_of_tomorrow"])
    with pytest.raises(
        CommandError, match=r"newer version \(9.0\): ipam.9999_of_tomorrow is unknown"
    ):
        run("restore", path, "--overwrite")


def test_no_name_in_an_archive_leads_out_of_its_directory(here):
    path = rewritten(backup(), names={"boot/debian/vmlinuz": "boot/../../../evil"})
    destroy()
    with pytest.raises(CommandError, match="leads out of its directory"):
        run("restore", path)
    assert not (here.parent / "evil").exists()


def test_a_database_that_is_not_empty_is_replaced_only_when_that_is_said(here):
    path = backup()
    Server.objects.create(hostname="later", mac_address="02:00:00:00:01:01", ip_address="10.0.0.9")
    with pytest.raises(CommandError, match=r"is not empty \(.*hosts.*--overwrite"):
        run("restore", path)
    assert Server.objects.filter(hostname="later").exists()
    run("restore", path, "--overwrite")
    assert not Server.objects.filter(hostname="later").exists()


def test_a_look_changes_nothing(here):
    before = installation.everything()
    backup()
    said = run("restore", "latest", "--dry-run")
    assert "is intact" in said and "nothing was changed" in said
    assert installation.everything() == before
    assert freeze.state() is None


def test_who_still_writes_is_named_instead_of_waited_for(here, monkeypatch):
    from ops.backup import postgresql, sqlite

    monkeypatch.setattr(postgresql, "_LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(sqlite, "_LOCK_TIMEOUT", 0.2)
    path = backup()
    before = installation.everything()
    holding, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold_a_lock, args=(holding, done))
    thread.start()
    try:
        assert holding.wait(30)
        with pytest.raises(
            CommandError, match="the database is in use; nothing was changed|database is locked"
        ):
            run("restore", path, "--overwrite")
    finally:
        done.set()
        thread.join()
    assert installation.everything() == before


def hold_a_lock(holding, done):
    """What a request does that has not ended."""
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        cursor.execute("UPDATE hosts SET location = 'here'")
        holding.set()
        done.wait(60)
        cursor.execute("ROLLBACK")


def test_the_whole_of_it_in_processes_of_their_own_into_an_empty_database(
    here, shared_database, empty_database
):
    before = installation.everything()
    path = backup()
    done = manage(empty_database, "restore", path, "--json")
    assert done.returncode == 0, done.stderr
    code = "from tests.ops import installation; print(sorted(installation.everything().items()))"
    again = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env=empty_database,
        text=True,
        capture_output=True,
        check=True,
    )
    assert again.stdout.strip() == str(sorted(before.items()))


@pytest.mark.on("sqlite")
def test_a_damaged_database_is_moved_aside(here, empty_database):
    path = backup()
    database = here / "empty.sqlite3"
    database.write_bytes(b"garbage" * 10_000)
    refused = manage(empty_database, "restore", path)
    assert "cannot be read" in refused.stderr and "--overwrite" in refused.stderr
    done = manage(empty_database, "restore", path, "--overwrite")
    assert done.returncode == 0, done.stderr
    (aside,) = here.glob("empty.sqlite3.damaged-*")
    assert aside.read_bytes().startswith(b"garbage")


@pytest.mark.on("sqlite")
def test_a_damaged_database_is_not_backed_up_and_the_good_ones_stay(here, empty_database, settings):
    database = here / "empty.sqlite3"
    good = backup()
    with tarfile.open(good) as tar:
        whole = tar.extractfile("database.sqlite3").read()
    third = len(whole) // 3
    database.write_bytes(whole[:third] + os.urandom(third) + whole[2 * third :])
    done = manage(empty_database, "backup", str(settings.BACKUP_DIR), "--keep", "1")
    assert done.returncode == 1
    assert "damaged" in done.stderr or "cannot be copied" in done.stderr
    assert [str(path) for path in settings.BACKUP_DIR.glob("ipmanager-*.tar")] == [good]


@pytest.mark.on("postgresql")
def test_what_others_keep_in_the_same_database_stays(here):
    path = backup()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE somebody_else (n int); INSERT INTO somebody_else VALUES (1)")
    try:
        run("restore", path, "--overwrite")
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM somebody_else")
            assert cursor.fetchall() == [(1,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE somebody_else")


@pytest.mark.on("postgresql")
def test_the_manuals_plain_lines_freeze_the_ledger_too(
    here, shared_database, site_environment, django_db_blocker
):
    """pg_dump | psql into a new database: nobody has told us, and nothing is handed out."""
    name, url = f"loaded_{os.getpid()}", template.url(connection.settings_dict["NAME"])
    template.run_alone(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    try:
        dump = subprocess.run(["pg_dump", url], capture_output=True, check=True).stdout
        subprocess.run(
            ["psql", "--quiet", "--output=/dev/null", template.url(name)], input=dump, check=True
        )
        environment = site_environment | {"DATABASE_URL": template.url(name)}
        done = manage(environment, "shell", "--no-imports", "-c", TRY)
        assert done.stdout.split("\n")[:2] == ["the database was loaded from a dump", "10.0.0.5"], (
            done.stderr
        )
    finally:
        template.run_alone(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_users_come_back(here):
    path = backup()
    destroy()
    run("restore", path)
    assert get_user_model().objects.get(username="admin").check_password("a password for tests")


def test_a_backup_has_a_whole_list_of_what_is_in_it(here):
    path = backup()
    with tarfile.open(path) as tar:
        names = tar.getnames()
    assert names[-1] == archive.MANIFEST
    assert set(names) == {
        make.database_tool().MEMBER,
        "secret_key",
        "environment",
        "boot/debian/vmlinuz",
        "tftp/undionly.kpxe",
        "manifest.json",
    }


def test_what_runs_meanwhile_makes_a_restore_no_failure_but_a_lost_row_does():
    restore._require_rows(
        archive.Manifest(rows={"ipmanager_pulse": 7, "django_session": 9, "subnets": 0})
    )
    with pytest.raises(Unavailable, match="subnets has 0 rows instead of 1"):
        restore._require_rows(archive.Manifest(rows={"subnets": 1}))
