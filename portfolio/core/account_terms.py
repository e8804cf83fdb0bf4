"""Account terms: by what rules a venue margins an account, as it told them last.  events -> AccountTerms

The leverage that an account has set for a contract, and what each asset counts for where all of them margin together.
"""

from decimal import Decimal

from hedgeapp.core.events.anchors import LeverageAnchored
from hedgeapp.core.events.balances import CollateralTermsStated
from hedgeapp.core.records import record


@record
class TermsState:
    """Terms written out."""

    leverages: tuple[LeverageAnchored, ...]
    collateral: tuple[CollateralTermsStated, ...]


class AccountTerms:
    """The terms of all accounts; mutable, owned by a book.

    `leverages` are by (account, instrument); `collateral` is by account and has only accounts whose assets margin
    together; `alone` has those of which the venue said that each settlement asset margins by itself.
    """

    __slots__ = ("alone", "collateral", "leverages")

    def __init__(self) -> None:
        self.leverages: dict[tuple[str, str], LeverageAnchored] = {}
        self.alone: dict[str, CollateralTermsStated] = {}
        self.collateral: dict[str, CollateralTermsStated] = {}

    @classmethod
    def of(cls, state: TermsState) -> "AccountTerms":
        """Make terms again from what `state` wrote."""
        terms = cls()
        for told in (*state.leverages, *state.collateral):
            terms.apply(told)
        return terms

    def state(self) -> TermsState:
        """Write the terms out."""
        told = (*self.collateral.values(), *self.alone.values())
        return TermsState(leverages=tuple(self.leverages.values()), collateral=told)

    def leverage(self, account: str, instrument: str) -> Decimal | None:
        """Return the leverage that an account has set for a contract; None where nobody has told it."""
        told = self.leverages.get((account, instrument))
        return told.leverage if told else None

    def are_told(self, account: str) -> bool:
        """Tell whether it is known what each asset counts for in an account whose assets margin together."""
        told = self.collateral.get(account)
        return told is not None and all(one.tiers for one in told.assets)

    def apply(self, event: object) -> None:
        """Fold an event; any other changes nothing here. The latest by the source's own time counts."""
        if isinstance(event, LeverageAnchored):
            self.leverages[event.account, event.instrument] = event
        elif isinstance(event, CollateralTermsStated):
            known = self.collateral.get(event.account) or self.alone.get(event.account)
            if known is None or event.at >= known.at:
                of, other = (self.collateral, self.alone) if event.assets else (self.alone, self.collateral)
                of[event.account] = event
                other.pop(event.account, None)
