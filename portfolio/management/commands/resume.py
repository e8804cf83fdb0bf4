"""Lift a halt from a terminal, by two people, or list the halts in force."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from portfolio.operations.halts import (
    ApproverIsAsker,
    HaltIsNotInForce,
    ReasonIsMalformed,
    ResumeIsAsked,
    ResumeIsNotAsked,
    approve_resume,
    ask_resume,
)
from portfolio.queries.halts import in_force

REFUSALS = (ApproverIsAsker, HaltIsNotInForce, ReasonIsMalformed, ResumeIsAsked, ResumeIsNotAsked)


class Command(BaseCommand):
    """`manage.py resume [HALT --by NAME (--reason TEXT | --approve)]`."""

    help = "Ask for the end of a halt, or approve it; without a halt, list those in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the halt, the person, and which of the two the person is."""
        parser.add_argument("halt", nargs="?", help="its name, as `manage.py resume` lists it")
        parser.add_argument("--by", help="a person who may lift halts")
        parser.add_argument("--reason", default="", help="why it should be lifted: the first of the two says it")
        parser.add_argument("--approve", action="store_true", help="be the second of the two")

    def handle(self, *args: Any, **options: Any) -> None:
        """List, ask or approve."""
        if not options["halt"]:
            self._list()
            return
        by, at = self._person(options["by"]), datetime.now(UTC)
        try:
            if options["approve"]:
                halt = approve_resume(options["halt"], by=by, at=at)
                self.stdout.write(f"{halt.halt_id}: lifted, asked by {halt.asked_by}, approved by {by}")
            else:
                halt = ask_resume(options["halt"], by=by, reason=options["reason"], at=at)
                self.stdout.write(f"{halt.halt_id}: asked by {by}; another person approves with --approve")
        except REFUSALS as refusal:
            raise CommandError(str(refusal)) from refusal

    def _list(self) -> None:
        for one in in_force():
            halt = one.halt
            state = f"took hold {halt.held_at:%H:%M:%S}" if halt.held_at else one.progress or "being carried out"
            asked = f"; resume asked by {halt.asked_by}" if halt.asked_by else ""
            self.stdout.write(f"{halt.halt_id}: {one.where} by {halt.declared_by} ({halt.reason}); {state}{asked}")

    def _person(self, name: str | None) -> str:
        person = get_user_model().objects.filter(username=name or "", is_active=True).first()
        if person is None or not person.has_perm("portfolio.lift_halt"):
            raise CommandError(f"--by with an active person who may lift halts expected, found {name!r}")
        return person.get_username()
