"""Backups that only the right people can read or make, and that give nobody's access back."""

import json
import os
import stat
import subprocess
import tarfile
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Revocation, Session
from api.models import Token
from api.tokens import rotate
from core.errors import Unavailable
from ipmanager import checks
from ops.backup import archive, make
from ops.backup import health_checks as backup_checks
from tests.ops import installation
from tests.support import require
from tests.support.api import with_token

pytestmark = [pytest.mark.django_db(transaction=True), require.mark("postgresql-client", "age")]
KEY, OTHER_KEY = "k" * 32, "o" * 32


@pytest.fixture
def here(settings, tmp_path):
    settings.DHCP_SYNC = "worker"
    settings.DATA_DIR = tmp_path / "data"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BOOT_ROOT, settings.TFTP_ROOT = tmp_path / "data/boot", tmp_path / "data/tftp"
    settings.BOOT_ROOT.mkdir(parents=True)
    (settings.BOOT_ROOT / "vmlinuz").write_bytes(b"kernel-of-the-boot-files" * 1000)
    installation.fill(5)
    return tmp_path


@pytest.fixture
def encrypted(here, settings):
    """An installation whose backups are encrypted; the secret key lies elsewhere."""
    settings.BACKUP_RECIPIENTS = here / "recipients"
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True)
    (here / "identity").write_text(made.stdout)
    public = made.stderr.split(": ")[1]
    settings.BACKUP_RECIPIENTS.write_text(f"# operators\n{public}")
    return here / "identity"


def run(command, *arguments):
    output = StringIO()
    call_command(command, *map(str, arguments), stdout=output)
    return output.getvalue()


def backup(*arguments):
    return Path(json.loads(run("backup", "--json", *arguments))["path"])


# --- encryption -----------------------------------------------------------------------------------


def test_an_encrypted_backup_shows_nothing_and_comes_back_with_the_secret_key(encrypted, settings):
    before = installation.everything()
    path = backup()
    raw = path.read_bytes()
    assert path.name.endswith(".tar.age") and raw.startswith(b"age-encryption.org/v1")
    for secret in (settings.SECRET_KEY.encode(), b"kernel-of-the-boot-files", b"srv-2"):
        assert secret not in raw
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    User.objects.create_user("later")
    run("restore", "latest", "--overwrite", "--identity", encrypted)
    assert installation.everything() == before


def test_without_or_with_another_secret_key_it_stays_shut(encrypted, here):
    path, before = backup(), installation.everything()
    other = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    (here / "other").write_text(other)
    for arguments, why in (
        ([], "is encrypted"),
        (["--identity", here / "other"], "cannot be decrypted: no identity matched"),
        (["--identity", here / "nothing"], "cannot be decrypted: .*no such file"),
    ):
        with pytest.raises(CommandError, match=why):
            run("restore", path, "--overwrite", *arguments)
    assert installation.everything() == before


