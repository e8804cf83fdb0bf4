"""Order references: what of an order contradicts the reference data.  OrderIntended x Catalogue x at -> Refusals"""

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from hedgeapp.core.events.orders import OrderIntended
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from portfolio.core.catalogue import Catalogue

PLACES: Final = Decimal("1e-8")  # that a sentence shows
NUMBER_MAX: Final = Decimal("1e18")  # no quantity and no price is so large


@record
class Refusal:
    """Why an order is not sent: the rule's name, its limit, what was found, in which unit; `said` is the sentence."""

    rule: str
    limit: str
    value: str
    unit: str
    said: str


def plain(value: Decimal) -> str:
    """Return a number as a sentence shows it: no exponent, no needless zeros, at most eight decimals."""
    shown = value.quantize(PLACES, ROUND_HALF_EVEN).normalize()
    return f"{shown + 0:f}"


def contradictions(order: OrderIntended, catalogue: Catalogue, at: datetime) -> Iterator[Refusal]:
    """Return where account and instrument are not known, enabled or each other's, and which number is off its step."""
    yield from _account(order, catalogue)
    instrument = catalogue.instruments.get(order.instrument)
    if instrument is None:
        said = f"a known instrument expected, found {order.instrument}: load it from the venue"
        yield _state("instrument", "known", "unknown", said)
        return
    yield from _instrument(order, instrument, catalogue, at)
    yield from _whole("quantity", order.quantity, instrument.step_size, "contracts")
    yield from _whole("price", order.price, instrument.tick_size, instrument.quote)


def _state(rule: str, limit: str, value: str, said: str) -> Refusal:
    return Refusal(rule=rule, limit=limit, value=value, unit="state", said=said)


def _account(order: OrderIntended, catalogue: Catalogue) -> Iterator[Refusal]:
    account = catalogue.accounts.get(order.account)
    if account is None:
        yield _state("account", "known", "unknown", f"a known account expected, found {order.account}: introduce it")
        return
    if not account.is_enabled:
        yield _state(
            "account", "enabled", "disabled", f"an enabled account expected, found {order.account} disabled: enable it"
        )
    venue = catalogue.venues.get(account.venue)
    if venue is None or not venue.is_enabled:
        said = f"an enabled venue expected, found {account.venue} {'disabled' if venue else 'unknown'}: enable it"
        yield _state("venue", "enabled", "disabled" if venue else "unknown", said)
    if order.instrument not in {f"{account.venue}:{symbol}" for symbol in account.instruments}:
        told = ", ".join(account.instruments) or "none"
        said = (
            f"one of the account's instruments ({told}) expected, found {order.instrument}: add it to {order.account}"
        )
        yield _state("account", "in the account", "not in it", said)


def _instrument(order: OrderIntended, instrument: Instrument, catalogue: Catalogue, at: datetime) -> Iterator[Refusal]:
    if not instrument.is_contract:
        said = f"a contract expected, found {order.instrument}, a spot pair without positions: choose another"
        yield _state("instrument", "contract", "spot pair", said)
    if not instrument.is_trading:
        said = f"an instrument that trades expected, found {order.instrument} suspended: choose another"
        yield _state("instrument", "trading", "suspended", said)
    if instrument.expires_at is not None and instrument.expires_at <= at:
        said = f"an instrument that lives expected, found {order.instrument} expired: choose another"
        yield _state("instrument", "trading", "expired", said)
    if instrument.base not in catalogue.assets:
        said = f"a known base asset expected, found {instrument.base}: introduce it"
        yield _state("instrument", "known base", "unknown", said)


def _whole(rule: str, value: Decimal, step: Decimal, unit: str) -> Iterator[Refusal]:
    measurable = value.is_finite() and abs(value) < NUMBER_MAX
    if not measurable or value <= 0 or value % step:
        shown = plain(value) if measurable else f"{value:.3E}"
        said = f"a {rule} that is a positive multiple of {plain(step)} {unit} expected, found {shown} {unit}: round it"
        yield Refusal(rule=rule, limit=plain(step), value=shown, unit=unit, said=said)
