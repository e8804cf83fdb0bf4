"""What the rest of the system is told of the sandbox: reference.toml and credentials.json; gate.toml is in `gate`."""

import json
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from sandbox.binance.routes import SOCKET_ROOTS
from sandbox.binance.signing import Key
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.contracts import contracts as bybit_contracts
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.contracts import contracts as deribit_contracts
from sandbox.instruments import VENUES, Spec, instruments
from sandbox.okx.contracts import OKX
from sandbox.okx.contracts import contracts as okx_contracts
from sandbox.opening import ACCOUNTS, BYBIT_ACCOUNT, COIN, DERIBIT_ACCOUNT, MAIN, OKX_ACCOUNT, accounts_of
from sandbox.spot.pairs import SPOT, SPOT_ROOT, pairs

CREDENTIALS_FILE = "credentials.json"
REFERENCE_FILE = "reference.toml"
KEYS_FILE = "exchanges.keys.json"
KEY_BYTES = 48
PASSPHRASE_BYTES = 18

ASSETS: tuple[dict[str, Any], ...] = (
    {"symbol": "ETH", "name": "Ether", "decimals": 8},
    {"symbol": "BTC", "name": "Bitcoin", "decimals": 8},
    {"symbol": "USDT", "name": "Tether USD", "decimals": 8, "assumed_usd": "1"},
    {"symbol": "USDC", "name": "USD Coin", "decimals": 8, "assumed_usd": "1"},
    {"symbol": "stETH", "name": "Lido staked ether", "decimals": 18, "underlying": "ETH"},
    {"symbol": "wstETH", "name": "Wrapped staked ether", "decimals": 18, "underlying": "ETH"},
)
BAND = "The net exposure may be so far from flat either way."
AGE = "An older value is not used and is shown as stale."
# Kind, unit (none: the currency), note, and the value of each currency.
HEDGING: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("order_size_max", "", "The delta of one order; a larger hedge is sent in clips.", {"ETH": "40", "BTC": "2"}),
    ("price_collar", "bp", "An order's price may be so far from the venue's mark.", {"ETH": "30", "BTC": "30"}),
    (
        "price_divergence_max",
        "bp",
        "A contract whose mark is further from what the others say takes no new risk.",
        {"ETH": "150", "BTC": "150"},
    ),
    ("hedge_clip_min", "", "A smaller hedge costs more than it saves.", {"ETH": "0.5", "BTC": "0.02"}),
    (
        "hedge_release",
        "ratio",
        "Of the band: a hedge aims inside of it, and is then let be.",
        {"ETH": "0.4", "BTC": "0.4"},
    ),
    ("hedge_cooldown", "s", "Marks and fills settle before the next hedge is proposed.", {"ETH": "5", "BTC": "5"}),
    ("taker_fee", "bp", "What a hedge is taken to pay until a fill shows it.", {"ETH": "5", "BTC": "5"}),
    (
        "mint_redeem_spread",
        "bp",
        "A mint pays so much less and a redemption costs so much more than their inputs.",
        {"ETH": "4", "BTC": "4", "stETH": "5", "wstETH": "5", "USDT": "1", "USDC": "1"},
    ),
    (
        "mint_redeem_size_max",
        "",
        "A larger size is not priced; an asset without this limit is not offered.",
        {"ETH": "100", "BTC": "2", "stETH": "100", "wstETH": "80", "USDT": "1000000", "USDC": "1000000"},
    ),
)
# Kind, unit, note, and the value of each account that a custodian is linked to.
MOVING: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("move_headroom_floor", "USD", "Below it collateral is delegated.", {MAIN: "3000000", COIN: "1500000"}),
    ("move_headroom_target", "USD", "What a move brings the headroom to.", {MAIN: "6000000", COIN: "3000000"}),
    ("move_headroom_ceiling", "USD", "Above it some is taken back.", {MAIN: "11000000", COIN: "30000000"}),
    ("move_clip_min", "USD", "A smaller move is not worth an approver's time.", {MAIN: "100000", COIN: "100000"}),
    ("settlement_cycle", "s", "Once a day the custodian settles with the exchange.", {MAIN: "86400", COIN: "86400"}),
    ("move_cooldown", "s", "Between two proposals of an account.", {MAIN: "300", COIN: "300"}),
)
LIMITS: tuple[dict[str, Any], ...] = (
    {
        "name": "binance-usdm main USDT settlement buffer",
        "kind": "settlement_buffer",
        "subject": f"{MAIN} USDT",
        "value": "2000000",
        "unit": "USDT",
        "note": "What losses are paid with until collateral is sold.",
    },
    *(
        {
            "name": f"{coin} price move",
            "kind": "price_move_hour",
            "subject": coin,
            "value": "500",
            "unit": "bp",
            "note": "5 % an hour, for the time to liquidation.",
        }
        for coin in ("ETH", "BTC")
    ),
    {"name": "ETH net delta", "kind": "net_delta_band", "subject": "ETH", "value": "25", "unit": "ETH", "note": BAND},
    {"name": "BTC net delta", "kind": "net_delta_band", "subject": "BTC", "value": "2", "unit": "BTC", "note": BAND},
    {
        "name": "USDT exposure",
        "kind": "net_delta_band",
        "subject": "USDT",
        "value": "40000000",
        "unit": "USDT",
        "note": "Cash, margin and the entry value of linear shorts: what a depeg would hit.",
    },
    {
        "name": "USDC exposure",
        "kind": "net_delta_band",
        "subject": "USDC",
        "value": "5000000",
        "unit": "USDC",
        "note": BAND,
    },
    *(
        {
            "name": f"{subject.replace(':', ' ')} {kind.replace('_', ' ')}",
            "kind": kind,
            "subject": subject,
            "value": value,
            "unit": unit or subject,
            "note": note,
        }
        for kind, unit, note, values in (*HEDGING, *MOVING)
        for subject, value in values.items()
    ),
    {
        "name": "unexplained",
        "kind": "unexplained_usd_max",
        "subject": "nav",
        "value": "100",
        "unit": "USD",
        "note": "More of a day's change than this has to be explained by somebody.",
    },
    *(
        {
            "name": f"{way} per block",
            "kind": f"{way}_per_block_max",
            "subject": "chain",
            "value": "100000",
            "unit": "USD",
            "note": "What the minting contract takes in one block, as it did at its launch.",
        }
        for way in ("mint", "redeem")
    ),
    {
        "name": "mark latency",
        "kind": "latency_ms_max",
        "subject": "mark",
        "value": "2000",
        "unit": "ms",
        "note": "A contract whose marks come later takes no new risk.",
    },
    *(
        {
            "name": f"{subject} age",
            "kind": "data_age_ms_max",
            "subject": subject,
            "value": str(milliseconds),
            "unit": "ms",
            "note": AGE,
        }
        for subject, milliseconds in (
            ("mark", 3_000),
            ("quote", 3_000),
            ("funding", 90_000),
            ("rate", 120_000),
            ("collateral", 120_000),
            ("balance", 120_000),
        )
    ),
)


