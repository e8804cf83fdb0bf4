"""Facts: what an account's venue says, as events.  raw fields -> events

A venue's own module reads its messages and answers. Stream and REST spell the same fact differently; both are read into
the same event, byte for byte: numbers lose the zeros they were filled up with, and nothing but the venue's own ids and
times goes in.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.positions import PositionStated
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.core.reference import Spelling, SymbolIsUnknown

Raw = Mapping[str, Any]

POWER_MAX: Final = 40  # of ten, in a number of the venue's
DIGITS_MAX: Final = 60


class FactIsMalformed(ValueError):
    """A message or answer of the venue lacks a field, or has one that cannot be read."""

    def __init__(self, what: str, field: str, found: object) -> None:
        super().__init__(f"{what}: {field}: a value expected, found {found!r}")


class HedgeModeIsOn(ValueError):
    """The account keeps long and short positions of one contract apart."""

    def __init__(self, symbol: str, side: str) -> None:
        super().__init__(
            f"{symbol}: one-way positions expected, found side {side}: switch the account's hedge mode off"
        )


@record
class PositionFound:
    """A position as the venue tells it now; `entry_price` is None when flat."""

    quantity: Decimal
    entry_price: Decimal | None


FLAT: Final = PositionFound(quantity=Decimal(0), entry_price=None)


class Facts(ABC):
    """Reads one account's raw messages; contracts that are not the account's own are counted, not read.

    The venue spells assets in capitals; `assets` are ours (its STETH is our stETH).
    """

    def __init__(self, account: str, instruments: Iterable[Instrument], assets: Iterable[str] = ()) -> None:
        self.account = account
        self._assets = {one.upper(): one for one in assets}
        self.spelling = Spelling(instruments)
        self.strangers: set[str] = set()

    @property
    def instruments(self) -> Iterable[Instrument]:
        """The account's own contracts."""
        return self.spelling.instruments.values()

    def instrument(self, venue_symbol: str) -> Instrument | None:
        """Return our instrument, or None, remembered as a stranger."""
        try:
            return self.spelling.ours(venue_symbol)
        except SymbolIsUnknown:
            self.strangers.add(venue_symbol)
            return None

    @abstractmethod
    def order_of_row(self, row: Raw) -> OrderSeen | None:
        """Return the order that a row of the venue's orders tells; None for a stranger."""

    def asset(self, what: str, row: Raw, field: str) -> str:
        """Return our name of an asset that the venue names."""
        found = text(what, row, field)
        return self._assets.get(found.upper(), found)

    def position_stated(self, instrument: str, found: PositionFound, at: datetime) -> PositionStated:
        """Return the event of a position that the venue stated."""
        return PositionStated(
            at=at,
            account=self.account,
            instrument=instrument,
            quantity=found.quantity,
            entry_price=found.entry_price,
        )

    def balance_stated(self, asset: str, total: Decimal, at: datetime) -> BalanceStated:
        """Return the event of a balance that the venue stated."""
        return BalanceStated(at=at, account=self.account, asset=asset, total=total)


def moment(milliseconds: int) -> datetime:
    """Return a time of the venue's, exact to the millisecond."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def number(what: str, raw: Raw, field: str) -> Decimal:
    """Return a number of the venue's without the zeros that it was filled up with."""
    found = raw.get(field)
    try:
        value = Decimal(str(found))
    except InvalidOperation:
        raise FactIsMalformed(what, field, found) from None
    # A power of ten of a billion would be printed with a billion digits.
    if not value.is_finite() or abs(value.adjusted()) > POWER_MAX or len(value.as_tuple().digits) > DIGITS_MAX:
        raise FactIsMalformed(what, field, str(found)[:60])
    told = f"{value:f}"
    plain = Decimal(told.rstrip("0").rstrip(".")) if "." in told else value
    return plain if plain else Decimal(0)


def text(what: str, raw: Raw, field: str) -> str:
    """Return a text of the venue's that must not be empty."""
    found = raw.get(field)
    if found is None or found == "":
        raise FactIsMalformed(what, field, found)
    return str(found)


def time(what: str, raw: Raw, field: str) -> datetime:
    """Return a time of the venue's, told in milliseconds."""
    try:
        return moment(int(raw[field]))
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        raise FactIsMalformed(what, field, raw.get(field)) from None
