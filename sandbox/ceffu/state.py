"""State of the sandbox custodian: one Prime wallet, its assets, the deposits that brought them, and what moves them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, localcontext
from pathlib import Path
from typing import Any, Final

from sandbox import staking
from sandbox.ceffu.books import Books, wallet_place
from sandbox.ceffu.keys import ServerKey, client_key, kept_once, server_key
from sandbox.ceffu.links import Venue, links_of
from sandbox.ceffu.mirror import MirrorX
from sandbox.ceffu.statuses import CONFIRMED, DELEGATION
from sandbox.ceffu.wallets import DEPOSIT, Wallets
from sandbox.ceffu.webhooks import Webhooks
from sandbox.ledger import Ledger

GENESIS_FILE: Final = "ceffu.genesis.json"
PRIME: Final = 20
REBASING: Final = "STETH"
FROZEN: Final = "ceffu frozen"
DIGITS: Final = 60
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
    linked: tuple[str, ...] = ()  # exchange accounts that the wallet is mirrored to
    order_latency_ms: int = 2_000  # from taking a mirror order to carrying it out; half of it is spent pending
    settlement_every_ms: int = 86_400_000  # 0 is never
    settlement_lasts_ms: int = 30_000
    webhook_url: str = ""  # of the receiver of deposits and withdrawals, none when empty
    webhook_retry_s: tuple[float, ...] = (30, 120, 480, 1920, 7680)  # pauses before further attempts, as published
    repeats_are_refused: bool = False  # whether a request id that says the same again is a duplicate, not an answer


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
        self.genesis_ms, self.seed = int(genesis["genesis_ms"]), int(genesis["seed"])
        self.wallet = Wallet(wallet_id=genesis["wallet_id"], name="Backing assets", kind=PRIME)
        self.place = wallet_place(self.wallet.wallet_id)
        self.deposits = [Deposit(**{**each, "amount": Decimal(each["amount"])}) for each in genesis["deposits"]]
        self.mirror: MirrorX | None = None
        self.order_latency_ms = settings.order_latency_ms
        self.rebasing = REBASING
        self._keep(Ledger(Path(":memory:")), webhook_url="")  # until it is connected to an exchange

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

    def connect(self, ledger: Ledger, venue: Venue) -> None:
        """Keep the books in the exchanges' file from here on, and mirror the wallet to the linked accounts."""
        self.books.ledger.close()
        self._keep(ledger, self.settings.webhook_url)
        self.mirror = MirrorX(self, venue, links_of(self.settings.linked, self.seed, self.genesis_ms))

    def _keep(self, ledger: Ledger, webhook_url: str) -> None:
        self.books = Books(ledger)
        self.frozen = ledger.get(FROZEN) == "true"
        self.webhooks = Webhooks(ledger, self.folder, webhook_url, self.settings.webhook_retry_s, self.clock)
        self.wallets = Wallets(self, self.books, self.webhooks)

    def freeze(self, *, frozen: bool) -> None:
        """Stop every move, or let them go on; orders that are open stay as they are meanwhile."""
        self.books.ledger.put({FROZEN: "true" if frozen else "false"})
        self.frozen = frozen

    def advance(self) -> None:
        """Let pass what time has brought."""
        if self.frozen:
            return
        self.wallets.advance(self.clock())
        if self.mirror is not None:
            self.mirror.advance(self.clock())

    def credentials(self) -> dict[str, str]:
        """Return the client's API key and secret; the server itself never reads them."""
        return client_key(self.folder)

    def assets(self) -> list[Asset]:
        """Return what the wallet holds now; staked ether grows at each rebase."""
        return [self.asset(coin) for coin in self.coins()]

    def coins(self, wallet_id: int | None = None) -> list[str]:
        """List the coins that came to a wallet, the Prime one unless another is named."""
        if wallet_id not in (None, self.wallet.wallet_id):
            return self.books.coins(wallet_place(wallet_id))
        return sorted({each.coin for each in self.deposits} | set(self.books.coins(self.place)))

    def asset(self, coin: str, wallet_id: int | None = None) -> Asset:
        """Return what a wallet holds of a coin now, the Prime one unless another is named."""
        wallet_id = wallet_id or self.wallet.wallet_id
        prime = wallet_id == self.wallet.wallet_id
        with localcontext(prec=DIGITS):
            units = self.books.held(wallet_place(wallet_id), coin)
            if prime:
                units += sum((each.amount for each in self.deposits if each.coin == coin), Decimal(0))
            amount = (units * self.growth(coin)).quantize(WEI, rounding=ROUND_DOWN)
        reserved, mirrored = self.wallets.reserved(wallet_id, coin), Decimal(0)
        if prime and self.mirror is not None:
            reserved += self.mirror.reserved(DELEGATION, coin)
            mirrored = sum((self.mirror.mirrored(each, coin) for each in self.mirror.links.values()), Decimal(0))
            amount -= mirrored if coin == self.rebasing else 0
        return Asset(coin=coin, amount=amount, available=max(Decimal(0), amount - reserved), mirrored=mirrored)

    def everything(self) -> dict[str, Decimal]:
        """Sum what all wallets hold by coin."""
        found = {asset.coin: asset.amount for asset in self.assets()}
        for sub in self.wallets.subs:
            for coin in self.coins(sub):
                found[coin] = found.get(coin, Decimal(0)) + self.asset(coin, sub).amount
        return found

    def all_deposits(self) -> list[Deposit]:
        """List the deposits that were confirmed, oldest first."""
        since = self.wallets.movements(DEPOSIT, self.wallet.wallet_id, 0, self.clock())
        return self.deposits + [
            Deposit(
                order_view_id=each.id,
                transaction=each.tx_id,
                coin=each.coin,
                network=each.network,
                amount=each.amount,
                at_ms=each.updated_ms,
            )
            for each in reversed(since)
            if each.status == CONFIRMED
        ]

    def worth(self) -> tuple[Decimal, Decimal]:
        """Return the wallet's worth in BTC and in USD, for reference only: at fixed prices."""
        prices = {coin: Decimal(price) for coin, price in self.settings.usd_prices}
        usd = sum((asset.amount * prices.get(asset.coin, Decimal(0)) for asset in self.assets()), Decimal(0))
        return usd / prices["BTC"], usd

    def units(self, coin: str, amount: Decimal) -> Decimal:
        """Return an amount of a coin in the units that the books keep."""
        with localcontext(prec=DIGITS):
            return amount / self.growth(coin)

    def growth(self, coin: str) -> Decimal:
        """Return what one unit of a coin has become since the beginning."""
        if coin != REBASING:
            return Decimal(1)
        interval = self.settings.rebase_interval_ms
        count = staking.rebases(self.genesis_ms, self.clock(), interval)
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