def bybit(port: int) -> dict[str, list[dict[str, Any]]]:
    """Describe Bybit on a port, with its unified account."""
    return _listed(port, BYBIT, BYBIT_ACCOUNT.label, bybit_contracts(), is_enabled=True)


def okx(port: int) -> dict[str, list[dict[str, Any]]]:
    """Describe OKX on a port, with its trading account."""
    return _listed(port, OKX, OKX_ACCOUNT.label, okx_contracts(), is_enabled=True)


def deribit(port: int) -> dict[str, list[dict[str, Any]]]:
    """Describe Deribit on a port, with its account, and its contracts, for the venue tells nothing of their margin."""
    described = _listed(port, DERIBIT, DERIBIT_ACCOUNT.label, deribit_contracts(), is_enabled=True)
    return described | {"instruments": [_with_margin(spec) for spec in deribit_contracts()]}


def spot(port: int) -> dict[str, list[dict[str, Any]]]:
    """Describe Binance's spot market on a port: an account that nobody enables names the pairs to be followed."""
    return _listed(port, SPOT, "Pairs", pairs(), root=SPOT_ROOT)


def _with_margin(spec: Spec) -> dict[str, Any]:
    """Describe an inverse perpetual with the tiers of its margin."""
    return {
        "id": f"{spec.venue}:{spec.name}",
        "venue": spec.venue,
        "symbol": spec.name,
        "venue_symbol": spec.symbol,
        "kind": "inverse",
        "expiry": "perpetual",
        "base": spec.coin,
        "quote": spec.quote,
        "settlement": spec.margin_asset,
        "contract_size": f"{spec.contract_size:f}",
        "tick_size": f"{spec.tick_size:f}",
        "step_size": f"{spec.step_size:f}",
        "tiers": [
            {
                "floor": f"{each.floor:f}",
                "cap": f"{each.cap:f}",
                "maintenance_rate": f"{each.maintenance_rate:f}",
                "deduction": f"{each.maintenance_amount:f}",
                "leverage_max": f"{each.leverage:f}",
                "growth": f"{each.growth:f}",
            }
            for each in spec.brackets
        ],
    }


