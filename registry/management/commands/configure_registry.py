"""Set up an environment of the registry from a template."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from registry import configure, environments, templates
from registry.serializers import ConfigSerializer

LIST = "".join(f"\n  {one.name:12} {one.title}" for one in templates.TEMPLATES.values())


class Command(commands.Command):
    help = f"""Set up an environment of the registry for a usual kind of deployment. What the template does not say
stays as it is; an environment that does not exist is made.

Templates:{LIST}

Example: manage.py configure_registry servers --environment production --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("template", choices=list(templates.TEMPLATES))
        parser.add_argument(
            "--environment", default="", metavar="NAME", help="default: IPMANAGER_ENVIRONMENT"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print what the template says, and write nothing"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the environment's settings as JSON"
        )

    def handle(self, *, template: str, environment: str, **options: Any) -> None:
        chosen, name = templates.named(template), environments.name_of(environment)
        if options["dry_run"]:
            self.stdout.write(json.dumps({"environment": name, **chosen.config}, indent=1))
            return
        try:
            config, made = configure.configure(name, chosen.config)
        except (IPManagerError, ValidationError) as error:
            raise CommandError(
                str(error) if isinstance(error, IPManagerError) else " ".join(error.messages)
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(ConfigSerializer(config).data))
            return
        self.stdout.write(f"{config.environment}: {'made' if made else 'changed'}, as {template}")
        self.stdout.write(f"exports that go with it: {', '.join(chosen.exports)}")
