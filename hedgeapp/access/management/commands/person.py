"""Make a person, or say what roles somebody has from now on."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from hedgeapp.access.roles import ROLES


class Command(BaseCommand):
    """`manage.py person NAME [--role ROLE ...] [--off]`: the roles named are all that the person has."""

    help = "Make a person, or say what roles somebody has from now on; they come in by manage.py one_time_login."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name and the roles."""
        parser.add_argument("name")
        parser.add_argument("--role", action="append", default=[], choices=ROLES)
        parser.add_argument("--off", action="store_true", help="let the person in no more")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or change the person."""
        name: str = options["name"]
        try:
            User.username_validator(name)
        except ValidationError as error:
            raise CommandError(f"a name of letters, digits and @.+-_ expected, found {name!r}") from error
        with transaction.atomic(durable=True):
            user, _ = User.objects.get_or_create(username=name)
            user.is_active = not options["off"]
            if not user.password:
                user.set_unusable_password()
            user.save()
            user.groups.set(Group.objects.filter(name__in=options["role"]))
        said = ", ".join(options["role"]) or "no role"
        self.stdout.write(f"{name}: {said}" + ("" if user.is_active else ", switched off"))
