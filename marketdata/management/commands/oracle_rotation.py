"""Verify the message by which an oracle's signer set was replaced, and print the trust that follows; change nothing."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from marketdata.core.oracles.rotations import rotated
from marketdata.core.oracles.signatures import OracleRefused
from marketdata.projections import text_of
from marketdata.queries.catalogue import reference

QUORUMS: Final = {"routers": (1, 2), "guardians": (2, 3)}  # a set signs when more than this part of it has


class Command(BaseCommand):
    """Print what belongs into the field *trust* of an oracle after a rotation."""

    help = "Verify a rotation of an oracle's signers and print the trust that follows, for the admin (docs/oracles.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for the oracle, the signed message and who signs."""
        parser.add_argument("oracle", help="name of the oracle")
        parser.add_argument("vaa", help="the rotation's signed message, hexadecimal")
        parser.add_argument("--signed-by", choices=sorted(QUORUMS), default="routers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the trust as JSON, or say in a sentence why there is none."""
        oracle = reference().oracles.get(options["oracle"])
        if oracle is None:
            raise CommandError(f"an oracle of the reference data expected, found {options['oracle']!r}")
        try:
            blob = bytes.fromhex(options["vaa"].removeprefix("0x"))
            trust = rotated(blob, oracle.trust, datetime.now(UTC), quorum_above=QUORUMS[options["signed_by"]])
        except (OracleRefused, ValueError) as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(text_of(trust))
