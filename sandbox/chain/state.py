"""State of the sandbox chain: blocks that come by the clock and what was true after each of them."""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from math import pi, sin
from pathlib import Path
from typing import Final

from sandbox import staking
from sandbox.chain import orders as drawing
from sandbox.chain.contracts import MINTING, NATIVE, NOBODY, STETH, TOKENS, USDE, USDT, WSTETH, address_of
from sandbox.chain.headers import Header, gas_of, sealed
from sandbox.chain.ledger import Ledger
from sandbox.chain.orders import Log, Order, Transfer
from sandbox.chain.store import Block, Genesis, Store

WEI: Final = 10**18
BASE_RATE: Final = 1_220_000_000_000_000_000  # stETH wei per wstETH at genesis
HOT_TARGETS: Final = {USDT.address: 150_000, WSTETH.address: 40}  # held by the minting contract for redemptions
FUEL: Final = {
    "custody": 1 * WEI,
    "minter": 10 * WEI,
    "reserve": 1 * WEI,
}  # wei at genesis; who has none left sends nothing
RESERVE: Final = {USDT.address: 900_000, WSTETH.address: 40}  # the reserve fund's at genesis
HOT_FLOORS: Final = {USDT.address: 100_000, WSTETH.address: 20}
SAFE_DEPTH: Final = 32
FINAL_DEPTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the chain behaves; those marked * are fixed by the first start of a folder."""

    chain_id: int = 31337  # *
    block_ms: int = 12_000  # *
    past_blocks: int = 600  # * blocks that exist already at the first start; their orders are small
    rebase_interval_ms: int = 86_400_000
    staking_rate_per_year: Decimal = Decimal("0.03")
    order_every_blocks: int = 8  # on average, 0 is never
    eth_usd: Decimal = Decimal(3_200)  # at which orders against wstETH are priced until a market is there
    custody_wsteth: int = 3_000  # *
    supply_usde: int = 64_700_000  # * about 1.01 of backing in the default world
    catch_up_blocks_max: int = 5_000  # built by one request after the node was off
    confirmations: int = 3  # advice to clients


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class ReorganizationTooDeep(Exception):
    """The depth is no whole number from 1 to what is not final yet."""


class Chain:
    """A node's view: everything is a function of the kept genesis, the branch and the orders taken in."""

    def __init__(self, store: Store, genesis: Genesis, settings: Settings, clock: Callable[[], int]) -> None:
        self._store, self._clock, self.genesis, self.settings = store, clock, genesis, settings
        self.custody, self.minter = address_of("custody", genesis.seed), drawing.minter(genesis.seed)
        self.reserve = address_of("reserve", genesis.seed)
        self.eth_usd: Callable[[], Decimal] = lambda: settings.eth_usd
        self._rebase_rates: dict[int, int] = {}
        self._load()

    @classmethod
    def open(
        cls,
        folder: Path,
        seed: int,
        now_ms: int,
        settings: Settings | None = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> "Chain":
        """Open the chain of a folder, made at `now_ms` from `seed` if it is new; else the kept genesis stays."""
        settings = settings or Settings()
        genesis_ms = (now_ms - settings.past_blocks * settings.block_ms) // 1_000 * 1_000
        proposed = Genesis(
            seed=seed,
            genesis_ms=genesis_ms,
            block_ms=settings.block_ms,
            chain_id=settings.chain_id,
            custody_wsteth=settings.custody_wsteth,
            supply_usde=settings.supply_usde,
        )
        folder.mkdir(parents=True, exist_ok=True)
        store = Store(folder / "chain.sqlite3")
        return cls(store, store.genesis(proposed), settings, clock)

    def close(self) -> None:
        self._store.close()

    @property
    def head(self) -> int:
        return self._head.number

    @property
    def is_behind(self) -> bool:
        """Tell whether blocks are missing that the clock has called for already."""
        return self.head < self.due()

    def due(self) -> int:
        """Return the number of the newest block that the clock calls for."""
        return max(0, (self._clock() - self.genesis.genesis_ms) // self.genesis.block_ms)

    def header(self, number: int) -> Header | None:
        """Return a block's header; None for a block that is not there."""
        block = self._store.block(number)
        if block is None:
            return None
        parent = self._store.block(number - 1) if number else None
        return self._sealed(number, block.branch, parent.hash if parent else bytes(32), self.orders_in(number))

    def number_of(self, digest: bytes) -> int | None:
        """Return the number of the block with that hash, if it is on the branch in force."""
        block = self._store.block_of(digest)
        return block.number if block else None

    def orders_in(self, number: int) -> list[Order]:
        return self._orders.get(number, [])

    def blocks_with_orders(self, first: int, last: int) -> list[int]:
        return sorted(number for number in self._orders if first <= number <= last)

    def place_of(self, transaction: str) -> tuple[int, int] | None:
        """Return the block number and the position in it of a transaction."""
        return self._places.get(transaction)

    def sent(self, address: str, number: int) -> int:
        """Return how many transactions an address had sent after the block of that number."""
        return bisect_right(self._sent.get(address, ()), number)

    def nonce_of(self, transaction: str) -> int:
        """Return how many transactions its sender had sent before one."""
        return self._nonces[transaction]

    def time_ms(self, number: int) -> int:
        return self.genesis.genesis_ms + number * self.genesis.block_ms

    def balance(self, token: str, holder: str, number: int) -> int:
        """Return a holder's balance in the token's smallest unit; stETH is kept in shares and rounds down."""
        units = self._ledger.balance(token, holder, number)
        return units * self.steth_per_token(number) // WEI if token == STETH.address else units

    def supply(self, token: str, number: int) -> int:
        units = self._ledger.supply(token, number)
        return units * self.steth_per_token(number) // WEI if token == STETH.address else units

    def steth_per_token(self, number: int) -> int:
        """Return the wei of stETH that one wstETH is worth by the protocol; it steps up at each rebase."""
        interval = self.settings.rebase_interval_ms
        count = staking.rebases(self.genesis.genesis_ms, self.time_ms(number), interval)
        if count not in self._rebase_rates:
            growth = staking.growth(self.settings.staking_rate_per_year, interval, count)
            self._rebase_rates = {count: int(BASE_RATE * growth)}
        return self._rebase_rates[count]

    def pool_rate(self, number: int) -> int:
        """Return the wei of ETH that the pool gives for one stETH: a slow wave under 1 with noise of 2 bp."""
        noise = int.from_bytes(self.salt(number)[4:8], "big") / 2**32 - 0.5
        return round((0.9990 + 0.0004 * sin(2 * pi * number / 900) + 0.0002 * noise) * 10**12) * 10**6

    def salt(self, number: int) -> bytes:
        """Return the 32 bytes that decide a block's chances on its branch."""
        block = self._store.block(number)
        return self._salt(number, block.branch if block else self._branch)

    def advance(self) -> None:
        """Build the blocks that the clock calls for, at most `catch_up_blocks_max` at once."""
        target = min(self.due(), self.head + self.settings.catch_up_blocks_max)
        if target > self.head:
            with self._store.transaction():
                self._extend(target)

    def submit(self, asset: str, amount: Decimal, kind: drawing.Kind = "mint", *, reverts: bool = False) -> Order:
        """Queue an order of `amount` whole `asset` for the next block; KeyError for an unknown asset."""
        token = drawing.token_of(asset)
        if kind == "redeem" and token.address not in HOT_FLOORS:
            raise ValueError(f"redemptions are paid in USDT or wstETH, not in {asset}")
        salt = self._submitted()
        units = int(amount * 10**token.decimals)
        order = drawing.priced(self.genesis.seed, salt, kind, token, units, self.prices()[token.address], self.custody)
        return self._queue(replace(order, reverts=reverts))

    def of_reserve(self, asset: str, amount: Decimal, kind: drawing.Kind = "draw") -> Order:
        """Queue a transfer of `amount` whole `asset` from the reserve fund to custody (`draw`), or back (`fill`)."""
        token = drawing.token_of(asset)
        units, seed = int(amount * 10**token.decimals), self.genesis.seed
        return self._queue(drawing.of_reserve(seed, self._submitted(), kind, token, units, self.custody, self.reserve))

    def _submitted(self) -> bytes:
        return self._salt(self.head, self._branch) + f"submitted{time.monotonic_ns()}".encode()

    def _queue(self, order: Order) -> Order:
        with self._store.transaction():
            self._store.add_waiting(order)
        self._waiting.append(order)
        return order

    def reorganize(self, depth: int, keep_orders: bool = True) -> tuple[Block, Block]:
        """Replace the newest `depth` blocks by others of the same height; return the old head and the new.

        Orders of the replaced blocks go into the first new one; with `keep_orders` false they never happened.
        """
        if not 1 <= depth <= min(FINAL_DEPTH, self.head):
            raise ReorganizationTooDeep(
                f"A reorganization replaces 1 to {min(FINAL_DEPTH, self.head)} blocks; {depth} were asked for."
            )
        old, first = self._head, self.head - depth + 1
        dropped = [order for number in self.blocks_with_orders(first, old.number) for order in self._orders[number]]
        with self._store.transaction():
            self._store.drop_from(first, self._branch + 1, depth)
            for order in dropped if keep_orders else []:
                self._store.add_waiting(order)
            self._load()
            self._extend(old.number)
        return old, self._head

    def _load(self) -> None:
        self._ledger, self._branch = Ledger(), self._store.branch()
        self._orders: defaultdict[int, list[Order]] = defaultdict(list)
        self._places: dict[str, tuple[int, int]] = {}
        self._sent: defaultdict[str, list[int]] = defaultdict(list)  # block of each transaction, by sender
        self._nonces: dict[str, int] = {}
        self._waiting = self._store.waiting()
        self._tide, self._turns = 1, 0
        self._ledger.apply(0, self._genesis_transfers())
        for number, order in self._store.orders():
            self._take_in(number, order)
        self._head = self._store.head() or self._first()

    def _first(self) -> Block:
        """Return block 0, which this or another process keeps now."""
        first = Block(number=0, branch=0, hash=self._sealed(0, 0, bytes(32), []).hash)
        with self._store.transaction():
            if self._store.head() is None:
                self._store.add_block(first, [])
        return self._store.head() or first

    def _extend(self, target: int) -> None:
        for number in range(self.head + 1, target + 1):
            salt = self._salt(number, self._branch)
            for order in self._waiting:
                self._refill(number, order)
                self._execute(number, order)
            if self._waiting:
                self._waiting = []
                self._store.clear_waiting()
            every = self.settings.order_every_blocks
            if every and int.from_bytes(salt[:4], "big") % every == 0:
                small = number <= self.settings.past_blocks
                prices = self.prices()
                order = drawing.drawn(self.genesis.seed, salt, self.custody, prices, tide=self._tide, small=small)
                self._refill(number, order)
                self._execute(number, order)
            orders = self._orders.get(number, [])
            header = self._sealed(number, self._branch, self._head.hash, orders)
            self._head = Block(number=number, branch=self._branch, hash=header.hash)
            self._store.add_block(self._head, orders)

    def _execute(self, number: int, order: Order) -> None:
        moved = [*drawing.transfers(order), self._fee(number, order)]
        spent = [transfer for transfer in moved if transfer.sender != NOBODY]
        if all(self._ledger.balance(each.token, each.sender, number) >= each.amount for each in spent):
            self._take_in(number, order)

    def _refill(self, number: int, order: Order) -> None:
        """Bring collateral from custody to the minting contract before a redemption that would leave it too little."""
        token = TOKENS[order.collateral]
        if order.kind != "redeem" or token.address not in HOT_FLOORS:
            return
        hot = self._ledger.balance(token.address, MINTING.lower(), number) - order.collateral_amount
        if hot < token.units(HOT_FLOORS[token.address]):
            amount = token.units(HOT_TARGETS[token.address]) - hot
            salt = order.transaction.encode()
            self._execute(number, drawing.refill(self.genesis.seed, salt, token, amount, self.custody))

    def _take_in(self, number: int, order: Order) -> None:
        self._ledger.apply(number, [*drawing.transfers(order), self._fee(number, order)])
        self._nonces[order.transaction] = len(self._sent[order.sender])
        self._sent[order.sender].append(number)
        self._places[order.transaction] = (number, len(self._orders[number]))
        self._orders[number].append(order)
        self._turn_tide(number)

    def _fee(self, number: int, order: Order) -> Transfer:
        """Return what the sender of a transaction pays for its gas."""
        fee = gas_of(self.salt(number))
        return Transfer(token=NATIVE.lower(), sender=order.sender, receiver=NOBODY, amount=fee)

    def _turn_tide(self, number: int) -> None:
        """Let redemptions follow when much more was minted against wstETH than redeemed, and the other way round."""
        held = sum(self._ledger.balance(WSTETH.address, holder, number) for holder in (self.custody, MINTING.lower()))
        moved = held - WSTETH.units(self.genesis.custody_wsteth)
        if moved * self._tide > drawing.tide_turns_at(self.genesis.seed, self._turns):
            self._tide, self._turns = -self._tide, self._turns + 1

    def _sealed(self, number: int, branch: int, parent: bytes, orders: list[Order]) -> Header:
        logs: list[Log] = [log for order in orders for log in drawing.logs(order)]
        transactions = [order.transaction for order in orders]
        return sealed(number, self.time_ms(number) // 1_000, parent, self._salt(number, branch), transactions, logs)

    def _salt(self, number: int, branch: int) -> bytes:
        kept = self.genesis
        return blake2b(f"{kept.seed}:{kept.genesis_ms}:{number}:{branch}".encode(), digest_size=32).digest()

    def prices(self) -> dict[str, Decimal]:
        """Return the USDe that people pay for each token, by its address."""
        eth = self.eth_usd()
        wrapped = eth * self.steth_per_token(self.head) / WEI
        return {USDT.address: Decimal(1), STETH.address: eth, WSTETH.address: wrapped, USDE.address: Decimal(1)}

    def _genesis_transfers(self) -> list[Transfer]:
        """Return what was there before block 0; `market` stands for everybody else."""
        seed, kept = self.genesis.seed, self.genesis
        market = address_of("market", seed)
        held = [
            (WSTETH.address, self.custody, WSTETH.units(kept.custody_wsteth)),
            (WSTETH.address, market, WSTETH.units(3_800_000)),
            (STETH.address, WSTETH.address, WSTETH.units(3_803_000)),
            (STETH.address, market, STETH.units(3_600_000)),
            (USDT.address, MINTING.lower(), USDT.units(HOT_TARGETS[USDT.address])),
            (USDT.address, market, USDT.units(80_000_000_000)),
            (USDT.address, self.reserve, USDT.units(RESERVE[USDT.address])),
            (WSTETH.address, self.reserve, WSTETH.units(RESERVE[WSTETH.address])),
            (NATIVE.lower(), self.custody, FUEL["custody"]),
            (NATIVE.lower(), self.minter, FUEL["minter"]),
            (NATIVE.lower(), self.reserve, FUEL["reserve"]),
        ]
        share = USDE.units(kept.supply_usde) // drawing.BENEFACTORS
        for index in range(drawing.BENEFACTORS):
            payer = drawing.benefactor(seed, index)
            held += [
                (USDE.address, payer, share),
                (USDT.address, payer, USDT.units(1_000_000_000)),
                (WSTETH.address, payer, WSTETH.units(100_000)),
            ]
        return [Transfer(token=token, sender=NOBODY, receiver=to, amount=amount) for token, to, amount in held]