def _listed(
    port: int, venue: str, label: str, specs: Iterable[Spec], *, is_enabled: bool = False, root: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """Describe a venue on a port: an account that is not enabled only names the contracts to be followed."""
    rest, sockets = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    account = {"name": f"{venue}:main", "venue": venue, "label": label}
    return {
        "venues": [{"name": venue, "protocol": venue, "rest_url": rest, "ws_url": sockets + root}],
        "accounts": [account | {"instruments": [spec.name for spec in specs], "is_enabled": is_enabled}],
    }


def reference(port: int, parts: Iterable[Mapping[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Describe the sandbox on a port; parts are the sections of the custodian, the chain and other venues."""
    rest, sockets = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    described: dict[str, Any] = {
        "environment": "SANDBOX",
        "assets": list(ASSETS),
        "venues": [
            {"name": venue, "protocol": venue, "rest_url": rest, "ws_url": sockets + SOCKET_ROOTS[venue]}
            for venue in VENUES
        ],
        "accounts": [
            {
                "name": each.name,
                "venue": each.venue,
                "label": each.label,
                "instruments": [
                    spec.name for spec in instruments() if spec.venue == each.venue and spec.symbol in each.symbols
                ],
            }
            for each in ACCOUNTS
        ],
    }
    for part in parts:
        for name, rows in part.items():
            described[name] = [*described.get(name, []), *rows]
    described["limits"] = list(LIMITS)
    return described


def to_toml(described: Mapping[str, Any]) -> str:
    """Print plain values and lists of tables as TOML."""
    lines = [f"{name} = {_value(value)}" for name, value in described.items() if not _is_tables(value)]
    for name, value in described.items():
        if not _is_tables(value):
            continue
        for row in value:
            lines += ["", f"[[{name}]]", *(f"{key} = {_value(item)}" for key, item in row.items())]
    return "\n".join(lines) + "\n"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(str(value), ensure_ascii=False)


def exchange_keys(folder: Path, offered: Collection[str] = ()) -> list[Key]:
    """Give the API keys of a folder and the venues that were asked for, made at random when there are none yet."""
    path = folder / KEYS_FILE
    held: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    accounts = accounts_of(offered)
    missing = [each for each in accounts if each.name not in held]
    for account in missing:
        held[account.name] = {
            "api_key": secrets.token_urlsafe(KEY_BYTES),
            "secret": secrets.token_urlsafe(KEY_BYTES),
        }
        if account.venue == OKX:
            held[account.name]["passphrase"] = secrets.token_urlsafe(PASSPHRASE_BYTES)
    if missing:
        write_private(path, json.dumps(held, indent=2))
    return [
        Key(
            account=each.name,
            venue=each.venue,
            api_key=held[each.name]["api_key"],
            secret=held[each.name]["secret"],
            passphrase=held[each.name].get("passphrase", ""),
        )
        for each in accounts
    ]


def credentials(keys: Iterable[Key]) -> dict[str, dict[str, str]]:
    """Give the keys by account, as credentials.json holds them."""
    return {
        each.account: {"api_key": each.api_key, "secret": each.secret}
        | ({"passphrase": each.passphrase} if each.passphrase else {})
        for each in keys
    }


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    fresh = path.with_suffix(path.suffix + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
