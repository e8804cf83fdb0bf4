"""Unwind live: the book that an unwind of the present starts from.  Market -> UnwindBook

What is held lies where the balance sheet says it does, each unit once. What is not known is left out and said so: it is
neither paid out nor bought, so a run is never quicker or cheaper for want of a number.
"""

from collections.abc import Iterable
from typing import Final

from portfolio.core.backing_sheet import backing_sheet
from portfolio.core.capacity import REDEEM
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.minting import standing
from portfolio.core.pnl import ValuedPosition, in_usd, valued_positions
from portfolio.core.price_market import Market
from portfolio.core.rows import SheetCell
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.live import live_book
from portfolio.core.scenarios.unwind_book import Held, Level, Offers, Short, Source, UnwindBook, Wait
from portfolio.core.settlements import CYCLE, cycle_of, due
from portfolio.core.unified_margin import wallet_of
from portfolio.core.valuation import Valuation

SOURCES: Final[dict[str, Source]] = {"chain": "hot", "custodian": "custodian", "delegated": "delegated"}
HOUR_S: Final = 3_600.0


def live_unwind(market: Market) -> UnwindBook:
    """Return the book, the books of the venues and the settlements of one moment."""
    valuation, missing = market.valuation, list[str]()
    valued = tuple(valued_positions(valuation))
    cells = backing_sheet(valued, balance_rows(valuation), collateral_rows(valuation), valuation).cells
    shorts = tuple(short for one in valued if (short := _short(one, market, missing)))
    held = tuple(found for cell in cells if (found := _held(cell, valuation, missing)))
    accounts = {one.account for one in shorts} | {one.holder for one in held if one.source == "delegated"}
    scenario = live_book(valuation)
    supply = [float(one.total) for one in valuation.book.supply.values()]
    if not supply:
        missing.append("No supply of the synthetic dollar is known: the chain's feed has not told of one.")
    return UnwindBook(
        supply=sum(supply),
        held=held,
        shorts=shorts,
        offers=_offers(market, shorts, missing),
        waits={name: wait_of(name, valuation) for name in sorted(accounts)},
        block_usd=_block(valuation, missing),
        scenario=scenario,
        unmargined=_unmargined(valued, scenario, valuation),
        missing=tuple(dict.fromkeys((*missing, *_closed(valuation)))),
    )


def wait_of(account: str, valuation: Valuation) -> Wait:
    """Return how long an account waits for its next settlement; a whole cycle where that time is not known or past."""
    cycle = cycle_of(account, valuation)
    if cycle is None:
        return Wait(hours=None, cycle=None, because=f"no limit of kind {CYCLE} says when {account} settles")
    every = cycle.total_seconds() / HOUR_S
    _, due_at, because = due(account, valuation)
    if due_at is None:
        return Wait(hours=every, cycle=every, because=f"a whole cycle is taken: {because}")
    left = (due_at - valuation.at).total_seconds() / HOUR_S
    if left < 0:
        return Wait(hours=every, cycle=every, because="a whole cycle is taken: its settlement is overdue")
    return Wait(hours=left, cycle=every)


def _short(one: ValuedPosition, market: Market, missing: list[str]) -> Short | None:
    valuation, instrument, size = market.valuation, one.instrument, one.position.size
    if size >= 0:
        if size:
            missing.append(f"{one.position.account} is long {instrument.id}: a long position is no hedge and stays.")
        return None
    quote, gain = valuation.usd(instrument.quote), in_usd(one.unrealized, one.settlement, valuation)
    for figure in (one.mark, quote, gain):
        if figure.value is None:
            missing.append(f"The short of {one.position.account} in {instrument.id} is left out: {figure.because}.")
            return None
    assert one.mark.value is not None  # or it was left out
    assert quote.value is not None
    assert gain.value is not None
    mark = float(one.mark.value)
    each = mark if one.position.kind == "inverse" else 1.0  # units of the position, and of everybody's, per coin
    interest = market.open_interest(instrument.id)
    return Short(
        account=one.position.account,
        venue=instrument.venue,
        instrument=instrument.id,
        currency=valuation.catalogue.currency(instrument.base),
        coin=abs(float(size)) / each,
        mark_usd=mark * float(quote.value),
        unrealized_usd=float(gain.value),
        open_interest=None if interest is None else interest / each,
    )


def _held(cell: SheetCell, valuation: Valuation, missing: list[str]) -> Held | None:
    source = SOURCES.get(cell.place)
    if source is None:
        return None
    unit, hedged = valuation.unit_usd(cell.asset), valuation.hedged(cell.asset)
    for figure in (cell.units, unit, hedged):
        if figure.value is None:
            missing.append(f"{cell.asset} of {cell.holder} is left out: {figure.because}.")
            return None
    assert cell.units.value is not None  # or it was left out
    assert unit.value is not None
    assert hedged.value is not None
    return Held(
        source=source,
        holder=cell.holder,
        asset=cell.asset,
        currency=valuation.catalogue.currency(cell.asset),
        units=float(cell.units.value),
        unit_usd=float(unit.value),
        coin=float(hedged.value),
    )


def _offers(market: Market, shorts: Iterable[Short], missing: list[str]) -> dict[str, Offers]:
    found: dict[str, Offers] = {}
    shorts = tuple(shorts)
    for currency in sorted({one.currency for one in shorts}):
        ladder = market.ladder(currency, "buy")
        for name, basis in ladder.bases.items():
            assert basis.book.value is not None  # or the ladder had left it out
            assert basis.quote.value is not None
            levels = tuple(
                Level(usd=float(rung.usd), coin=float(rung.coin), fee=float(rung.fee))
                for rung in ladder.rungs
                if rung.instrument == name
            )
            found[name] = Offers(mid_usd=float(basis.book.value * basis.quote.value), levels=levels)
        missing += [f"The hedge of {currency} is closed {said}." for said in ladder.left_out]
    for name in sorted({one.instrument for one in shorts} - found.keys()):
        missing.append(f"The short in {name} is not closed: its book cannot be bought from.")
    return found


def _block(valuation: Valuation, missing: list[str]) -> float | None:
    limit = valuation.catalogue.limits_by_subject.get((REDEEM, "chain"))
    if limit is None:
        missing.append(f"No limit of kind {REDEEM} is set: what a block redeems is not bounded here.")
        return None
    chains = [one for one in valuation.catalogue.chains.values() if one.is_enabled and one.minting]
    return float(limit.value) * max(1, len(chains))


def _unmargined(valued: Iterable[ValuedPosition], scenario: ScenarioBook, valuation: Valuation) -> frozenset[str]:
    """Return accounts with a position, a debt or the wallet of a position that the scenario book does not have."""
    known = {(one.account, one.instrument) for one in scenario.positions}
    held = {(one.holder, one.asset) for one in scenario.holdings}
    owing = {key for key, one in valuation.book.balances.items() if one.total < 0}
    lacking = {
        one.position.account
        for one in valued
        if one.position.size
        and (
            (one.position.account, one.instrument.id) not in known
            or wallet_of(one.position.account, one.settlement, valuation).value is None
        )
    }
    return frozenset(lacking | {account for account, asset in owing - held})


def _closed(valuation: Valuation) -> list[str]:
    stands = standing(valuation.book.minting, valuation.book.halts)
    return [f"Mint and redeem are closed now, and taken as open here: {said}." for said in stands.reasons]
