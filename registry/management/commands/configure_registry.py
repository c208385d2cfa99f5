"""Set up an environment of the registry from a template."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from registry.environments import configure, lookup, templates
from registry.serializers import ConfigSerializer

LIST = "".join(f"\n  {one.name:12} {one.title}" for one in templates.TEMPLATES.values())


class Command(commands.Command):
    help = f"""Set up an environment of the registry for a common kind of deployment. Settings that
the template leaves out keep their values; an environment that does not exist is created.

Templates:{LIST}

Example: manage.py configure_registry servers --environment production --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("template", choices=list(templates.TEMPLATES))
        parser.add_argument(
            "--environment", default="", metavar="NAME", help="default: IPMANAGER_ENVIRONMENT"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print the settings, and write nothing"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the environment's settings as JSON"
        )

    def handle(self, *, template: str, environment: str, **options: Any) -> None:
        chosen, name = templates.template(template), lookup.name_or_default(environment)
        if options["dry_run"]:
            self.stdout.write(json.dumps({"environment": name, **chosen.config}, indent=1))
            return
        try:
            config, created = configure.configure(name, chosen.config)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(ConfigSerializer(config).data))
            return
        result = "created" if created else "changed"
        self.stdout.write(f"{config.environment}: {result}, as {template}")
        self.stdout.write(f"exports that go with it: {', '.join(chosen.exports)}")
