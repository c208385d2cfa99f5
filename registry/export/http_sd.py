"""Targets for Prometheus (`http_sd_configs`): every TCP service, also inactive ones, so that their
silence raises an alert."""

import json

from django.utils.translation import gettext_lazy as _

from registry.export.format import JSON, Format, Options
from registry.export.validate import Entry, ValidServices, reachable, speaks_tcp


def write(services: ValidServices, options: Options) -> str:
    """A JSON list of target groups: https://prometheus.io/docs/prometheus/latest/http_sd/"""
    groups = [{"targets": [entry.socket], "labels": _labels(entry)} for entry in services.entries]
    return json.dumps(groups, indent=1) + "\n"


def _labels(entry: Entry) -> dict[str, str]:
    """Name and status are labels for relabelling only: as lasting ones, each change would start a
    new time series."""
    return {
        "service": entry.group,
        "service_id": entry.record.service_id,
        "service_type": entry.record.type,
        "environment": entry.record.environment,
        "__meta_ipmanager_service_name": entry.record.name,
        "__meta_ipmanager_status": entry.status,
    }


FORMAT = Format(
    "http_sd",
    _("targets for Prometheus"),
    "http_sd.json",
    JSON,
    write,
    (reachable, speaks_tcp),
    has_comments=False,
)
