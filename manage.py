#!/usr/bin/env python3
"""The command line: `python manage.py help` lists every command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipmanager.settings")
    from django.core.exceptions import ImproperlyConfigured

    from core.errors import IPManagerError

    try:
        execute(sys.argv)
    except (ImproperlyConfigured, IPManagerError) as error:
        sys.exit(f"ipmanager: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def execute(arguments: list[str]) -> None:
    if arguments[1:] == ["run"]:
        from ops import supervisor

        # Loading Django would cost the supervisor 70 MiB for as long as it runs.
        sys.exit(supervisor.run())

    from django.core.management import execute_from_command_line

    execute_from_command_line(arguments)


if __name__ == "__main__":
    main()
