"""Looking: a gateway to a venue that acknowledges an order before it has done it: the order is looked at afterwards."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from hedgeapp.core.events.trading import OrderSeen
from portfolio.core.book import FINAL
from portfolio.gateways.exchange import ExchangeGateway
from portfolio.gateways.outcomes import NotKnown, NoWord

LOOKS: Final = 6  # at an order that the venue has acknowledged
LOOK_PAUSE_S: Final = 0.05  # after the first; doubled


class LookingGateway(ExchangeGateway):
    """One account's door to its venue."""

    async def _looked(self, instrument: str, of: Mapping[str, Any], *, is_over: bool) -> OrderSeen:
        """Look at an order that the venue has acknowledged until it is listed, or listed as over."""
        for number in range(LOOKS):
            if number:
                await asyncio.sleep(LOOK_PAUSE_S * 2 ** (number - 1))
            try:
                seen = await self._found(instrument, of)
            except NotKnown:
                continue
            if seen.status in FINAL or not is_over:
                return seen
        state = "as over" if is_over else "at all"
        raise NoWord(f"the venue acknowledged {', '.join(of.values())} and does not list it {state} yet")

    @abstractmethod
    async def _found(self, instrument: str, of: Mapping[str, Any]) -> OrderSeen:
        """Return an order by its ids as the venue names them; raises NotKnown."""
