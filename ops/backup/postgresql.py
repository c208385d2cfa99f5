"""Dump and load by PostgreSQL's own tools: a consistent dump with its row counts, loaded in one
transaction."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from core.errors import Conflict, IPManagerError, Unavailable
from ops.backup import tables
from ops.backup.archive import OnProgress

MEMBER = "database.dump"
_SEQUENCE = re.compile(r"^\d+; \d+ \d+ SEQUENCE \S+ (\S+) ", re.MULTILINE)
_TABLE = "dumping contents of table"
_FAILURE = re.compile(r"error|fatal|mismatch", re.IGNORECASE)
_LOCK_TIMEOUT = "15s"
_PSQL = [
    "psql",
    "--no-psqlrc",
    "--quiet",
    "--single-transaction",
    "--set=ON_ERROR_STOP=1",
    "--output=/dev/null",
]

# Drops our tables, functions and sequences, and nothing else in the same database. It fails if
# anything else depends on one of our tables.
_DROP = """
DO $$ DECLARE found record; BEGIN
    EXECUTE (SELECT 'DROP TABLE ' || string_agg(to_regclass(quote_ident(name))::text, ', ')
             FROM unnest({names}::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL
             HAVING count(*) > 0);
EXCEPTION WHEN null_value_not_allowed THEN NULL;
END $$;
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT p.oid::regprocedure AS name FROM pg_proc p
        JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
        WHERE p.pronamespace = current_schema()::regnamespace AND d.description LIKE 'ipmanager %'
    LOOP
        EXECUTE 'DROP FUNCTION ' || found.name;
    END LOOP;
    FOR found IN SELECT to_regclass(quote_ident(name)) AS name
        FROM unnest({sequences}::text[]) AS name
        WHERE to_regclass(quote_ident(name)) IS NOT NULL
    LOOP
        EXECUTE 'DROP SEQUENCE ' || found.name;
    END LOOP;
END $$;
"""


def dump(target: Path, progress: OnProgress) -> dict[str, int]:
    """Write the dump, and count the rows of every table in the same snapshot."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        names = tables.table_names(cursor)
        command = [
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--verbose",
            f"--snapshot={snapshot}",
            f"--file={target}",
        ]
        _run_with_progress(command, lambda done: progress("dump", done, len(names)))
        return tables.count_rows(cursor, names)


def contents_of(dump: Path, names: Sequence[str]) -> str:
    """The rows of these tables in the dump, in COPY's text format."""
    chosen = [f"--table={name}" for name in names]
    return _run(["pg_restore", "--data-only", *chosen, "--file=-", str(dump)])


def load(dump: Path, names: Sequence[str], then: Sequence[str] = ()) -> None:
    """Replace these tables, and those of this version, by the dump, carry out the statements `then`
    on them, or change nothing. Raises Conflict, Unavailable."""
    known = sorted({*names, *tables.model_tables(), MigrationRecorder.Migration._meta.db_table})
    script, contents = dump.with_suffix(".sql"), dump.with_suffix(".list")
    listed = _list_contents(dump)
    contents.write_text(listed, encoding="utf-8")
    # Through a file: psql would take the end of a pipe for the end of the dump, even if pg_restore
    # has failed.
    _run(["pg_restore", "--no-owner", f"--use-list={contents}", f"--file={script}", str(dump)])
    drop = _DROP.format(names=_array(known), sequences=_array(_SEQUENCE.findall(listed)))
    after = dump.with_suffix(".then")
    statements = ["RESET search_path", *then]  # the dump has emptied it
    after.write_text("".join(f"{statement};\n" for statement in statements), encoding="utf-8")
    files = [f"--file={script}", f"--file={after}"]
    _run([*_PSQL, f"--command={drop}", *files], connect=True)


def _array(names: Sequence[str]) -> str:
    """An SQL array of these texts."""
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    return f"ARRAY[{quoted}]"


def _list_contents(dump: Path) -> str:
    """What to load: all but comments on extensions, which only an extension's owner may write."""
    lines = _run(["pg_restore", "--list", str(dump)]).splitlines(keepends=True)
    return "".join(line for line in lines if " COMMENT - EXTENSION " not in line)


# --- the tools ------------------------------------------------------------------------------------


def _start(command: list[str], *, connect: bool, **options: Any) -> subprocess.Popen:
    """Start a tool; with `connect`, on the database of the settings. The password goes through the
    environment, which no other user can read."""
    environment = dict(os.environ)
    if connect:
        dsn, password = _connection()
        command = [*command, f"--dbname={dsn}"]
        own = environment.get("PGOPTIONS", "")
        environment["PGOPTIONS"] = f"{own} -c lock_timeout={_LOCK_TIMEOUT}"
        if password:
            environment["PGPASSWORD"] = password
    try:
        return subprocess.Popen(command, env=environment, **options)
    except FileNotFoundError as error:
        raise Unavailable(
            f"{command[0]} is not installed", hint="apt install postgresql-client"
        ) from error


def _run(command: list[str], *, connect: bool = False) -> str:
    """The output of a tool. Raises Conflict, Unavailable."""
    process = _start(
        command, connect=connect, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    output, messages = process.communicate()
    if process.returncode:
        raise _failure(command[0], messages)
    return output


def _run_with_progress(command: list[str], report: Callable[[int], None]) -> None:
    """Run a tool, and report how many tables it has dumped. Raises Conflict, Unavailable."""
    done, messages = 0, ""
    with _start(
        command, connect=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            messages += line
            if _TABLE in line:
                done += 1
                report(done)
    if process.returncode:
        raise _failure(command[0], messages)


def _connection() -> tuple[str, str]:
    """The connection of the settings as libpq's keywords, and the password."""
    from psycopg import conninfo, pq  # every command imports this module, on SQLite too

    parameters = connection.get_connection_params()
    keywords = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    known = {name: parameters[name] for name in keywords.intersection(parameters)}
    password = str(known.pop("password", "") or "")
    return conninfo.make_conninfo(**known), password


def _failure(program: str, messages: str) -> IPManagerError:
    """The tool's own sentence, and what to do about it."""
    lines = messages.strip().splitlines() or ["no message"]
    sentence = next(filter(_FAILURE.search, lines), lines[-1]).strip()
    if "lock timeout" in sentence:
        return Conflict("the database is in use; nothing was changed", hint="stop IPManager first")
    return Unavailable(f"{program}: {sentence}", hint="nothing was changed")
