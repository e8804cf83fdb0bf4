"""The sandbox's oracles: what they know of the world, who signs for them, what is wrong with them in a drill."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.pyth.updates import EMITTER, EMITTER_CHAIN
from sandbox.reference import KEY_BYTES, write_private
from sandbox.signers import Signer, signers

PYTH, REDSTONE = "pyth", "redstone"
NAMES = (PYTH, REDSTONE)
SIGNERS = 5
QUORUM = 3
SET_INDEX = 1
SERVICE = "redstone-primary-prod"
KEY_FILE = "oracles.api-key.json"
SIGNERS_FILE = "oracles.{name}.signers.json"
DURATION_S_MAX = 3_600
PERCENT_MAX = 50
STALE, SILENT, FORGED, OUTLIER, HTTP = "stale", "silent", "wrong_signature", "outlier", "http"
FAULTS = {
    STALE: "the same prices of the same time again and again",
    SILENT: "no answer, no message, and the connection stays open",
    FORGED: "a stranger signs in the place of one signer",
    OUTLIER: "well signed prices that are some percent off",
    HTTP: "429 or 500 to everything",
}
STATUSES = (429, 500)
STRANGER = Signer.named("a stranger to every oracle")
FEEDS: dict[str, str] = {  # ids of the main network
    "BTC": "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43",
    "ETH": "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace",
    "USDT": "2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b",
    "USDC": "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a",
    "stETH": "846ae1bdb6300b817cee5fdee2a6da192775030db5615b94a465f53bd40850b5",
}


class DrillIsMalformed(ValueError):
    """A drill asks for what there is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with an oracle, since and until when."""

    kind: str
    since_ms: int
    until_ms: int
    percent: float = 0.0
    status: int = 500


@dataclass(slots=True, kw_only=True)
class Oracles:
    """Both oracles; `prices` gives USD by asset, `now_ms` the world's time."""

    prices: Callable[[], Mapping[str, float]]
    now_ms: Callable[[], int]
    keys: Mapping[str, list[Signer]]
    api_keys: Mapping[str, str]
    faults: dict[str, Fault] = field(default_factory=dict)
    pegs: dict[str, float] = field(default_factory=lambda: {"USDT": 0.9997, "USDC": 0.9999})

    def fault(self, name: str, kind: str) -> Fault | None:
        """Give a fault of an oracle while it lasts."""
        found = self.faults.get(name)
        return found if found and found.kind == kind and self.now_ms() < found.until_ms else None

    def clock_ms(self, name: str) -> int:
        """Give an oracle's time, which stands still while it is stale."""
        stale = self.fault(name, STALE)
        return stale.since_ms if stale else self.now_ms()

    def values(self, name: str) -> dict[str, float]:
        """Give what an oracle finds each asset to be worth."""
        outlier = self.fault(name, OUTLIER)
        factor = 1 + outlier.percent / 100 if outlier else 1.0
        return {asset: price * factor for asset, price in {**self.prices(), **self.pegs}.items()}

    def signers(self, name: str) -> list[Signer]:
        """Give an oracle's signers; in one drill a stranger takes the place of the first."""
        known = self.keys[name]
        return [STRANGER, *known[1:]] if self.fault(name, FORGED) else known

    def arm(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Make an oracle faulty, or well again with the fault "none". Raise DrillIsMalformed."""
        name, kind = str(given.get("oracle")), str(given.get("fault"))
        if name not in NAMES or kind not in (*FAULTS, "none"):
            raise DrillIsMalformed(f"expected an oracle of {NAMES} and a fault of {(*FAULTS, 'none')}, found {given}")
        if kind == "none":
            self.faults.pop(name, None)
            return {"fault": None}
        seconds, percent = _number(given, "duration_s", 60), _number(given, "percent", 3)
        status = int(_number(given, "status", STATUSES[0]))
        if not 0 < seconds <= DURATION_S_MAX or abs(percent) > PERCENT_MAX or status not in STATUSES:
            raise DrillIsMalformed(
                f"expected duration_s to {DURATION_S_MAX}, percent to {PERCENT_MAX} and a status of {STATUSES}"
            )
        now_ms = self.now_ms()
        self.faults[name] = Fault(
            kind=kind, since_ms=now_ms, until_ms=now_ms + round(seconds * 1_000), percent=percent, status=status
        )
        return {"fault": kind, "until_ms": self.faults[name].until_ms}

    def peg(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Set what a stablecoin is worth in USD: {asset, usd}. Raise DrillIsMalformed."""
        asset, usd = str(given.get("asset")), _number(given, "usd", 0)
        if asset not in self.pegs or not 0 < usd <= 2:
            raise DrillIsMalformed(
                f"expected one of {', '.join(self.pegs)} and usd above 0 and at most 2, found {given}"
            )
        self.pegs[asset] = usd
        return {"pegs": self.pegs}


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name)
    try:
        return float(default if value in (None, "") else str(value))
    except ValueError as problem:
        raise DrillIsMalformed(f"expected {name} to be a number, found {value}") from problem


def open_oracles(folder: Path, prices: Callable[[], Mapping[str, float]], now_ms: Callable[[], int]) -> Oracles:
    """Give the oracles of a folder; their keys are made when there are none yet."""
    keys = {name: signers(folder / SIGNERS_FILE.format(name=name), SIGNERS) for name in NAMES}
    path = folder / KEY_FILE
    if not path.exists():
        write_private(path, json.dumps({name: secrets.token_urlsafe(KEY_BYTES) for name in NAMES}))
    return Oracles(prices=prices, now_ms=now_ms, keys=keys, api_keys=json.loads(path.read_text()))


def describe(url: str, oracles: Oracles) -> dict[str, list[dict[str, Any]]]:
    """Give the `[[oracles]]` of the reference data for a sandbox whose HTTP root is `url`."""
    publishers = {PYTH: f"{EMITTER_CHAIN}:{EMITTER.hex()}", REDSTONE: SERVICE}
    profiles = {PYTH: "router", REDSTONE: SERVICE}
    return {
        "oracles": [
            {
                "name": name,
                "protocol": name,
                "url": f"{url}/{name}",
                "feeds": [{"asset": asset, "feed": feed if name == PYTH else asset} for asset, feed in FEEDS.items()],
                "trust": {
                    "profile": profiles[name],
                    "publisher": publishers[name],
                    "sets": [
                        {
                            "index": SET_INDEX if name == PYTH else 0,
                            "signers": [each.address for each in oracles.keys[name]],
                            "quorum": QUORUM,
                        }
                    ],
                },
            }
            for name in NAMES
        ]
    }


def credentials(oracles: Oracles) -> dict[str, dict[str, str]]:
    """Give the API keys as credentials.json holds them; oracles know no second secret."""
    return {name: {"api_key": key, "secret": key} for name, key in oracles.api_keys.items()}


def control_routes(oracles: Oracles) -> list[web.RouteDef]:
    """List the routes of the drills."""

    def doing(drill: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            try:
                given = json.loads(await request.text() or "{}")
                return web.json_response(drill(given if isinstance(given, dict) else {}))
            except ValueError as problem:  # no JSON, or a drill that there is not
                return web.json_response({"error": str(problem)}, status=400)

        return handle

    return [
        web.post("/control/oracles/fault", doing(oracles.arm)),
        web.post("/control/oracles/peg", doing(oracles.peg)),
    ]
