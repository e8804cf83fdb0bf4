"""Hedging: what to do about an exposure that left its band.  Book x exposure x Marks x at -> Stance per currency

A hedge leads towards flat and never across it, though everything that is under way in its direction fills at its worst
price. It is proposed when |net| leaves the band and stands until |net| is back within a share of the band (hysteresis),
until orders under way suffice, or until no account may carry it any more. `docs/arithmetic.md` has the sizes.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.events.orders import HedgeProposed, ProposalClosed, ProposalEnd
from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.hedge_choices import Blocked, Choice, Need, Scene, choice, coin_of, said
from portfolio.core.order_checks import in_flight, order_delta
from portfolio.core.proposals import proposal_id
from portfolio.core.rows import ExposureRow, ProposalRow, Stand
from portfolio.core.sources import unread
from portfolio.core.valuation import Marks, Valuation

ENGINE: Final = "engine"  # who closes a proposal that nobody sent

ProposalEvent = HedgeProposed | ProposalClosed


@record
class Stance:
    """How hedging stands in one currency, and the events that make it so; `row` counts none of them yet."""

    row: ProposalRow
    events: tuple[ProposalEvent, ...] = ()


@record
class Terms:
    """The limits on hedging one currency, in its units; `size_max` None when none is set: nothing is proposed then."""

    band: Decimal
    release: Decimal
    size_max: Decimal | None
    clip_min: Decimal
    cooldown: timedelta


def terms(currency: str, band: Decimal, book: Book) -> Terms:
    """Return the limits in force; without one, hedging ends at the band's edge, any size will do, and none waits."""
    limits = book.catalogue.limits_by_subject

    def bound(kind: str, otherwise: Decimal) -> Decimal:
        limit = limits.get((kind, currency))
        return limit.value if limit else otherwise

    size_max = limits.get(("order_size_max", currency))
    return Terms(
        band=band,
        release=band * min(ONE, bound("hedge_release", ONE)),
        size_max=size_max.value if size_max else None,
        clip_min=bound("hedge_clip_min", ZERO),
        cooldown=timedelta(seconds=float(bound("hedge_cooldown", ZERO))),
    )


def proposals(
    book: Book, exposure_rows: Iterable[ExposureRow], marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = ()
) -> tuple[ProposalEvent, ...]:
    """Return the events that ought to be in the log now: hedges proposed, and proposals closed."""
    return tuple(event for one in stances(book, exposure_rows, marks, at, feeds) for event in one.events)


def stances(
    book: Book, exposure_rows: Iterable[ExposureRow], marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = ()
) -> tuple[Stance, ...]:
    """Return how hedging stands in each of these currencies that has a band and contracts."""
    feeds = tuple(feeds)
    scene = Scene(book=book, marks=marks, at=at, feeds=feeds, valuation=Valuation(book, marks, at, feeds))
    currency = book.catalogue.currency
    bases = {currency(one.base) for one in book.catalogue.contracts}
    return tuple(_stance(row, scene) for row in exposure_rows if row.band is not None and row.currency in bases)


def _stance(row: ExposureRow, scene: Scene) -> Stance:
    assert row.band is not None
    bounds = terms(row.currency, row.band, scene.book)
    least, most = in_flight(scene.book, row.currency, scene.marks)
    standing = next((one for one in scene.book.proposals.values() if one.currency == row.currency), None)
    case = _Case(row=row, bounds=bounds, least=least, most=most, standing=standing, scene=scene)
    return _of_standing(case, standing) if standing else _of_none(case)


@record
class _Case:
    """One currency as it is now: its exposure, its limits, what is under way and the proposal that stands."""

    row: ExposureRow
    bounds: Terms
    least: Decimal
    most: Decimal
    standing: HedgeProposed | None
    scene: Scene

    @property
    def net(self) -> Decimal:
        return self.row.net.value or ZERO

    @property
    def room(self) -> Decimal:
        """What would remain of |net| if everything under way towards flat filled at its worst price."""
        return self.net + self.least if self.net > ZERO else -self.net - self.most

    @property
    def need(self) -> Need:
        side, under_way = ("sell", self.least) if self.net > ZERO else ("buy", self.most)
        return Need(
            currency=self.row.currency,
            side="sell" if side == "sell" else "buy",
            room=self.room,
            under_way=under_way,
            size_max=self.bounds.size_max,
            clip_min=self.bounds.clip_min,
        )

    def suffices(self) -> str:
        """Return why what is under way suffices; empty when it does not."""
        if self.room > self.bounds.release or not (self.least or self.most):
            return ""
        unit = self.row.currency
        return (
            f"orders under way suffice: they may add {said(self.least)} to {said(self.most)} {unit} "
            f"to a net of {said(self.net)} {unit}"
        )

    def stands(self, stand: Stand, because: str) -> Stance:
        size = None
        one, scene = self.standing, self.scene
        if stand == "open" and one is not None:
            mark, instrument = scene.valuation.mark(one.instrument, "mark").value, scene.instrument(one.instrument)
            size = abs(order_delta(instrument, one.side, one.quantity, mark)) if mark and instrument else None
        row = ProposalRow(
            currency=self.row.currency,
            stand=stand,
            because=because,
            least=self.least,
            most=self.most,
            proposal=one if stand == "open" else None,
            size=size,
        )
        return Stance(row=row)

    def ends(self, end: ProposalEnd, stand: Stand, reason: str) -> Stance:
        assert self.standing is not None
        closed = ProposalClosed(
            at=self.scene.at, proposal_id=self.standing.proposal_id, end=end, by=ENGINE, reason=reason
        )
        return Stance(row=self.stands(stand, reason).row, events=(closed,))

    def proposed(self, made: Choice) -> HedgeProposed:
        """Return the next proposal of the currency."""
        currency, scene = self.row.currency, self.scene
        last = scene.book.last_proposals.get(currency)
        under_way = f", with {said(made.need.under_way)} under way" if made.need.under_way else ""
        because = (
            f"net {currency} of {said(self.net)} is outside of ±{said(self.bounds.band)}{under_way}: "
            f"{made.need.side} {said(made.size)} {currency} as {said(made.quantity)} contracts of {made.instrument.id} "
            f"in {made.account}, {made.carried}"
        )
        return HedgeProposed(
            at=scene.at,
            proposal_id=proposal_id(currency, last.number + 1 if last else 1),
            currency=currency,
            account=made.account,
            instrument=made.instrument.id,
            side=made.need.side,
            quantity=made.quantity,
            net=self.net,
            in_flight=made.need.under_way,
            band=self.bounds.band,
            because=because,
        )


