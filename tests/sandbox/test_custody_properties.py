"""What holds after any sequence of delegations, settlements, trades and faults: no coin is made or lost."""

import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.binance.errors import RequestRefused as VenueRefused
from sandbox.ceffu.errors import RequestRefused
from sandbox.ceffu.mirror import NothingToForget
from sandbox.ceffu.statuses import DELEGATION, OPEN, SUCCESS, UNDELEGATION
from tests.builders.collateral import Clock
from tests.sandbox.custody_world import CYCLE_MS, LATENCY_MS, SETTLING_MS, Custody
from tests.sandbox.matching_world import ALICE, BOB

accounts = st.sampled_from((ALICE, BOB))
coins = st.sampled_from(("USDT", "USDT", "ETH"))
amounts = st.sampled_from(("0.00000001", "17.5", "400", "250000", "600000"))
moves = st.tuples(st.sampled_from(("delegate", "undelegate")), amounts, coins, accounts, st.sampled_from("abcdef"))
waits = st.tuples(st.just("wait"), st.sampled_from((1, LATENCY_MS // 2, LATENCY_MS, SETTLING_MS, CYCLE_MS)))
trades = st.tuples(st.just("trade"), accounts, st.sampled_from(("BUY", "SELL")), st.integers(1, 50_000))
wins = st.tuples(st.just("win"), accounts, st.integers(1, 5_000), st.integers(1, 2_000))
settlements = st.just(("a settlement",))
prices = st.tuples(st.just("price"), st.sampled_from((0.7, 0.95, 1.05, 1.4)))
others = st.sampled_from((("freeze",), ("thaw",), ("forget",), ("remember",), ("restart",), ("settle",)))
actions = st.lists(
    st.one_of(moves, moves, waits, waits, trades, prices, wins, settlements, others), min_size=5, max_size=40
)


class Life:
    """A custodian that lives through actions and may be killed at any time."""

    def __init__(self, keys: Path, folder: Path) -> None:
        self.keys, self.folder, self.clock = keys, folder, Clock()
        self.custody = self._opened()
        self.asked: dict[str, str] = {}  # order id by what was asked for

    def _opened(self) -> Custody:
        return Custody(self.keys, self.folder / "ledger.sqlite3", self.clock)

    def act(self, action: tuple[object, ...]) -> None:
        """Do one thing."""
        custody = self.custody
        match action:
            case ("delegate" | "undelegate" as what, str(amount), str(coin), str(account), str(request_id)):
                ask = custody.delegate if what == "delegate" else custody.undelegate
                order = ask(amount, coin, account, request_id)
                key = f"{request_id} {what} {amount} {coin} {account}"
                assert self.asked.setdefault(key, order.id) == order.id
            case ("wait", int(ms)):
                custody.wait(ms)
            case ("trade", str(account), str(side), int(steps)):
                custody.bench.place(account, side, steps)
            case ("win", str(account), int(steps), int(ticks)):
                custody.win(steps, ticks, account)
            case ("a settlement",):
                custody.settle()
            case ("price", float(factor)):
                custody.bench.market.prices.index *= factor
            case ("freeze",) | ("thaw",):
                custody.custodian.freeze(frozen=action == ("freeze",))
            case ("forget",) | ("remember",):
                act = custody.mirror.forget if action == ("forget",) else custody.mirror.remember
                for order in custody.orders():
                    act(order.id)
            case ("settle",):
                if not custody.mirror.settlement.running:
                    custody.mirror.settlement.begin(self.clock.ms, self.clock.ms)
            case ("restart",):
                custody.bench.ledger.close()
                self.custody = self._opened()

    def check(self, beginning: dict[str, Decimal]) -> None:
        """Hold wallet, exchange and orders against each other."""
        custody = self.custody
        for coin, total in beginning.items():
            assert custody.everywhere(coin) == total + custody.earned(coin)
            assert custody.custodian.asset(coin).amount >= custody.custodian.asset(coin).available >= 0
            for account in (ALICE, BOB):
                assert custody.mirrored(coin, account) >= 0
        self._check_orders()

    def _check_orders(self) -> None:
        orders = self.custody.orders()
        assert len({each.id for each in orders}) == len(orders)
        requests = [each.request_id for each in orders if each.request_id]
        assert len(set(requests)) == len(requests)
        open_orders = {each.id for each in orders if each.status in OPEN and each.kind != 30}
        moving = (
            self.custody.mirror.reserved(kind, coin) for kind in (DELEGATION, UNDELEGATION) for coin in ("USDT", "ETH")
        )
        assert sum(moving) == sum(each.amount for each in orders if each.id in open_orders)
        assert set(self.asked.values()) <= {each.id for each in orders}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for the key pair, which takes long to make."""
    return tmp_path_factory.mktemp("keys")


@settings(max_examples=60, deadline=None)
@given(sequence=actions)
def test_no_sequence_creates_or_destroys_a_coin(keys: Path, sequence: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(keys, Path(folder))
        for account in (ALICE, BOB):
            life.custody.delegate("1000", account=account)
        life.custody.wait()
        beginning = {coin: life.custody.everywhere(coin) for coin in ("USDT", "ETH")}
        for action in sequence:
            with suppress(RequestRefused, VenueRefused, NothingToForget):
                life.act(action)
            life.check(beginning)
        life.custody.bench.ledger.close()


@settings(max_examples=40, deadline=None)
@given(sequence=st.lists(st.tuples(moves, st.booleans()), min_size=1, max_size=20))
def test_without_trades_wallet_and_mirror_together_never_change(
    keys: Path,
    sequence: list[tuple[tuple[object, ...], bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(keys, Path(folder))
        for action, waiting in sequence:
            with suppress(RequestRefused):
                life.act(action)
            if waiting:
                life.custody.wait()
            for coin, total in (("USDT", 1_000_000), ("ETH", 500)):
                asset = life.custody.custodian.asset(coin)
                assert asset.amount + asset.mirrored == total
        done = [each for each in life.custody.orders() if each.status == SUCCESS]
        signs = {DELEGATION: 1, UNDELEGATION: -1}
        for coin in ("USDT", "ETH"):
            moved = sum(signs[each.kind] * each.amount for each in done if each.coin == coin)
            assert life.custody.custodian.asset(coin).mirrored == moved
        life.custody.bench.ledger.close()
