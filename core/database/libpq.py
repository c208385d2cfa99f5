"""Run a statement that each connection has prepared, directly by libpq (`psycopg.pq`).

Parameters and results are converted by psycopg's own adapters."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import Error, OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus

# Per connection: the name of each prepared statement, by its text and the types of its parameters.
_prepared: WeakKeyDictionary[Any, dict[tuple[str, tuple[int, ...]], bytes]] = WeakKeyDictionary()
_PARAMETER = re.compile(r"%\((\w+)\)s")


def execute(connection: Any, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement with parameters as in %(name)s. Raises psycopg.Error."""
    text, names = _numbered(sql)
    converter = Transformer.from_context(connection)
    values = converter.dump_sequence([params[name] for name in names], [PyFormat.AUTO] * len(names))
    name = _prepare(connection, text, converter.types or ())
    result = connection.pgconn.exec_prepared(name, values, converter.formats)
    if result.status != ExecStatus.TUPLES_OK:
        raise _error(connection, result)
    converter.set_pgresult(result)
    return list(converter.load_rows(0, result.ntuples, tuple))


def _prepare(connection: Any, text: str, types: tuple[int, ...]) -> bytes:
    """The statement's name on this connection; it is prepared at its first use."""
    known = _prepared.setdefault(connection, {})
    if (name := known.get((text, types))) is None:
        name = b"ipmanager_%d" % len(known)
        result = connection.pgconn.prepare(name, text.encode(), types)
        if result.status != ExecStatus.COMMAND_OK:
            raise _error(connection, result)
        known[text, types] = name
    return name


def _error(connection: Any, result: Any) -> Error:
    """psycopg's error for the result. A broken connection has no SQLSTATE to choose it by."""
    encoding = connection.info.encoding
    if connection.pgconn.status != ConnStatus.OK:
        return OperationalError(result.get_error_message(encoding))
    return error_from_result(result, encoding=encoding)


@cache
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement with $1, $2, ... as parameters, and their names in this order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names
