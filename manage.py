#!/usr/bin/env python3
"""The operator's door: `python manage.py help` lists every command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipmanager.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from core.errors import IPManagerError

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, IPManagerError) as error:
        sys.exit(f"ipmanager: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
