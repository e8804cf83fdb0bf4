"""How hedging stands in two coins, and a hedge that is proposed."""

from decimal import Decimal
from typing import Final

from hedgeapp.core.events.orders import HedgeProposed
from portfolio.core.rows import ProposalRow, Stand
from tests.builders.books import AT

PROPOSAL: Final = HedgeProposed(
    at=AT,
    proposal_id="ETH-7",
    currency="ETH",
    account="binance-coinm:main",
    instrument="binance-coinm:ETH-USD-PERP",
    side="sell",
    quantity=Decimal(8958),
    net=Decimal("31.2"),
    in_flight=Decimal(0),
    band=Decimal(25),
    because="net ETH of 31.2 is outside of ±25: sell 31.2 ETH as 8,958 contracts",
)


def proposal_rows(eth: Stand = "inside", because: str = "") -> tuple[ProposalRow, ...]:
    """Return rows of ETH, as said, with a proposal when it is open, and of BTC, where there is nothing to do."""
    one = PROPOSAL if eth == "open" else None
    return (
        ProposalRow(
            currency="ETH",
            stand=eth,
            because=one.because if one else because,
            least=Decimal(-12 if eth == "in_flight" else 0),
            most=Decimal(0),
            proposal=one,
            size=Decimal("31.2") if one else None,
        ),
        ProposalRow(currency="BTC", stand="inside", because="", least=Decimal(0), most=Decimal(0)),
    )
