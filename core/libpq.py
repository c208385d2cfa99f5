"""One statement, planned once for each connection, straight to libpq: by the layer that psycopg
documents for it (`psycopg.pq`), with psycopg's own conversions both ways."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import Error, OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus

# What each connection has planned: the statement's text with the types of its parameters, and the
# name it has there.
_planned: WeakKeyDictionary[Any, dict[tuple[str, tuple[int, ...]], bytes]] = WeakKeyDictionary()
_PARAMETER = re.compile(r"%\((\w+)\)s")


def ask(line: Any, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows that it gives; its parameters as in %(name)s. Raises psycopg.Error."""
    text, names = _numbered(sql)
    converter = Transformer.from_context(line)
    values = converter.dump_sequence([params[name] for name in names], [PyFormat.AUTO] * len(names))
    result = line.pgconn.exec_prepared(
        _plan(line, text, converter.types or ()), values, converter.formats
    )
    if result.status != ExecStatus.TUPLES_OK:
        raise _error(line, result)
    converter.set_pgresult(result)
    return list(converter.load_rows(0, result.ntuples, tuple))


def _plan(line: Any, text: str, types: tuple[int, ...]) -> bytes:
    """The name by which this connection knows the statement."""
    known = _planned.setdefault(line, {})
    if (name := known.get((text, types))) is None:
        name = b"ipmanager_%d" % len(known)
        result = line.pgconn.prepare(name, text.encode(), types)
        if result.status != ExecStatus.COMMAND_OK:
            raise _error(line, result)
        known[text, types] = name
    return name


def _error(line: Any, result: Any) -> Error:
    """What is wrong. Of a connection that broke, no server has said a word that psycopg could know
    the kind by."""
    encoding = line.info.encoding
    if line.pgconn.status != ConnStatus.OK:
        return OperationalError(result.get_error_message(encoding))
    return error_from_result(result, encoding=encoding)


@cache
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with $1, $2, … for its parameters, and whose places these are."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names
