"""Verified prices: what an oracle signed, and how that was proven.  (records)"""

from datetime import datetime, timedelta
from decimal import Decimal

from hedgeapp.core.records import record
from marketdata.core.oracles.signatures import OracleRefused


class PriceIsTooOld(OracleRefused):
    """A price was signed too long ago to be used now."""


class PriceIsFromTheFuture(OracleRefused):
    """A price carries a time that has not come."""


class PriceIsNotPositive(OracleRefused):
    """An oracle signed a price of 0 or less."""


@record
class Proof:
    """Which trust was applied, and how many of its signers had signed."""

    profile: str
    set_index: int
    signed: int
    signers: int
    quorum: int

    @property
    def words(self) -> str:
        """Say it as the screen shows it, like `router set 1: 3 of 5 signed`."""
        return f"{self.profile} set {self.set_index}: {self.signed} of {self.signers} signed"


@record
class VerifiedPrice:
    """The USD price of what a feed is about, as it was signed.

    `conf` is the half-width of the publishers' spread in USD; `sequence` grows with each update of a feed, `ema` is the
    hourly mean where the oracle signs one.
    """

    feed: str
    value: Decimal
    conf: Decimal
    published_at: datetime
    proof: Proof
    sequence: int
    ema: Decimal | None = None
    ema_conf: Decimal | None = None


@record
class Window:
    """How far a price's own time may be from ours, either way."""

    age_max: timedelta
    ahead_max: timedelta


def require_timely(price: VerifiedPrice, window: Window, at: datetime) -> VerifiedPrice:
    """Return a price whose time is within the window; refuse with PriceIsTooOld or PriceIsFromTheFuture."""
    age = at - price.published_at
    if age > window.age_max:
        raise PriceIsTooOld(
            f"a price of {price.feed} of the last {window.age_max.total_seconds():g} s expected, "
            f"found one {age.total_seconds():g} s old"
        )
    if -age > window.ahead_max:
        raise PriceIsFromTheFuture(
            f"a price of {price.feed} at most {window.ahead_max.total_seconds():g} s ahead expected, "
            f"found one {-age.total_seconds():g} s ahead: compare the clocks"
        )
    return price


def require_positive(feed: str, value: Decimal) -> Decimal:
    """Return a price above 0; refuse with PriceIsNotPositive."""
    if value <= 0:
        raise PriceIsNotPositive(f"a price of {feed} above 0 expected, found {value:f}")
    return value
