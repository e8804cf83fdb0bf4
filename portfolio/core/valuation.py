"""Valuation: every price and every fact that a number may rest on, each with its age.  Book x Marks x at -> Figures

A datum's state comes from its age and the budget of its kind, a limit of the kind `data_age_ms_max`; without a budget
nobody can say that it is good, so it is stale. A statement of an account, a custodian or a chain stays true while its
feed is heard: its age is that of the feed's last message, when that is later. What a quarantined source said is stale.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark, MarkKind
from marketdata.core.board import AHEAD_MAX, FeedHealth, freshness
from portfolio.core.book import Book
from portfolio.core.figures import BADNESS, Figure, derived, exact, unknown
from portfolio.core.workings import Workings

Marks = Mapping[tuple[str, str], Mark]

USD: Final = "USD"  # the unit of account: a currency that is worth 1 and that nobody states

# The limit's subject that bounds the age of each kind of mark.
BUDGET_OF: Final[dict[MarkKind, str]] = {
    "mark": "mark",
    "index": "mark",
    "funding_rate": "funding",
    "funding_at": "funding",
    "bid": "quote",
    "ask": "quote",
    "protocol_rate": "rate",
    "pool_rate": "rate",
    "market_rate": "rate",
    "usd": "rate",
}

# What is worth something while it is true: nobody divides by a venue's mistake.
PRICES: Final[frozenset[MarkKind]] = frozenset(BUDGET_OF.keys() - {"funding_rate", "funding_at"})


class Valuation:
    """The marks and statements of one moment as figures; each is made once and then given again."""

    def __init__(
        self,
        book: Book,
        marks: Marks,
        at: datetime,
        feeds: Iterable[FeedHealth] = (),
        workings: Workings | None = None,
    ) -> None:
        """Value a book at its marks; `workings` are of the last time that the same book was."""
        self.book = book
        self.catalogue = book.catalogue
        self.at = at
        self.health = {feed.feed: feed for feed in feeds}
        self.marks = marks
        self.workings = workings if workings is not None else Workings()
        self._made: dict[tuple[str, str], Figure] = {}
        self._budgets: dict[str, timedelta | None] = {}

    def mark(self, subject: str, kind: MarkKind) -> Figure:
        """Return a mark of an instrument or an asset."""
        made = self._made.get((subject, kind))
        if made is None:
            made = self._made[subject, kind] = self._mark(subject, kind)
        return made

    def time_of(self, subject: str, kind: MarkKind) -> datetime | None:
        """Return a mark whose value is a time, as a time."""
        mark = self.marks.get((subject, kind))
        return datetime.fromtimestamp(float(mark.value), UTC) if mark else None

    def usd(self, asset: str) -> Figure:
        """Return the USD price of one unit of a currency.

        The first that is live or late of: its own USD price, the index of a contract on it that is quoted in USD, the
        index of one that is quoted in a stablecoin times the stablecoin's price, the price that is assumed; else the
        best of them.
        """
        made = self._made.get((asset, "price"))
        if made is None:
            made = self._made[asset, "price"] = self._usd(asset)
        return made

    def rates(self, asset: str) -> tuple[Figure, Figure]:
        """Return the protocol's and the market's units of the underlying per unit of an asset; 1 for a currency."""
        if self.catalogue.currency(asset) == asset:
            return exact(ONE), exact(ONE)
        return self.mark(asset, "protocol_rate"), self.mark(asset, "market_rate")

    def unit_usd(self, asset: str) -> Figure:
        """Return the USD value of one unit of an asset; a staked one is worth the lower of its two rates."""
        currency = self.catalogue.currency(asset)
        if currency == asset:
            return self.usd(asset)
        return derived(_product, derived(min, *self.rates(asset)), self.usd(currency))

    def hedged(self, asset: str) -> Figure:
        """Return the units of its currency that one unit of an asset is hedged as: protocol rate x policy factor.

        The factor is the limit of kind `hedge_factor` on the asset, 1 when there is none.
        """
        rate, _ = self.rates(asset)
        factor = self.catalogue.limits_by_subject.get(("hedge_factor", asset))
        return derived(_product, rate, exact(factor.value)) if factor else rate

    def stated(self, value: Decimal, at: datetime, feed: str, budget_of: str, what: str) -> Figure:
        """Return a fact that a feed stated at a time, as old as the feed's last word."""
        health = self.health.get(feed)
        if health is not None and health.quarantined:
            because = f"{what} is not used: {feed} is {health.quarantined}"
            return Figure(value=value, at=at, state="stale", because=because)
        heard = health.last_message_at if health is not None and health.is_connected else None
        return self._aged(value, max(at, heard) if heard else at, budget_of, what)

    def _mark(self, subject: str, kind: MarkKind) -> Figure:
        mark = self.marks.get((subject, kind))
        what = f"{kind.replace('_', ' ')} of {subject}"
        if mark is None:
            return unknown(f"no {what} is known: its feed has not sent one")
        if kind in PRICES and mark.value <= 0:
            return unknown(f"{what} from {mark.source} is {mark.value:f}, where more than 0 expected")
        source = self.health.get(mark.source)
        # A chain that errs posts nothing: the mark from before is not doubted by itself.
        doubt = mark.suspect or (source.quarantined if source is not None else "")
        if doubt:
            at = min(mark.at, mark.received_at)
            return Figure(value=mark.value, at=at, state="stale", because=f"{what} is not used: {doubt}")
        # A source's clock may be ahead of ours: what we received cannot be younger than that.
        return self._aged(mark.value, min(mark.at, mark.received_at), BUDGET_OF[kind], f"{what} from {mark.source}")

    def _aged(self, value: Decimal, at: datetime, budget_of: str, what: str) -> Figure:
        if budget_of not in self._budgets:
            self._budgets[budget_of] = self.catalogue.budget(budget_of)
        budget = self._budgets[budget_of]
        if budget is None:
            because = f"{what} has no budget: add a limit of kind data_age_ms_max for {budget_of}"
            return Figure(value=value, at=at, state="stale", because=because)
        state = freshness(self.at - at, budget)
        if at - self.at > AHEAD_MAX:
            what = f"{what} is {(at - self.at).total_seconds():.0f} s ahead of our clock: was that set back?"
        elif state != "live":
            seconds = budget.total_seconds()
            what = f"{what} is older than {'half of ' if state == 'late' else ''}its budget of {seconds:g} s"
        return Figure(value=value, at=at, state=state, because=what, until=at + budget)

    def _usd(self, asset: str) -> Figure:
        if asset == USD:
            return exact(ONE)
        best = unknown(f"no USD price of {asset} is known: no feed has sent one and none is assumed")
        for candidate in self._prices(asset):
            if candidate.value is not None and BADNESS[candidate.state] < BADNESS["assumed"]:
                return candidate
            if BADNESS[candidate.state] < BADNESS[best.state]:
                best = candidate
        return best

    def _prices(self, asset: str) -> Iterable[Figure]:
        if (asset, "usd") in self.marks:
            yield self.mark(asset, "usd")
        on_it = sorted(self._priced_on(asset), key=lambda one: (one.quote != USD, one.id))
        for instrument in on_it:
            index = self.mark(instrument.id, "index")
            yield index if instrument.quote == USD else derived(_product, index, self.usd(instrument.quote))
        known = self.catalogue.assets.get(asset)
        if known is not None and known.assumed_usd is not None:
            because = f"{asset} is assumed to be worth {known.assumed_usd:f} USD"
            yield Figure(value=known.assumed_usd, at=None, state="assumed", because=because)

    def _priced_on(self, asset: str) -> Iterable[Instrument]:
        for instrument in self.catalogue.contracts:
            if instrument.base == asset and instrument.quote != asset and (instrument.id, "index") in self.marks:
                yield instrument


def _product(one: Decimal, other: Decimal) -> Decimal:
    return one * other
