"""Tickets: an order to come as the engine takes it, whatever the venue calls its terms."""

from dataclasses import dataclass

from sandbox.matching.open_orders import sign_of

LIMIT, MARKET = "LIMIT", "MARKET"
GTC, IOC, FOK, GTX = "GTC", "IOC", "FOK", "GTX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order to come, in whole ticks and steps; a forced one fills what finds nobody at the last price.

    A post-only order that would take is refused, or taken in and canceled at once where the venue does so.
    """

    account: str
    symbol: str
    side: str
    kind: str
    time_in_force: str
    ticks: int | None
    steps: int
    reduce_only: bool = False
    client_id: str | None = None
    forced: bool = False
    canceled_if_taking: bool = False

    @property
    def sign(self) -> int:
        """Give 1 for a buy and -1 for a sale."""
        return sign_of(self.side)