def _of_none(case: _Case) -> Stance:
    """Decide whether to propose a hedge."""
    if why := _not_known(case):
        return case.stands("unknown", why)
    if abs(case.net) <= case.bounds.band:
        return case.stands("inside", "")
    if enough := case.suffices():
        return case.stands("in_flight", enough)
    if waits := _cooling(case):
        return case.stands("cooldown", waits)
    made = choice(case.need, case.scene)
    if isinstance(made, Blocked):
        return case.stands("blocked", made.said)
    return Stance(row=case.stands("blocked", "a hedge is being proposed").row, events=(case.proposed(made),))


def _of_standing(case: _Case, standing: HedgeProposed) -> Stance:
    """Decide whether a proposal goes on standing; an order that takes it up closes it where it is intended."""
    if why := _not_known(case):
        return case.stands("open", why)
    if abs(case.net) <= case.bounds.release:
        unit = case.row.currency
        reason = f"net {unit} of {said(case.net)} is back within ±{said(case.bounds.release)}, where hedging ends"
        return case.ends("withdrawn", "inside", reason)
    if case.need.side != standing.side:
        return case.ends("withdrawn", "inside", f"net {case.row.currency} of {said(case.net)} is on the other side")
    if enough := case.suffices():
        return case.ends("withdrawn", "in_flight", enough)
    made = choice(case.need, case.scene, standing)
    if isinstance(made, Blocked):
        if made.passes:
            return case.stands("open", made.said)
        return case.ends("withdrawn", "blocked", made.said)
    if reason := _changed(case, standing, made):
        closed = case.ends("superseded", "blocked", reason)
        return Stance(row=closed.row, events=(*closed.events, case.proposed(made)))
    return case.stands("open", standing.because)


def _not_known(case: _Case) -> str:
    """Return why nobody can say what the exposure is; empty when it is known."""
    if not case.row.net.is_current:
        return f"net {case.row.currency} is not current: {case.row.net.because}"
    return unread(case.scene.book)


def _changed(case: _Case, standing: HedgeProposed, made: Choice) -> str:
    """Return why another hedge takes the place of the one that stands; empty when it goes on.

    One that is too large by a clip is replaced at once, one that is too small by as much when it has stood for a while.
    """
    unit = case.row.currency
    if (standing.account, standing.instrument) != (made.account, made.instrument.id):
        return f"{standing.instrument} in {standing.account} is no longer the choice: {made.passed_over}"
    was = coin_of(made.instrument, standing.side, standing.quantity, case.scene)
    step = coin_of(made.instrument, standing.side, made.instrument.step_size, case.scene)
    enough = max(case.bounds.clip_min, 2 * step)
    has_stood = case.scene.at - standing.at >= case.bounds.cooldown
    if was - made.coin >= enough or (made.coin - was >= enough and has_stood):
        return f"{said(made.coin)} {unit} are needed now, instead of {said(was)} {unit}"
    return ""


def _cooling(case: _Case) -> str:
    """Return until when no hedge is proposed, and after what; empty when one may be."""
    book, currency = case.scene.book, case.row.currency
    ends: list[tuple[datetime, str]] = []
    last = book.last_proposals.get(currency)
    if last is not None and last.closed_at is not None:
        ends.append((last.closed_at, f"proposal {proposal_id(currency, last.number)} was closed"))
    for order in book.our_orders:
        instrument = book.catalogue.instruments.get(order.intent.instrument)
        if order.ended_at is not None and instrument and book.catalogue.currency(instrument.base) == currency:
            ends.append((order.ended_at, f"order {order.client_order_id} ended"))
    if not ends:
        return ""
    ended_at, what = max(ends)
    until = ended_at + case.bounds.cooldown
    return f"cooldown until {until:%H:%M:%S} UTC, after {what}" if case.scene.at < until else ""
