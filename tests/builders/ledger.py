"""A small world that keeps its own accounts: each fact is told to the book, and what it changes is stated after it.

The venue's wallet, the custodian's holding and the supply are reckoned here, apart from what is tested.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from hedgeapp.core.amounts import ONE, ZERO, Purse
from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.anchors import RebaseTaken
from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.collateral import (
    CollateralStated,
    CustodyFlowSeen,
    GasPaid,
    MintSeen,
    RedeemSeen,
    SupplyStated,
)
from hedgeapp.core.events.debts import InterestCharged
from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded
from portfolio.core.book import Book
from portfolio.core.stands import Stand, stand
from portfolio.core.tally import Tally
from reconciliation.core.ours import booked
from tests.builders.books import AT, COINM, INVERSE, LINEAR, USDM, D, fill, mark, marks_of, reference

SETTLES = {USDM: "USDT", COINM: "ETH"}
STAKED = D("1.2")  # ether per wstETH
START = {(USDM, "USDT"): D(100_000), (COINM, "ETH"): D(50)}


class Ledger:
    """A book that is told facts, and the truth that venues, custodian and chain would state."""

    def __init__(self) -> None:
        self.book = Book()
        self.log: list[Recorded] = []
        self.tally = Tally()
        self.at = AT
        self.held = Purse()
        self.supply = D(1_000_000)
        self._trade = 0
        for account in (USDM, COINM):
            self.told(FeedStateChanged(at=AT, feed=f"account:{account}", state="live", reason="read"))
        self.told(FeedStateChanged(at=AT, feed="custodian:ceffu", state="live", reason="read"), *reference())
        self.held.add("wstETH", D(400))
        self.held.add("stETH", D(100))

    def told(self, *events: Event) -> None:
        """Let the log take events."""
        for event in events:
            recorded = Recorded(seq=self.book.seq + 1, recorded_at=self.at, event=event)
            self.log.append(recorded)
            self.tally.take(recorded, self.book)

    def priced(
        self,
        eth: Decimal,
        marks: Iterable[Decimal] = (),
        *,
        tether: Decimal = ONE,
        rate: Decimal = STAKED,
        market: Decimal = ONE,
    ) -> None:
        """Let the log take marks: of ETH in USD, of both contracts, of the stablecoin, and of staked ether.

        `rate` is the protocol's of wstETH, `market` what the market pays of each protocol's rate.
        """
        linear, inverse = tuple(marks) or (eth, eth)
        seen = marks_of(
            *(mark(LINEAR, kind, linear, self.at) for kind in ("mark", "index")),
            *(mark(INVERSE, kind, inverse, self.at) for kind in ("mark", "index")),
            mark("USDT", "usd", tether, self.at),
            mark("ETH", "usd", eth, self.at),
            mark("BTC", "usd", "60000", self.at),
            mark("wstETH", "protocol_rate", rate, self.at),
            mark("wstETH", "market_rate", rate * market, self.at),
            mark("stETH", "protocol_rate", "1", self.at),
            mark("stETH", "market_rate", market, self.at),
        )
        self.told(MarksTaken(at=self.at, marks=tuple(seen.values())))

    def later(self, seconds: float = 1.0) -> datetime:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        return self.at

    def traded(
        self, side: Literal["buy", "sell"], quantity: Decimal, price: Decimal, name: str = LINEAR, fee: str = "0.5"
    ) -> FillRecorded:
        """Return the next fill; it is not told yet."""
        self._trade += 1
        asset = "USDT" if name == LINEAR else "ETH"
        return fill(
            side, quantity, price, trade_id=str(self._trade), at=self.later(), instrument=name, fee=fee, fee_asset=asset
        )

    def funded(self, amount: Decimal, name: str = LINEAR) -> None:
        """Let an account be paid funding."""
        account, asset = (USDM, "USDT") if name == LINEAR else (COINM, "ETH")
        at = self.later()
        payment = FundingPaid(
            at=at, account=account, instrument=name, payment_id=str(self.book.seq), amount=amount, asset=asset
        )
        self.told(payment)

    def charged(self, account: str, amount: Decimal) -> None:
        """Let a venue take interest (below 0) out of an account's wallet."""
        at = self.later()
        charge = str(self.book.seq)
        self.told(InterestCharged(at=at, account=account, charge_id=charge, amount=amount, asset=SETTLES[account]))

    def moved(self, account: str, amount: Decimal) -> None:
        """Let an account's own ledger show a transfer from outside."""
        asset = SETTLES[account]
        at = self.later()
        self.told(TransferSeen(at=at, account=account, transfer_id=str(self.book.seq), amount=amount, asset=asset))

    def deposited(self, asset: str, amount: Decimal, fee: Decimal = ZERO) -> None:
        """Let the custodian take coins in; what he keeps of them is his fee."""
        self.held.add(asset, amount)
        flow = CustodyFlowSeen(
            at=self.later(), custodian="ceffu", order_id=str(self.book.seq), direction="deposit", wallet="w1",
            asset=asset, amount=amount, fee=fee, fee_asset=asset, network="ETH", transaction="", address="",
        )  # fmt: skip
        self.told(flow)

    def rebased(self, amount: Decimal) -> None:
        """Let staked ether grow."""
        self.held.add("stETH", amount)
        grown = RebaseTaken(at=self.later(), custodian="ceffu", wallet="w1", asset="stETH", amount=amount, most=amount)
        self.told(grown)

    def burned(self, amount: Decimal) -> None:
        """Let a transaction of ours be paid for with the chain's own coin."""
        self.held.add("ETH", -amount)
        paid = GasPaid(
            at=self.later(), chain="ethereum", transaction=f"0x{self.book.seq}", block=self.book.seq, wallet="0x1",
            asset="ETH", amount=amount, is_failed=False,
        )  # fmt: skip
        self.told(paid)

    def minted(self, collateral: Decimal, synthetic: Decimal, kind: type[MintSeen] | type[RedeemSeen]) -> None:
        """Let somebody mint or redeem against wstETH."""
        sign = 1 if kind is MintSeen else -1
        self.held.add("wstETH", sign * collateral)
        self.supply += sign * synthetic
        order = kind(
            at=self.later(), chain="ethereum", transaction=f"0x{self.book.seq}", log_index=0, block=self.book.seq,
            order_hash="", benefactor="", beneficiary="", collateral_asset="wstETH", collateral_amount=collateral,
            synthetic_amount=synthetic,
        )  # fmt: skip
        self.told(order)

    def stated(self) -> Stand:
        """Let everybody state what he holds, by accounts kept apart, and return how the book stands."""
        at = self.later()
        for (account, asset), start in START.items():
            total = start + booked(self.book, account).get(asset, ZERO)
            self.told(BalanceStated(at=at, account=account, asset=asset, total=total))
        return self._holdings(at)

    def stated_as(self, wallets: dict[tuple[str, str], Decimal]) -> Stand:
        """Let the venues state other wallets than our facts explain."""
        at = self.later()
        for (account, asset), total in wallets.items():
            self.told(BalanceStated(at=at, account=account, asset=asset, total=total))
        return self._holdings(at)

    def _holdings(self, at: datetime) -> Stand:
        for amount in self.held:
            seen = CollateralStated(
                at=at, holder="ceffu", wallet="w1", asset=amount.asset, total=amount.value, locked=ZERO,
                reference=str(int(at.timestamp())),
            )  # fmt: skip
            self.told(seen)
        self.told(SupplyStated(at=at, chain="ethereum", asset="USDe", total=self.supply, block=self.book.seq))
        return self.stand()

    def stand(self) -> Stand:
        """Return how the book stands at the marks that the log took last."""
        return stand(self.book, self.book.marks, self.at)

    def anew(self) -> Tally:
        """Begin another tally; return the one that ends here."""
        ended, self.tally = self.tally, Tally()
        return ended
