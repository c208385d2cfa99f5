"""The SQL files that are generated from the models. `python -m tests.sql_files` writes them."""

import os
from pathlib import Path

import django


def generated() -> dict[Path, str]:
    """Each generated file of every app, and what it has to hold."""
    from core.history import generate as history
    from dhcp.sql import generate as dhcp
    from ipam.sql import generate as ipam

    return ipam.files() | dhcp.files() | history.files()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipmanager.settings")
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    django.setup()
    for path, text in generated().items():
        path.write_text(text)
        print(path)
