"""State of the sandbox custodian: one Prime wallet, its assets, and the deposits that brought them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Final

from sandbox import staking
from sandbox.ceffu.keys import ServerKey, client_key, kept_once, server_key

GENESIS_FILE: Final = "ceffu.genesis.json"
PRIME: Final = 20
REBASING: Final = "STETH"
WEI: Final = Decimal("1e-18")
DEPOSITED_BEFORE_MS: Final = 3_600_000  # the genesis deposits came in this long before the first start


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the custodian behaves; `holdings` count only at the first start of a folder."""

    holdings: tuple[tuple[str, str, str], ...] = (
        ("STETH", "ETH", "5000"),  # coin, network, amount
        ("BTC", "BTC", "110"),
        ("USDT", "ETH", "1500000"),
    )
    rebase_interval_ms: int = 86_400_000
    staking_rate_per_year: Decimal = Decimal("0.03")
    timestamp_window_ms: int = 30_000  # a request's timestamp may differ from the clock by this much
    requests_per_second_max: int = 100
    usd_prices: tuple[tuple[str, str], ...] = (("STETH", "3200"), ("BTC", "96000"), ("USDT", "1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A wallet; its id has 18 digits, more than a JSON number carries safely in some languages."""

    wallet_id: int
    name: str
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A deposit that was confirmed at `at_ms`."""

    order_view_id: str
    transaction: str
    coin: str
    network: str
    amount: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """What a wallet holds of one coin: `amount` is all of it, `available` may leave, `mirrored` is at an exchange."""

    coin: str
    amount: Decimal
    available: Decimal
    mirrored: Decimal = Decimal(0)


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Ceffu:
    """The custodian's books: a function of the kept genesis and the clock; it knows only public keys."""

    def __init__(
        self, folder: Path, key: ServerKey, genesis: dict[str, Any], settings: Settings, clock: Callable[[], int]
    ) -> None:
        self.folder, self.key, self.settings, self.clock = folder, key, settings, clock
        self._genesis_ms = int(genesis["genesis_ms"])
        self.wallet = Wallet(wallet_id=genesis["wallet_id"], name="Backing assets", kind=PRIME)
        self.deposits = [Deposit(**{**each, "amount": Decimal(each["amount"])}) for each in genesis["deposits"]]

    @classmethod
    def open(
        cls,
        folder: Path,
        seed: int,
        now_ms: int,
        settings: Settings | None = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> "Ceffu":
        """Open the custodian of a folder, made at `now_ms` from `seed` if it is new; else the kept genesis stays."""
        settings = settings or Settings()
        genesis = kept_once(folder / GENESIS_FILE, lambda: _genesis(seed, now_ms, settings))
        return cls(folder, server_key(folder), genesis, settings, clock)

    def credentials(self) -> dict[str, str]:
        """Return the client's API key and secret; the server itself never reads them."""
        return client_key(self.folder)

    def assets(self) -> list[Asset]:
        """Return what the wallet holds now; staked ether grows at each rebase."""
        totals: dict[str, Decimal] = {}
        for deposit in self.deposits:
            totals[deposit.coin] = totals.get(deposit.coin, Decimal(0)) + deposit.amount * self._growth(deposit)
        return [
            Asset(coin=coin, amount=held, available=held)
            for coin, total in sorted(totals.items())
            for held in [total.quantize(WEI, rounding=ROUND_DOWN)]
        ]

    def worth(self) -> tuple[Decimal, Decimal]:
        """Return the wallet's worth in BTC and in USD, for reference only: at fixed prices."""
        prices = {coin: Decimal(price) for coin, price in self.settings.usd_prices}
        usd = sum((asset.amount * prices.get(asset.coin, Decimal(0)) for asset in self.assets()), Decimal(0))
        return usd / prices["BTC"], usd

    def _growth(self, deposit: Deposit) -> Decimal:
        if deposit.coin != REBASING:
            return Decimal(1)
        interval = self.settings.rebase_interval_ms
        count = staking.rebases(self._genesis_ms, self.clock(), interval)
        return staking.growth(self.settings.staking_rate_per_year, interval, count)


def _genesis(seed: int, now_ms: int, settings: Settings) -> dict[str, Any]:
    dice = random.Random(f"ceffu:{seed}")
    deposits = [
        {
            "order_view_id": str(dice.randrange(10**17, 10**18)),
            "transaction": f"0x{dice.getrandbits(256):064x}",
            "coin": coin,
            "network": network,
            "amount": amount,
            "at_ms": now_ms - DEPOSITED_BEFORE_MS,
        }
        for coin, network, amount in settings.holdings
    ]
    return {"seed": seed, "genesis_ms": now_ms, "wallet_id": dice.randrange(10**17, 10**18), "deposits": deposits}