def test_a_changed_or_shortened_one_is_refused(encrypted):
    path, before = backup(), installation.everything()
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for content in (bytes(changed), whole[:-100], whole[: len(whole) // 2], whole[:300]):
        path.write_bytes(content)
        with pytest.raises(CommandError, match="cannot be decrypted"):
            run("restore", path, "--overwrite", "--identity", encrypted)
    assert installation.everything() == before


def test_nothing_plain_is_left_anywhere(encrypted, settings):
    """Neither on the backup's disk while it is made nor in the data directory afterwards."""
    path = backup()
    run("restore", path, "--dry-run", "--identity", encrypted)
    left = [file.name for file in settings.BACKUP_DIR.iterdir() if file != path]
    assert left == [".lock"]
    assert not [
        file for file in settings.DATA_DIR.iterdir() if file.is_dir() and file.name[0] == "."
    ]


def test_what_a_killed_backup_left_in_the_data_directory_goes_with_the_next(encrypted, settings):
    left = settings.DATA_DIR / ".ipmanager-begun-killed"
    left.mkdir()
    (left / "dump").write_bytes(b"half")
    backup()
    assert not left.exists()


@pytest.mark.parametrize("recipients", [None, "", "not a key\n", "age1wrong\n"])
def test_a_backup_that_cannot_be_encrypted_is_none(encrypted, settings, recipients):
    settings.BACKUP_RECIPIENTS.unlink()
    if recipients is not None:
        settings.BACKUP_RECIPIENTS.write_text(recipients)
    with pytest.raises(CommandError, match="age: .*check .*recipients"):
        run("backup")
    assert list(settings.BACKUP_DIR.glob("[!.]*")) == []


def test_without_the_tool_it_says_what_to_install(encrypted, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    (finding, *_rest) = backup_checks.backup_encryption()
    assert "age is not installed" in finding.msg
    from ops.backup import encryption

    with pytest.raises(Unavailable, match="apt install age"):
        encryption._start(["age"])


def test_plain_and_encrypted_ones_are_counted_together(encrypted, settings):
    paths = [backup()]
    settings.BACKUP_RECIPIENTS = None
    paths.append(backup("--keep", "1"))
    assert [path.exists() for path in paths] == [False, True]
    assert make.newest(settings.BACKUP_DIR) == paths[1]


# --- authenticity ---------------------------------------------------------------------------------


def forged(path, facts=None, key=""):
    """The archive as somebody writes it who knows the format and not the key."""
    with tarfile.open(path) as tar:
        members = [(entry.name, tar.extractfile(entry).read()) for entry in tar]
    found = json.loads(dict(members)["manifest.json"])
    for field in ("sha256", "hmac_sha256", "files", "format", "product"):
        found.pop(field, None)
    with open(path, "wb") as stream:
        writer = archive.Writer(stream, lambda *_: None, key=key)
        for name, data in members[:-1]:
            writer.add_bytes(name, data.replace(b"kernel", b"evil!!"))
        writer.finish(**found | (facts or {}))
    return path


def test_only_who_has_the_key_makes_a_backup_that_is_restored(here, settings):
    settings.BACKUP_KEY = KEY
    path, before = backup(), installation.everything()
    run("restore", path, "--dry-run")
    settings.BACKUP_KEY = OTHER_KEY
    with pytest.raises(CommandError, match="was not made with the key"):
        run("restore", path, "--overwrite")
    settings.BACKUP_KEY = KEY
    for key in ("", OTHER_KEY):
        with pytest.raises(CommandError, match="was not made with the key"):
            run("restore", forged(path, key=key), "--overwrite")
    assert installation.everything() == before


def test_a_backup_from_before_the_key_is_restored_when_that_is_said(here, settings):
    path, before = backup(), installation.everything()
    settings.BACKUP_KEY = KEY
    with pytest.raises(CommandError, match="--unauthenticated"):
        run("restore", path, "--overwrite")
    run("restore", path, "--overwrite", "--unauthenticated")
    assert installation.everything() == before


def test_a_backup_with_a_seal_is_checked_for_damage_without_the_key(here, settings):
    settings.BACKUP_KEY = KEY
    path = backup()
    settings.BACKUP_KEY = ""
    assert "is intact" in run("restore", path, "--dry-run")


def test_no_archive_holds_the_keys_of_the_others(here, settings, monkeypatch):
    monkeypatch.setenv("IPMANAGER_BACKUP_KEY", KEY)
    (here / "key").write_text(KEY)
    monkeypatch.setenv("IPMANAGER_BACKUP_KEY_FILE", str(here / "key"))
    monkeypatch.setenv("IPMANAGER_BACKUP_IDENTITY", "/etc/ipmanager/identity")
    settings.BACKUP_KEY = KEY
    assert KEY.encode() not in backup().read_bytes()
    assert "BACKUP" not in make.environment()


def test_a_short_key_and_encryption_without_a_key_are_named(encrypted, settings):
    settings.BACKUP_KEY = "short"
    assert [found.id for found in checks.check_backup_key()] == ["ipmanager.W009"]
    settings.BACKUP_KEY = KEY
    assert not list(checks.check_backup_key()) and not list(backup_checks.backup_encryption())
    settings.BACKUP_KEY = ""
    assert "can make one" in next(iter(backup_checks.backup_encryption())).msg


# --- access that was ended ------------------------------------------------------------------------


@pytest.fixture
def people(here):
    """A backup, and what was ended after it."""
    users = {name: User.objects.create_user(name) for name in ("eve", "d'or", "stays", "gone")}
    boss = User.objects.get(username="admin")
    tokens = {
        name: Token.objects.create(boss, name=name, scopes=["admin"])
        for name in ("stolen", "kept", "rotated")
    }
    off_before = User.objects.create_user("off-before", is_active=False)
    path = backup()
    for name in ("eve", "d'or"):
        User.objects.filter(username=name).update(is_active=False)
    users["gone"].delete()
    tokens["stolen"][0].delete()
    rotate(tokens["rotated"][0], 0)
    assert off_before
    return path, {name: value for name, (_token, value) in tokens.items()}


def active():
    return set(User.objects.filter(is_active=True).values_list("username", flat=True))


def works(value):
    from tests.support.api import Caller

    return (
        Caller(headers={"authorization": f"Bearer {value}"}).get("/api/v1/vrfs/").status_code == 200
    )


def test_it_says_what_would_come_back_and_keeps_it_out(people):
    path, values = people
    said = run("restore", path, "--dry-run")
    assert "revoked tokens in the backup: rotated, stolen" in said
    assert "disabled or deleted users in the backup: d'or, eve, gone" in said
    done = run("restore", path, "--overwrite")
    assert "they stay without access (--restore-access brings it back)" in done
    assert active() == {"admin", "stays"}
    assert {name: works(value) for name, value in values.items()} == {
        "stolen": False,
        "kept": True,
        "rotated": False,
    }


def test_it_brings_it_back_when_that_is_said(people):
    path, values = people
    shown = json.loads(run("restore", path, "--overwrite", "--restore-access", "--json"))
    assert shown["revoked_tokens"] == ["rotated", "stolen"]
    assert shown["disabled_users"] == ["d'or", "eve", "gone"]
    assert active() == {"admin", "stays", "eve", "d'or", "gone"}
    assert all(map(works, values.values()))


def test_a_second_restore_remembers_it_too(people):
    path, values = people
    for _ in range(2):
        run("restore", path, "--overwrite")
        assert not works(values["stolen"]) and "gone" not in active()


def test_what_was_lost_and_not_revoked_comes_back(here):
    """Rows that disappeared with the table are no decision of anybody."""
    boss = User.objects.get(username="admin")
    value = Token.objects.create(boss, name="lost", scopes=["admin"])[1]
    path = backup()
    Token.objects.all()._raw_delete("default")
    run("restore", path, "--overwrite")
    assert works(value)


def test_who_was_made_again_under_the_same_name_is_not_kept_out(here):
    User.objects.create_user("ada").delete()
    User.objects.create_user("ada")
    path = backup()
    run("restore", path, "--overwrite")
    assert "ada" in active()
    assert not Revocation.objects.filter(kind="user").exists()


def test_no_session_comes_back(here):
    caller = with_token("read")
    Session.objects.create(session_key="a" * 40, expire_date=timezone.now() + timedelta(hours=1))
    path = backup()
    run("restore", path, "--overwrite")
    assert caller and not Session.objects.exists()


def test_expired_and_replaced_tokens_are_not_news(here):
    boss = User.objects.get(username="admin")
    Token.objects.create(boss, expiry=timedelta(days=-1), name="old", scopes=["read"])
    path = backup()
    assert "revoked tokens" not in run("restore", path, "--dry-run")
    assert os.path.exists(path)
