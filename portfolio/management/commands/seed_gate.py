"""Write the first rules that the sandbox's moves pass, where there are none."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portfolio.operations.moves.seeding import GateFileIsUnreadable, GateIsForTheSandbox, seed_gate


class Command(BaseCommand):
    """`manage.py seed_gate GATE`."""

    help = "Write version 1 of the policy, the caps and the destinations out of a TOML file; in the sandbox only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("gate", type=Path, help="TOML file with policy, caps and destinations")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, or say in a sentence why not."""
        try:
            done = seed_gate(options["gate"], at=datetime.now(UTC))
        except (GateFileIsUnreadable, GateIsForTheSandbox) as refusal:
            raise CommandError(str(refusal)) from refusal
        for part in done:
            self.stdout.write(f"wrote version 1 of the {part}, which no two people agreed on")
        if not done:
            self.stdout.write("nothing to do: each part of the gate has a version, or one that waits")
