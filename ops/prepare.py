"""Prepare an installation: tables, static files, a demo network, the first user and token.

Safe to repeat; a second call finds nothing to do."""

import hashlib
import os
import secrets
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from api.models import Token
from core.commands import is_installed, manage_command
from core.errors import Invalid


def prepare() -> bool:
    """Do all of it; return whether this was the first start (no user existed)."""
    create_private_database()
    migrate()
    collect_static()
    first_start = not get_user_model().objects.exists()
    if first_start:
        if settings.DEMO:
            call_command("demo", if_empty=True)
        create_first_user()
    apply_bootstrap_token()
    return first_start


def show_address(*, first_start: bool) -> None:
    """Print where the pages are and, after the first start, how to get a lost password back."""
    url = settings.PUBLIC_URL
    show(f"IPManager {settings.VERSION} at {url}/ (admin: {url}/admin/)")
    if not first_start:
        program = f"{sys.executable} "
        if is_installed():
            program = ""
        show(
            f"Lost the password? {program}{manage_command('changepassword admin')}\n"
            f"Need a token?      {program}{manage_command('create_token NAME')}"
        )


def create_private_database() -> None:
    """Create a new SQLite file with mode 0600: it holds password hashes and sessions.

    A file that is there is not opened: closing it would end the locks of all of SQLite's
    connections in this process, and another process would delete the log under them
    (https://sqlite.org/howtocorrupt.html, 2.2)."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3") or _is_usable(Path(database["NAME"])):
        return
    try:
        os.close(os.open(database["NAME"], os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise Invalid(f"cannot use the database {database['NAME']}: {error.strerror}") from error


def _is_usable(file: Path) -> bool:
    return file.is_file() and os.access(file, os.R_OK | os.W_OK, effective_ids=True)


def migrate() -> None:
    """Bring the tables to this version, and install triggers and permissions in any case.

    Django's command computes every model's past before it looks whether there is anything to do:
    half a second of each start."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    else:
        executor.loader.check_consistent_history(connection)
        emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)


def collect_static() -> None:
    """Copy and compress the static files, unless nothing has changed since the last time."""
    stamp = settings.STATIC_ROOT / ".collected"
    state = static_state()
    if stamp.exists() and stamp.read_text() == state:
        return
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(state)


def static_state() -> str:
    """A digest of the name, size and modification time of every static file (10 ms)."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = os.stat(storage.path(name))
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def create_first_user() -> None:
    """Create the user `admin` and a token, and print both: they are shown only this once."""
    password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
    shown_password, shown_token = password, set_by("IPMANAGER_BOOTSTRAP_TOKEN")
    if settings.ADMIN_PASSWORD:
        shown_password = set_by("IPMANAGER_ADMIN_PASSWORD")
    with transaction.atomic():
        admin = get_user_model().objects.create_superuser("admin", "", password)
        if not settings.BOOTSTRAP_TOKEN:
            _token, shown_token = Token.objects.create(admin, name="first", scopes=["admin"])
    show(
        "Shown only this once:\n"
        "  user:      admin\n"
        f"  password:  {shown_password}\n"
        f"  API token: {shown_token}"
    )


def set_by(name: str) -> str:
    return f"as set by {name}"


def apply_bootstrap_token() -> None:
    """Make IPMANAGER_BOOTSTRAP_TOKEN valid, and every earlier value of it invalid."""
    value = settings.BOOTSTRAP_TOKEN
    if not value or Token.objects.holding(value):
        return
    with transaction.atomic():
        Token.objects.filter(name="bootstrap").delete()
        Token.objects.keep(value, first_superuser(), name="bootstrap", scopes=["admin"])


def first_superuser() -> AbstractUser:
    user = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if user is None:
        raise Invalid(
            "IPMANAGER_BOOTSTRAP_TOKEN needs a superuser",
            hint=f"run: {manage_command('createsuperuser')}",
        )
    return user


def show(text: str) -> None:
    """Print without buffering: stdout may be a pipe, and a password is shown only now."""
    print(text, flush=True)
