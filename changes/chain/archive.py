"""Lines that are pruned go into files, one for each table and day, if IPMANAGER_LOG_ARCHIVE names a
directory: gzip, a JSON object in each line, appended."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models

from changes.chain.content import columns_of, plain


def write(model: type[models.Model], lines: models.QuerySet[Any]) -> None:
    """Append the lines to the files of their days; they are on disk before this returns."""
    if not settings.LOG_ARCHIVE:
        return
    for day, texts in _by_day(model, lines).items():
        _append(Path(settings.LOG_ARCHIVE) / model._meta.db_table / f"{day}.jsonl.gz", texts)


def _by_day(model: type[models.Model], lines: models.QuerySet[Any]) -> dict[str, list[str]]:
    key = model._meta.pk.attname
    names = [key, *columns_of(model)]
    found = defaultdict(list)
    for values in lines.order_by(key).values_list(*names):
        row = dict(zip(names, values, strict=True))
        at = row.get("history_date") or row["at"]
        line = dict(zip(names, map(plain, values), strict=True))
        found[_day(at)].append(json.dumps(line, ensure_ascii=False) + "\n")
    return found


def _day(at: datetime) -> str:
    return str(at.astimezone(UTC).date())


def _append(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(gzip.compress("".join(texts).encode()))
        file.flush()
        os.fsync(file.fileno())
