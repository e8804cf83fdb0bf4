"""The exchanges as one running world: markets that move, accounts that live, everything that survives kill -9."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random

from sandbox.accounts import Accounts
from sandbox.binance.exchange import Exchange
from sandbox.binance.player import BookPlayer
from sandbox.binance.signing import Key, Keys
from sandbox.book import Book
from sandbox.booking import LIQUIDATED
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.contracts import contracts as bybit_contracts
from sandbox.bybit.exchange import Bybit
from sandbox.ceffu import Ceffu
from sandbox.collateral import RATIOS, CrossMargin
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.contracts import contracts as deribit_contracts
from sandbox.deribit.exchange import Deribit
from sandbox.faults import Faults
from sandbox.hand import Hand
from sandbox.instruments import VENUES, Spec, instruments
from sandbox.ledger import Ledger, Numbers
from sandbox.liquidation import InsuranceFund, Liquidation
from sandbox.listed import Listed
from sandbox.market import Market, Prices
from sandbox.matching.engine import Engine
from sandbox.mirroring import Mirroring
from sandbox.model import START_PRICE_USD, STEP_MS, STEPS_PER_SECOND, IndexWalk, Maker
from sandbox.okx.contracts import OKX
from sandbox.okx.contracts import contracts as okx_contracts
from sandbox.okx.exchange import Okx
from sandbox.opening import MIRRORED, accounts_of, join, open_book
from sandbox.player import Reel, TapePlayer, Track
from sandbox.replay import captures
from sandbox.spot.exchange import Spot

log = logging.getLogger(__name__)

LEDGER_FILE = "exchanges.sqlite3"
BEHIND_STEPS_MAX = 50  # farther behind the clock, the model lets time pass without living through it
MISSED_FUNDINGS_MAX = 30
UPDATE_IDS_BLOCK = 50_000_000  # a recording played fast passes over millions of them a second
FIRST_UPDATE_ID = 5_200_000_000_000
FIRST_TRADE_ID = 4_400_000_000
FIRST_AGGREGATE_ID = 1_900_000_000
FIRST_ORDER_ID = 8_389_765_000_000
FIRST_INCOME_ID = 260_000_000_000
IDS_BLOCK = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a world runs."""

    folder: Path
    seed: int = 1
    hand_every_s: float = 30.0  # mean time between the hand's trades, 0 is never
    funding_every_s: float = 28_800.0
    funding_of_s: Mapping[str, float] = field(default_factory=dict)  # the interval of single contracts by symbol
    mint_every_s: float = 96.0  # mean time between two mints or redemptions on the chain, 0 is never
    multi_assets: bool = False  # whether all assets of a USDⓈ-M account margin together, until it is told otherwise
    collateral_ratios: Mapping[str, Decimal] = field(default_factory=lambda: dict(RATIOS))
    replay: Path | None = None
    replay_speed: float = 1.0
    mirror_links: tuple[str, ...] = MIRRORED  # accounts that the custodian's wallet is linked to
    mirror_latency_s: float = 2.0  # from taking a delegation to carrying it out
    settlement_every_s: float = 86_400.0  # 0 is never
    settlement_lasts_s: float = 30.0
    webhook_url: str = ""  # of the receiver of deposits and withdrawals, none when empty
    webhook_retry_s: tuple[float, ...] = (30, 120, 480, 1920, 7680)
    bybit: bool = False  # whether Bybit is there too
    okx: bool = False  # whether OKX is there too
    deribit: bool = False  # whether Deribit is there too
    spot: bool = False  # whether Binance's spot market is there too
    volatility: float = 1.0  # of the model: 1 is as modeled, at 0 index prices and bases stay where they are

    @property
    def offered(self) -> tuple[str, ...]:
        """Name the venues that are there because they were asked for."""
        asked = ((BYBIT, self.bybit), (OKX, self.okx), (DERIBIT, self.deribit))
        return tuple(venue for venue, is_there in asked if is_there)


