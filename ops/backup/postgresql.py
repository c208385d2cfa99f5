"""PostgreSQL's own tools: a dump of one moment with its counts, and back, all of it in one
transaction."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg import conninfo, pq

from core.errors import Conflict, Unavailable
from ops.backup import tables
from ops.backup.archive import Progress

MEMBER = "database.dump"
_SEQUENCE = re.compile(r"^\d+; \d+ \d+ SEQUENCE \S+ (\S+) ", re.MULTILINE)
_TABLE = re.compile(r"dumping contents of table")
_PATIENCE = "15s"  # for locks of those who still use the database

# Our tables, functions and sequences go, and nothing else that somebody keeps in the same database:
# what depends on a table of ours refuses all of it.
_EMPTY = """
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
    FOR found IN SELECT to_regclass(quote_ident(name)) AS name FROM unnest({sequences}::text[]) AS name
        WHERE to_regclass(quote_ident(name)) IS NOT NULL
    LOOP
        EXECUTE 'DROP SEQUENCE ' || found.name;
    END LOOP;
END $$;
"""


def dump(target: Path, progress: Progress) -> dict[str, int]:
    """Write the dump; the rows of every table in it, counted at the same moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        names = tables.there(cursor)
        command = [
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--verbose",
            f"--snapshot={snapshot}",
        ]
        _run_verbosely(
            [*command, f"--file={target}"], lambda done: progress("dump", done, len(names))
        )
        return tables.count(cursor, names)


def load(dump: Path, names: Sequence[str]) -> None:
    """Put the dump in the place of these tables, or change nothing. Raises Conflict,
    Unavailable."""
    known = sorted({*names, *tables.ours(), MigrationRecorder.Migration._meta.db_table})
    script, chosen = dump.with_suffix(".sql"), dump.with_suffix(".list")
    listed = _chosen(dump)
    chosen.write_text(listed, encoding="utf-8")
    # Through a file: psql would take the end of a pipe for the end of the dump, whatever became of
    # pg_restore.
    _finish(
        ["pg_restore", "--no-owner", f"--use-list={chosen}", f"--file={script}", str(dump)],
        alone=True,
    )
    empty = _EMPTY.format(names=_array(known), sequences=_array(_SEQUENCE.findall(listed)))
    psql = [
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
    ]
    _finish([*psql, f"--command={empty}", f"--file={script}"])


def _array(names: Sequence[str]) -> str:
    return "ARRAY[" + ", ".join("'" + name.replace("'", "''") + "'" for name in names) + "]"


def _chosen(dump: Path) -> str:
    """The list of what is loaded: not a comment on an extension, which only the extension's owner
    may write."""
    listed = _finish(["pg_restore", "--list", str(dump)], alone=True)
    return "".join(line for line in listed.splitlines(True) if " COMMENT - EXTENSION " not in line)


# --- the tools ------------------------------------------------------------------------------------


def _start(command: list[str], *, alone: bool = False, **more: Any) -> subprocess.Popen:
    """With the connection of the settings, unless it works alone. A password is passed where only
    we can see it."""
    environment = dict(os.environ)
    if not alone:
        dsn, password = _connection()
        command = [*command, f"--dbname={dsn}"]
        environment |= {
            "PGOPTIONS": f"{environment.get('PGOPTIONS', '')} -c lock_timeout={_PATIENCE}"
        }
        environment |= {"PGPASSWORD": password} if password else {}
    try:
        return subprocess.Popen(command, env=environment, **more)
    except FileNotFoundError as error:
        raise Unavailable(
            f"{command[0]} is not installed", hint="apt install postgresql-client"
        ) from error


def _finish(command: list[str], *, alone: bool = False) -> str:
    process = _start(
        command, alone=alone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said, words = process.communicate()
    if process.returncode:
        raise _complaint(command[0], words)
    return said


def _run_verbosely(command: list[str], told: Any) -> None:
    """Count the tables that the tool tells of."""
    done, words = 0, []
    with _start(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            words.append(line)
            if _TABLE.search(line):
                done += 1
                told(done)
    if process.returncode:
        raise _complaint(command[0], "".join(words))


def _connection() -> tuple[str, str]:
    """libpq's words for the connection of the settings, and the password."""
    keywords = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    chosen = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name in keywords
    }
    password = str(chosen.pop("password", "") or "")
    return conninfo.make_conninfo(**chosen), password


def _complaint(program: str, words: str) -> Exception:
    """The tool's own sentence, and what to do about it."""
    lines = [
        line.strip()
        for line in words.splitlines()
        if re.search(r"error|fatal|mismatch", line, re.IGNORECASE)
    ]
    sentence = lines[0] if lines else (words.strip().splitlines() or ["it said nothing"])[-1]
    if "lock timeout" in sentence:
        return Conflict(
            "somebody uses the database; nothing was changed", hint="stop IPManager first"
        )
    return Unavailable(f"{program}: {sentence}", hint="nothing was changed")
