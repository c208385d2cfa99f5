"""The file `written` beside dnsmasq's files: digests of what we have last begun to write there.

It tells a hand edit from a crash of our own. During a write it holds, for each file, the digest of
the new content and of the one before; once dnsmasq was made to read the new one, the former content
counts as ours no more, so that putting it back is a hand edit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from core import files
from dhcp.edits.differences import HOSTS, NAMES, OPTS
from dhcp.files.targets import Target

CONTENT = "content"  # the key for all files' content as one
Digests = Mapping[str, list[str]]


def read(target: Target) -> Digests:
    """The digests of a directory's files; empty when there is no file that we could have
    written."""
    try:
        found = json.loads(target.written.read_bytes())
        is_complete = read_file(target.applied).decode() == found[CONTENT][0]
        count = 1 if is_complete else 2
        found.setdefault(NAMES, [])  # of a version without names
        return {name: found[name][:count] for name in (CONTENT, HOSTS, OPTS, NAMES)}
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return {}


def foreign(digests: Digests, contents: Mapping[str, bytes]) -> list[str]:
    """The names of the files that we did not write like this."""
    return [name for name, data in contents.items() if not _is_ours(digests, name, data)]


def _is_ours(digests: Digests, name: str, data: bytes) -> bool:
    """Whether we wrote these bytes. Of a directory without digests nobody knows; a missing file is
    not an edit."""
    return not digests or not data or digest(data) in digests[name]


def announce(
    target: Target,
    former: Digests,
    content: bytes,
    on_disk: Mapping[str, bytes],
    after: Mapping[str, bytes],
) -> None:
    """Record what is about to be written, before it is written."""
    is_foreign = bool(foreign(former, on_disk))
    digests = {CONTENT: [digest(content)]}
    is_known = former.get(CONTENT, [])[:1] == digests[CONTENT]
    for name, data in after.items():
        digests[name] = [digest(data), digest(on_disk[name])]
        is_known = is_known and former[name][:1] == digests[name][:1]
    if is_known and not is_foreign:
        return
    files.replace(target.written, json.dumps(digests).encode())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_file(path: Path) -> bytes:
    """Its bytes; none when there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
