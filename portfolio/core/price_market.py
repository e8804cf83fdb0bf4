"""Price market: what prices of one moment rest on, and who stands behind it.  Valuation x books x fees -> Market"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.events.trading import Side
from hedgeapp.core.records import record
from marketdata.core.board import Depth
from portfolio.core.fees import PaidRate
from portfolio.core.figures import Figure, derived, exact, total, unknown
from portfolio.core.holdings import balance_rows, collateral_rows, own_part, times
from portfolio.core.ladders import Ladder, ladder
from portfolio.core.valuation import Valuation

Direction = Literal["mint", "redeem"]
Key = Literal[
    "reference", "staked_rate", "basis", "depth", "fees", "kept", "funding", "composition", "spread", "rounding"
]
# set: by ourselves; verified: two sources that do not know of each other agree; unverified: one source says so;
# assumed: nobody says so.
Proof = Literal["set", "verified", "unverified", "assumed", "unknown"]

PROOFS: Final[dict[Proof, int]] = {"set": 0, "verified": 1, "unverified": 2, "assumed": 3, "unknown": 4}
SPREAD: Final = "mint_redeem_spread"
SIZE_MAX: Final = "mint_redeem_size_max"
BASIS_CAP: Final = "mint_redeem_basis_cap"
FUNDING: Final = "mint_redeem_funding_payments"
GAS: Final = "mint_redeem_gas"
LEAN: Final = "mint_redeem_lean"
SHARE_TARGET: Final = "mint_redeem_share_target"


@record
class Component:
    """A part of a price: USD per unit, signed as it adds to the price."""

    key: Key
    usd: Decimal
    because: str


@record
class Input:
    """A number that a price rests on, with its age, and who stands behind it."""

    name: str
    figure: Figure
    proof: Proof


class Market:
    """All that prices of one moment rest on; each ladder is made once.

    `verified` are the assets whose USD prices and rates verified oracles stand behind.
    """

    def __init__(
        self,
        valuation: Valuation,
        depths: Mapping[str, Depth],
        paid: Mapping[str, PaidRate],
        verified: Collection[str] = (),
    ) -> None:
        self.valuation = valuation
        self.catalogue = valuation.catalogue
        self.verified = frozenset(verified)
        self._depths, self._paid = depths, paid
        self._ladders: dict[tuple[str, Side], Ladder] = {}
        self._held: dict[str, Figure] | None = None

    def ladder(self, currency: str, side: Side) -> Ladder:
        """Return what the books give for selling or buying a currency."""
        made = self._ladders.get((currency, side))
        if made is None:
            made = ladder(currency, side, self.valuation, self._depths, self._paid)
            self._ladders[currency, side] = made
        return made

    def open_interest(self, instrument: str) -> float | None:
        """Return what everybody holds of an instrument, in its base if linear, else its quote; None: not known."""
        depth = self._depths.get(instrument)
        return depth.open_interest if depth else None

    def bound(self, kind: str, asset: str) -> Decimal | None:
        """Return the value of a limit on an asset; None when none is set."""
        limit = self.catalogue.limits_by_subject.get((kind, asset))
        return limit.value if limit else None

    def share(self, asset: str) -> Figure:
        """Return an asset's share of all that custodians, chains and accounts hold for us, each unit once, in USD."""
        if self._held is None:
            parts: dict[str, list[Figure]] = {}
            for held in collateral_rows(self.valuation):
                parts.setdefault(held.asset, []).append(held.usd)
            for row in balance_rows(self.valuation):
                parts.setdefault(row.asset, []).append(derived(times, own_part(row), row.usd_price))
            self._held = {name: total(figures) for name, figures in parts.items()}
        whole = total(self._held.values())
        if whole.value is not None and whole.value <= ZERO:
            return unknown(f"the share of {asset} is not known: more than 0 USD held expected, found {whole.value:.2f}")
        part = self._held.get(asset, exact(ZERO))
        return derived(lambda one, of: quantized(max(one, ZERO) / of), part, whole)

    def is_cash(self, currency: str) -> bool:
        """Tell whether a currency needs no hedge: a stablecoin, which contracts are quoted in but not traded on."""
        known = self.catalogue.assets.get(currency)
        instruments = self.catalogue.contracts
        is_stable = (known is not None and known.assumed_usd is not None) or any(
            one.kind == "linear" and one.settlement == currency for one in instruments
        )
        return is_stable and not any(self.catalogue.currency(one.base) == currency for one in instruments)

    def proof(self, figure: Figure, asset: str) -> Proof:
        """Return who stands behind a number of an asset."""
        if figure.value is None:
            return "unknown"
        if figure.state == "assumed":
            return "assumed"
        return "verified" if asset in self.verified else "unverified"

    def proof_of_coin(self, coin: Figure, currency: str) -> Proof:
        """Return who stands behind a currency's USD price: those who signed it, if it is what they signed."""
        mark = self.valuation.marks.get((currency, "usd"))
        is_signed = mark is not None and bool(mark.proof) and coin is self.valuation.mark(currency, "usd")
        return "verified" if is_signed and coin.is_current else self.proof(coin, currency)
