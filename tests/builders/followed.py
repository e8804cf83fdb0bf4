"""The custodian's feeds over a served custodian, with a list for a log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.moves import DelegationStated, MovePayload, MoveSubmitted
from hedgeapp.core.events.reference import CustodianChanged
from hedgeapp.core.reference import Custodian
from marketdata.core.custody import Custody
from marketdata.feeds.ceffu.client import CeffuClient, Settings
from marketdata.feeds.ceffu.feed import CustodianFeed
from marketdata.feeds.ceffu.moves import MovesFeed
from tests.builders.custody import ASSETS, Served
from tests.builders.moves import intended, proposed
from tests.sandbox.matching_world import ALICE, BOB

QUICK = Settings(request_timeout_s=2.0, backoff_s=0.001, attempts_max=1)


class Followed:
    """A feed of a served custodian whose log is a list."""

    def __init__(self, world: Served, client: CeffuClient, accounts: Sequence[str] = (ALICE, BOB)) -> None:
        self.world, self.log = world, list[Event]()
        self.custody = Custody("ceffu")
        row = Custodian(name="ceffu", protocol="ceffu", url=world.url)
        self.write(CustodianChanged(at=world.now, custodian=row, version=1, by="seed", reason=""))
        self.wallets = CustodianFeed("ceffu", client, ASSETS, {}, self.append, lambda: world.now)
        self.moves = MovesFeed(client, ASSETS, accounts, self.custody, self.caught_up, self.append, lambda: world.now)

    def write(self, *events: Event) -> None:
        """Let the log have events, which the feed reads when it looks."""
        for event in events:
            self.log.append(event)
            self.custody.fold(Recorded(seq=len(self.log), recorded_at=self.world.now, event=event))

    async def append(self, events: Sequence[Any]) -> None:
        known = {one.key for one in self.log}
        self.write(*(one for one in events if one.key not in known))

    async def caught_up(self) -> None:
        """Everything that is written was folded already."""

    async def poll(self) -> None:
        await self.wallets.poll()
        await self.moves.poll(self.wallets.wallets, self.wallets.known)

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.log if isinstance(one, kind)]

    def stated(self, account: str = ALICE, asset: str = "USDT") -> list[Decimal]:
        return [one.total for one in self.of(DelegationStated) if (one.account, one.asset) == (account, asset)]

    def submit(self, asked: str = "1", **given: Any) -> MovePayload:
        """Let the log have a move of ours that is about to be sent."""
        payload = self.world.payload(asked, **given)
        until = self.world.now + timedelta(seconds=30)
        self.write(
            proposed(payload),
            replace(intended(payload), request_id=self.world.request_id(payload)),
            MoveSubmitted(at=self.world.now, move_id=payload.move_id, valid_until=until),
        )
        return payload


def client_of(world: Served) -> CeffuClient:
    return CeffuClient("ceffu", world.url, world.keys.api_key, world.keys.secret, QUICK, world.clock)
