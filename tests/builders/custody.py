"""A custodian linked to two accounts, served on a socket, that keeps what it was asked; and a gateway to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from hedgeapp.core.events.moves import MovePayload
from hedgeapp.core.reference import Asset, Custodian
from marketdata.queries.credentials import Keys
from portfolio.core.move_request_ids import move_id, request_id
from portfolio.gateways.ceffu import CeffuGateway
from sandbox import ceffu
from sandbox.faults import Faults
from tests.builders.published import Sent
from tests.sandbox.custody_world import Custody
from tests.sandbox.matching_world import ALICE

ASSETS = [
    Asset(symbol=symbol, name=symbol, decimals=18, underlying=underlying)
    for symbol, underlying in (("ETH", "ETH"), ("BTC", "BTC"), ("USDT", "USDT"), ("stETH", "ETH"))
]


class Served:
    """A custodian on a socket: `sent` are the requests that reached it, `faults` what is to go wrong."""

    def __init__(self, custody: Custody, name: str) -> None:
        self.custody, self.name = custody, name
        self.faults, self.sent, self.url = Faults(), list[Sent](), ""

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.custody.clock.ms / 1000, UTC)

    @property
    def wallet(self) -> str:
        return str(self.custody.custodian.wallet.wallet_id)

    @property
    def keys(self) -> Keys:
        given = self.custody.custodian.credentials()
        return Keys(api_key=given["api_key"], secret=given["secret"])

    def clock(self) -> float:
        return self.custody.clock() / 1000

    def sub_wallet(self) -> str:
        """Make a wallet below the Prime one and return its id."""
        return str(self.custody.custodian.wallets.create("second", auto_collection=False).id)

    def gateway(self, url: str = "", **given: Any) -> CeffuGateway:
        """Return a gateway to it."""
        custodian = Custodian(name=self.name, protocol="ceffu", url=url or self.url)
        return CeffuGateway(custodian, ASSETS, given.get("keys", self.keys), given.get("clock", self.clock))

    def payload(self, asked: str = "1", **given: Any) -> MovePayload:
        """Return the payload of a delegation of 100 USDT."""
        fields: dict[str, Any] = {
            "move_id": move_id(f"{self.name}:{asked}"),
            "kind": "delegate",
            "custodian": self.name,
            "asset": "USDT",
            "amount": Decimal(100),
            "source": self.wallet,
            "destination": ALICE,
            "venue": ALICE.partition(":")[0],
            "route": self.custody.link().link_id,
            "expires_at": self.now + timedelta(hours=4),
        }
        if given.get("kind") == "undelegate":
            fields |= {"source": ALICE, "destination": self.wallet}
        if given.get("kind") == "transfer":
            fields |= {"venue": "", "route": given["destination"]}
        return MovePayload(**{**fields, **given})

    @staticmethod
    def request_id(payload: MovePayload) -> str:
        return request_id(payload.move_id, "ceffu")


@asynccontextmanager
async def served(folder: Path, name: str = "ceffu", **settings: Any) -> AsyncIterator[Served]:
    """Serve a new custodian with two linked accounts."""
    found = Served(Custody(folder, **settings), name)

    @web.middleware
    async def keeping(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        found.sent.append((request.method, request.path, request.raw_path.partition("?")[2], body))
        return await handler(request)

    app = web.Application(middlewares=[keeping])
    app.add_routes(ceffu.routes(found.custody.custodian, found.faults))
    async with TestServer(app, host="127.0.0.1") as server:
        found.url = str(server.make_url("")).rstrip("/")
        yield found
