"""Targets for Prometheus (`http_sd_configs`): every TCP service, inactive ones too, so that their
silence alerts."""

import json
from collections.abc import Sequence

from registry.export.text import Export, Options
from registry.export.validate import Entry, not_tcp, sift, unreachable
from registry.records import ServiceRecord


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """A JSON list of target groups: https://prometheus.io/docs/prometheus/latest/http_sd/"""
    sifted = sift(records, unreachable, not_tcp)
    groups = [{"targets": [entry.socket], "labels": _labels(entry)} for entry in sifted.entries]
    return Export(json.dumps(groups, indent=1).encode("ascii") + b"\n", tuple(sifted.left_out))


def _labels(entry: Entry) -> dict[str, str]:
    """The status only as a label for relabelling: as a lasting one, every change of it would begin
    a new series."""
    return {
        "service": entry.group,
        "service_id": entry.record.service_id,
        "service_type": entry.record.type,
        "environment": entry.record.environment,
        "__meta_ipmanager_service_name": entry.record.name,
        "__meta_ipmanager_status": entry.status,
    }
