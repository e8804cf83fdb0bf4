"""`python -m sandbox run|describe`: serve the outside world, or write what the rest of the system is told of it."""

import argparse
import asyncio
import logging
import os
import sys
from decimal import Decimal
from pathlib import Path

from sandbox.app import PortIsTaken, describe, run
from sandbox.collateral import RATIOS, RatiosAreMalformed, ratios_of
from sandbox.ledger import LedgerIsUnreadable
from sandbox.replay import NotACapture
from sandbox.world import Settings

DEFAULT_PORT = 8900


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (
        ("run", "serve exchanges, custodian and chain on one port"),
        ("describe", "write reference.toml and credentials.json"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("--port", type=int, default=DEFAULT_PORT)
        command.add_argument("--folder", type=Path, required=True, help="where everything durable lives")
        command.add_argument("--seed", type=int, default=1, help="of the market model and a new folder's history")
    serve = commands.choices["run"]
    serve.add_argument(
        "--replay",
        type=Path,
        default=os.environ.get("SANDBOX_REPLAY") or None,
        help="folder of recorded captures to replay instead of the model (default: $SANDBOX_REPLAY)",
    )
    serve.add_argument(
        "--speed",
        type=float,
        default=os.environ.get("SANDBOX_SPEED", "1"),
        help="of the replay, 1 is as recorded (default: $SANDBOX_SPEED)",
    )
    serve.add_argument("--hand-every", type=float, default=30.0, help="mean seconds between the hand's trades, 0 never")
    serve.add_argument(
        "--mint-every", type=float, default=96.0, help="mean seconds between mints or redemptions, 0 never"
    )
    serve.add_argument("--multi-assets", action="store_true", help="let all assets of a USDⓈ-M account margin together")
    serve.add_argument(
        "--collateral-ratios", type=_ratios, default=RATIOS, help="what assets count for then, as USDT=1,ETH=0.95"
    )
    serve.add_argument("--funding-every", type=float, default=28_800.0, help="seconds between two fundings")
    return parser


def _ratios(text: str) -> dict[str, Decimal]:
    try:
        return ratios_of(text)
    except RatiosAreMalformed as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem


def main() -> int:
    """Run the command and give the exit status."""
    given = arguments().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        if given.command == "describe":
            describe(given.port, given.folder, given.seed)
        else:
            settings = Settings(
                folder=given.folder,
                seed=given.seed,
                hand_every_s=given.hand_every,
                funding_every_s=given.funding_every,
                mint_every_s=given.mint_every,
                multi_assets=given.multi_assets,
                collateral_ratios=given.collateral_ratios,
                replay=given.replay,
                replay_speed=given.speed,
            )
            _loop(given.port, settings)
    except (PortIsTaken, LedgerIsUnreadable, NotACapture) as problem:
        print(f"sandbox: {problem}", file=sys.stderr)
        return 1
    return 0


def _loop(port: int, settings: Settings) -> None:
    try:
        import uvloop  # faster, but the sandbox also runs without it
    except ImportError:
        asyncio.run(run(port, settings))
    else:
        uvloop.run(run(port, settings))


if __name__ == "__main__":
    sys.exit(main())
