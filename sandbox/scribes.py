"""What each venue tells an account of what happened to it: the same news, in the venue's own messages."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from sandbox.binance.userdata import BinanceScribe
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.userdata import BybitScribe
from sandbox.deribit.contracts import DERIBIT
from sandbox.deribit.userdata import DeribitScribe
from sandbox.market import Market
from sandbox.okx.contracts import OKX
from sandbox.okx.userdata import OkxScribe
from sandbox.rows import Fill, Order, Position

News = tuple[str, str]  # kind of message, text


class Scribe(Protocol):
    """Prints the messages of an account's private stream."""

    def order_changed(self, market: Market, order: Order, execution: str, at_ms: int) -> list[News]:
        """Print the news of an order that began, changed or ended without a fill."""

    def filled(
        self, market: Market, order: Order, fill: Fill, position: Position, wallet: Decimal, execution: str, at_ms: int
    ) -> list[News]:
        """Print the news of a fill in the venue's order; `wallet` is the settlement asset's balance after it."""

    def wallets_changed(self, reason: str, balances: Mapping[str, tuple[Decimal, Decimal]], at_ms: int) -> list[News]:
        """Print the news of wallets that changed: balance and change of each asset."""


BINANCE_SCRIBE = BinanceScribe()
SCRIBES: dict[str, Scribe] = {BYBIT: BybitScribe(), OKX: OkxScribe(), DERIBIT: DeribitScribe()}


def scribe_of(venue: str) -> Scribe:
    """Give the scribe of a venue."""
    return SCRIBES.get(venue, BINANCE_SCRIBE)