@dataclass(slots=True, kw_only=True)
class Pace:
    """How far the world is and how busy it was."""

    step: int = 0
    second: int = 0
    sent: dict[tuple[str, str, str], int] = field(default_factory=dict)
    rates: dict[tuple[str, str, str], int] = field(default_factory=dict)


class World:
    """Every market and account; `run` lets time pass."""

    def __init__(self, settings: Settings, keys: Sequence[Key], collateral: Callable[[], dict[str, Decimal]]) -> None:
        self.settings = settings
        self.collateral = collateral
        self.ledger = Ledger(settings.folder / LEDGER_FILE)
        self.pace = Pace()
        self.faults = Faults()
        specs = [*instruments(), *(bybit_contracts() if settings.bybit else ())]
        specs += okx_contracts() if settings.okx else ()
        specs += deribit_contracts() if settings.deribit else ()
        self.reel = Reel(captures(settings.replay, specs), speed=settings.replay_speed) if settings.replay else None
        saved = json.loads(self.ledger.get("markets") or "{}")
        self.walks = {coin: self._walk(coin, saved) for coin in START_PRICE_USD}
        self._update_ids: dict[tuple[str, str], Numbers] = {}
        self.markets = {(spec.venue, spec.symbol): self._market(spec, saved) for spec in specs}
        recorded = self.reel.captures if self.reel else {}
        self.makers = [self._maker(market) for name, market in self.markets.items() if name not in recorded]
        self.accounts = Accounts(
            accounts_of(settings.offered),
            self.markets,
            self.ledger,
            order_ids=self._numbers("orders", FIRST_ORDER_ID, IDS_BLOCK),
            income_ids=self._numbers("incomes", FIRST_INCOME_ID, IDS_BLOCK),
            tell=self._tell,
        )
        self.engine = Engine(self.accounts, self.now_ms)
        self.cross = CrossMargin(
            self.accounts, self.engine.orders, settings.collateral_ratios, joint=settings.multi_assets
        )
        self.engine.available = self.cross.free
        self.liquidation = Liquidation(self.engine, self.cross, InsuranceFund(self.ledger))
        all_keys = Keys(list(keys))
        self.exchanges = {venue: self._exchange(venue, all_keys) for venue in VENUES}
        self.bybit = Bybit(self._of(BYBIT), self.liquidation, all_keys, self.faults) if settings.bybit else None
        self.okx = Okx(self._of(OKX), self.liquidation, all_keys, self.faults) if settings.okx else None
        self.deribit = Deribit(self._of(DERIBIT), self.liquidation, all_keys, self.faults) if settings.deribit else None
        self.staked_rate: Callable[[], float] = lambda: 0.999  # ETH for one stETH, by the pool once the chain tells it
        self.spot = self._spot(all_keys) if settings.spot else None
        listed = (self.bybit, self.okx, self.deribit, self.spot)
        self.listed: dict[str, Listed] = {each.venue: each for each in listed if each}
        self.traded: dict[str, Exchange | Bybit | Okx | Deribit] = {
            **self.exchanges,
            **{each.venue: each for each in (self.bybit, self.okx, self.deribit) if each},
        }
        self._set_clock()
        for name, capture in recorded.items():
            self._follow(Track(capture), *name)
        self._open()
        self.engine.restore()
        self.custodian: Ceffu | None = None
        self.hand = Hand(self.engine, self._random("hand"), settings.hand_every_s)

    def connect(self, custodian: Ceffu) -> None:
        """Let a custodian mirror its coins to the accounts, and keep its books in the same file as theirs."""
        custodian.connect(self.ledger, Mirroring(self.accounts, self.cross))
        self.custodian = custodian

    @property
    def venues(self) -> list[Exchange | Listed]:
        """List every venue, those with accounts first."""
        return [*self.exchanges.values(), *self.listed.values()]

    def _random(self, name: str) -> Random:
        """Give a generator of its own to each part, so that none disturbs another."""
        return Random(f"{self.settings.seed}:{name}:{self.ledger.get('starts') or 0}")

    def _numbers(self, name: str, first: int, block: int) -> Numbers:
        return Numbers(self.ledger, name, first=first, block=block)

    def _walk(self, coin: str, saved: dict[str, dict[str, float]]) -> IndexWalk:
        price = saved.get("index", {}).get(coin, START_PRICE_USD[coin])
        if self.reel:
            price = self.reel.index(coin) or price
        return IndexWalk(coin, price, self._random(f"index {coin}"), self.settings.volatility)

    def _market(self, spec: Spec, saved: dict[str, dict[str, dict[str, float]]]) -> Market:
        name = f"{spec.venue}:{spec.symbol}"
        basis = spec.basis_bp / 10_000
        index = self.walks[spec.coin].price
        prices = Prices(index=index, basis=basis, premium=basis)
        if name in saved.get("prices", {}):
            prices = Prices(**saved["prices"][name])  # type: ignore[arg-type]  # JSON keeps int and float apart
        numbers = self._numbers(f"{name} updates", FIRST_UPDATE_ID, UPDATE_IDS_BLOCK)
        self._update_ids[spec.venue, spec.symbol] = numbers
        return Market(
            spec,
            Book(numbers.next),
            prices,
            trade_ids=self._numbers(f"{name} trades", FIRST_TRADE_ID, IDS_BLOCK),
            aggregate_ids=self._numbers(f"{name} aggregates", FIRST_AGGREGATE_ID, IDS_BLOCK),
            funding_ms=max(1000, round(self._funding_s(spec) * 1000)),
        )

    def _funding_s(self, spec: Spec) -> float:
        return self.settings.funding_of_s.get(spec.symbol, self.settings.funding_every_s)

    def _maker(self, market: Market) -> Maker:
        random = self._random(f"maker {market.spec.venue}:{market.spec.symbol}")
        maker = Maker(market, random, self.settings.volatility)
        maker.open()
        return maker

    def _follow(self, track: Track, venue: str, symbol: str) -> None:
        assert self.reel is not None
        market, exchange = self.markets[venue, symbol], self.exchanges.get(venue)
        self.reel.players.append(
            BookPlayer(track, market, exchange.publishers[symbol]) if exchange else TapePlayer(track, market)
        )

    def _exchange(self, venue: str, keys: Keys) -> Exchange:
        return Exchange(venue, self._of(venue), self.liquidation, keys, self.faults)

    def _spot(self, keys: Keys) -> Spot:
        def prices() -> dict[str, float]:
            return {"ETHUSDT": self.walks["ETH"].price, "STETHETH": self.staked_rate()}

        made = Spot(prices, self._numbers, self._random, keys, self.faults, self.settings.volatility)
        players = made.open(self.reel.spots if self.reel else ())
        if self.reel:
            self.reel.players += players
        return made

    def _of(self, venue: str) -> list[Market]:
        return [market for (name, _), market in self.markets.items() if name == venue]

    def _open(self) -> None:
        """Write the accounts' past in a new folder; pay what became due while an old one was down."""
        starts = int(self.ledger.get("starts") or 0)
        now_ms = self.now_ms()
        if not starts:
            funding_ms = next(iter(self.markets.values())).funding_ms
            past = max(funding_ms, 8 * 3_600_000)
            open_book(self.accounts, self.collateral(), now_ms=now_ms, funding_ms=past, rng=self._random("opening"))
        else:
            for account in self.accounts.accounts:
                if not self.accounts.ledger.incomes(account, None, "1 = 1", (), 1):
                    join(self.accounts, account, now_ms)
        self.ledger.put({"starts": str(starts + 1)})
        for (venue, symbol), market in self.markets.items():
            market.prices.last_funding_ms = self.ledger.last_funding_ms(venue, symbol) or now_ms
        self._save()
        self._pay_due_funding()

    @staticmethod
    def now_ms() -> int:
        """Give the world's time."""
        return time.time_ns() // 1_000_000

    def _set_clock(self) -> None:
        now_ms = self.now_ms()
        for market in self.markets.values():
            market.now_ms = now_ms

    def _tell(self, venue: str, account: str, kind: str, text: str) -> None:
        self.traded[venue].hub.tell(account, kind, text)

    async def run(self) -> None:
        """Let time pass, step by step, until cancelled."""
        begun, done = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - begun) * 1000 / STEP_MS)
            if due - done > BEHIND_STEPS_MAX:
                log.warning("the model was %s steps behind the clock and skips them", due - done)
                done = due - 1
            while done < due:
                done += 1
                self.step()
            await asyncio.sleep(STEP_MS / 1000)

    def step(self) -> None:
        """Live through one step of every market."""
        self._set_clock()
        pace = self.pace
        pace.step += 1
        self._move()
        for exchange in self.exchanges.values():
            for publisher in exchange.publishers.values():
                publisher.step()
        for listed in self.listed.values():
            listed.step()
        if pace.step % STEPS_PER_SECOND == 0:
            self._second()

    def _move(self) -> None:
        """Move the index prices, then every book: the recorded ones by the reel, the others by their makers."""
        if self.reel and self.reel.play(self.now_ms()):
            for exchange in self.exchanges.values():
                exchange.hub.drop_all("the recording begins anew", private=False)
        for coin, walk in self.walks.items():
            recorded = self.reel.index(coin) if self.reel else None
            if recorded is None:
                walk.step()
            else:
                walk.price = recorded
        for maker in self.makers:
            maker.market.prices.index = self.walks[maker.market.spec.coin].price
            maker.step()

    def _second(self) -> None:
        self.pace.second += 1
        for market in self.markets.values():
            market.second(self.walks[market.spec.coin].price)
        for exchange in self.exchanges.values():
            exchange.second(self.pace.second)
        for listed in self.listed.values():
            listed.second(self.pace.second)
        now_ms = self.now_ms()
        self._pay_due_funding()
        if self.custodian is not None:
            self.custodian.advance()
        for order in self.liquidation.second(now_ms):
            if order.client_id.startswith(LIQUIDATED):
                self.traded[self.accounts.accounts[order.account].venue].publishers[order.symbol].forced(order)
        self.hand.second(now_ms)
        self._save()
        self._count()

    def _pay_due_funding(self) -> None:
        """Pay each funding whose time has come, oldest first, at most MISSED_FUNDINGS_MAX of them."""
        now_ms = self.now_ms()
        for market in self.markets.values():
            length = market.funding_ms
            due = range((market.prices.last_funding_ms // length + 1) * length, now_ms + 1, length)
            for at_ms in due[-MISSED_FUNDINGS_MAX:]:
                self.accounts.pay_funding(market, at_ms, rate=market.settle_funding(at_ms), mark=market.mark)

    def _save(self) -> None:
        """Remember what a restart continues from."""
        for name, numbers in self._update_ids.items():
            numbers.cover(self.markets[name].book.update_id)
        state = {
            "index": {coin: walk.price for coin, walk in self.walks.items()},
            "prices": {f"{venue}:{symbol}": market.saved() for (venue, symbol), market in self.markets.items()},
        }
        self.ledger.put({"markets": json.dumps(state)})

    def _count(self) -> None:
        """Work out the messages of the last second per stream."""
        hubs = [each.hub for each in self.venues]
        sent = {(hub.venue, *key): count for hub in hubs for key, count in hub.sent.items()}
        self.pace.rates = {key: count - self.pace.sent.get(key, 0) for key, count in sent.items()}
        self.pace.sent = sent

    def close(self) -> None:
        """Remember the world and close its files."""
        self._save()
        self.ledger.close()
