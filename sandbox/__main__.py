"""`python -m sandbox run|describe`: serve the outside world, or write what the rest of the system is told of it."""

import argparse
import asyncio
import logging
import math
import os
import sys
from decimal import Decimal
from pathlib import Path

from sandbox.app import OFFERED, PortIsTaken, describe, run
from sandbox.collateral import RATIOS, RatiosAreMalformed, ratios_of
from sandbox.instruments import instruments
from sandbox.ledger import LedgerIsUnreadable
from sandbox.replay import NotACapture
from sandbox.world import Settings

DEFAULT_PORT = 8900
PAUSES_MAX = 20
PACES = (
    ("hand-every", 30.0, "mean seconds between the hand's trades, 0 never"),
    ("mint-every", 96.0, "mean seconds between mints or redemptions on the chain, 0 never"),
    ("funding-every", 28_800.0, "seconds between two fundings"),
    ("mirror-latency", 2.0, "seconds from taking a delegation to carrying it out"),
    ("settlement-every", 86_400.0, "seconds between two settlements of custodian and exchange, 0 never"),
    ("settlement-lasts", 30.0, "seconds in which no coin is delegated or undelegated"),
)


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (
        ("run", "serve exchanges, custodian, chain and oracles on one port"),
        ("describe", "write reference.toml and credentials.json"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("--port", type=int, default=DEFAULT_PORT)
        command.add_argument("--folder", type=Path, required=True, help="where everything durable lives")
        command.add_argument("--seed", type=int, default=1, help="of the market model and a new folder's history")
        command.add_argument(
            "--bybit",
            action="store_true",
            default=os.environ.get("SANDBOX_BYBIT", "") == "1",
            help="serve Bybit too (default: $SANDBOX_BYBIT is 1)",
        )
        command.add_argument(
            "--okx",
            action="store_true",
            default=os.environ.get("SANDBOX_OKX", "") == "1",
            help="serve OKX too (default: $SANDBOX_OKX is 1)",
        )
        command.add_argument(
            "--deribit",
            action="store_true",
            default=os.environ.get("SANDBOX_DERIBIT", "") == "1",
            help="serve Deribit too (default: $SANDBOX_DERIBIT is 1)",
        )
        command.add_argument(
            "--binance-spot",
            action="store_true",
            default=os.environ.get("SANDBOX_SPOT", "") == "1",
            help="serve Binance's spot market too (default: $SANDBOX_SPOT is 1)",
        )
    _add_model(commands.choices["run"])
    _add_accounts(commands.choices["run"])
    _add_custodian(commands.choices["run"])
    return parser


def _add_model(serve: argparse.ArgumentParser) -> None:
    """Describe what moves the markets, and how fast."""
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
    serve.add_argument(
        "--volatility",
        type=_volatility,
        default=os.environ.get("SANDBOX_VOLATILITY", "1"),
        help="of the model: 1 is as modeled, at 0 index prices and bases stay where they are"
        " (default: $SANDBOX_VOLATILITY or 1)",
    )
    for name, seconds, meaning in PACES:
        variable = f"SANDBOX_{name.replace('-', '_').upper()}"
        serve.add_argument(
            f"--{name}",
            type=float,
            default=os.environ.get(variable, str(seconds)),
            help=f"{meaning} (default: ${variable} or {seconds:g})",
        )


def _add_accounts(serve: argparse.ArgumentParser) -> None:
    """Describe what the accounts' margin rests on."""
    serve.add_argument(
        "--funding-of",
        type=_intervals,
        default={},
        help="seconds between fundings of single contracts, as ETHUSDT=14400",
    )
    serve.add_argument("--multi-assets", action="store_true", help="let all assets of a USDⓈ-M account margin together")
    serve.add_argument(
        "--collateral-ratios", type=_ratios, default=RATIOS, help="what assets count for then, as USDT=1,STETH=0.9"
    )


def _add_custodian(serve: argparse.ArgumentParser) -> None:
    """Describe to whom the custodian tells of deposits and withdrawals."""
    serve.add_argument(
        "--webhook-url",
        type=_url,
        default=os.environ.get("SANDBOX_WEBHOOK_URL", ""),
        help="receiver of the custodian's webhooks (default: $SANDBOX_WEBHOOK_URL or none)",
    )
    serve.add_argument(
        "--webhook-retry",
        type=_pauses,
        default=os.environ.get("SANDBOX_WEBHOOK_RETRY", "30,120,480,1920,7680"),
        help="seconds before each further attempt to deliver one (default: $SANDBOX_WEBHOOK_RETRY or as published)",
    )


def _url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected a URL with http:// or https://, found {text}")
    return text


def _pauses(text: str) -> tuple[float, ...]:
    parts = text.split(",") if text else []
    if len(parts) > PAUSES_MAX or not all(part.strip().replace(".", "", 1).isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"expected at most {PAUSES_MAX} numbers of seconds as 30,120, found {text}")
    return tuple(float(part) for part in parts)


def _volatility(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, 1 is as modeled, found {text}")
    return value


def _ratios(text: str) -> dict[str, Decimal]:
    try:
        return ratios_of(text)
    except RatiosAreMalformed as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem


def _intervals(text: str) -> dict[str, float]:
    symbols = {spec.symbol for spec in instruments()}
    found: dict[str, float] = {}
    for part in text.split(","):
        symbol, _, seconds = part.strip().partition("=")
        if symbol not in symbols or not seconds.isdecimal() or not int(seconds):
            raise argparse.ArgumentTypeError(
                f"expected one of {', '.join(sorted(symbols))} with whole seconds above 0, found {part.strip()}"
            )
        found[symbol] = float(seconds)
    return found


def main() -> int:
    """Run the command and give the exit status."""
    given = arguments().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        if given.command == "describe":
            offered = [venue for venue in OFFERED if getattr(given, venue.replace("-", "_"))]
            describe(given.port, given.folder, given.seed, offered)
        else:
            settings = Settings(
                folder=given.folder,
                seed=given.seed,
                hand_every_s=given.hand_every,
                funding_every_s=given.funding_every,
                funding_of_s=given.funding_of,
                mint_every_s=given.mint_every,
                mirror_latency_s=given.mirror_latency,
                settlement_every_s=given.settlement_every,
                settlement_lasts_s=given.settlement_lasts,
                webhook_url=given.webhook_url,
                webhook_retry_s=given.webhook_retry,
                multi_assets=given.multi_assets,
                collateral_ratios=given.collateral_ratios,
                replay=given.replay,
                replay_speed=given.speed,
                volatility=given.volatility,
                bybit=given.bybit,
                okx=given.okx,
                deribit=given.deribit,
                spot=given.binance_spot,
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
