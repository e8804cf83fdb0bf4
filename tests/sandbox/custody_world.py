"""A custodian that mirrors its wallet to two accounts of a matching bench, and a client that signs as published."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from yarl import URL

from sandbox import ceffu
from sandbox.ceffu.links import Link
from sandbox.ceffu.mirror import MirrorX, Wanted
from sandbox.ceffu.statuses import DELEGATION, UNDELEGATION
from sandbox.collateral import CrossMargin
from sandbox.mirroring import Mirroring
from sandbox.rows import MirrorOrder
from tests.builders.collateral import START_MS, Clock
from tests.builders.custodian_keys import planted
from tests.sandbox.matching_world import ALICE, BOB, PRICE, Bench

HOLDINGS = (("ETH", "ETH", "500"), ("STETH", "ETH", "50"), ("USDT", "ETH", "1000000"))
RATIOS = {"ETH": Decimal("0.95"), "USDT": Decimal(1)}
LATENCY_MS = 2_000
CYCLE_MS = 3_600_000
SETTLING_MS = 30_000
SETTINGS = ceffu.Settings(
    holdings=HOLDINGS,
    linked=(ALICE, BOB),
    order_latency_ms=LATENCY_MS,
    settlement_every_ms=CYCLE_MS,
    settlement_lasts_ms=SETTLING_MS,
)


class Client:
    """A client that signs as the published collection does."""

    def __init__(self, session: ClientSession, root: str, key: dict[str, str], clock: Clock) -> None:
        self.session, self.root, self.api_key, self.clock = session, root, key["api_key"], clock
        private = serialization.load_der_private_key(
            base64.b64decode(key["secret"]), None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(private, rsa.RSAPrivateKey)
        self.private = private

    def signed(self, content: str) -> dict[str, str]:
        signature = self.private.sign(content.encode(), padding.PKCS1v15(), hashes.SHA512())
        return {"open-apikey": self.api_key, "signature": base64.b64encode(signature).decode()}

    async def raw(self, path: str, query: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        async with self.session.get(URL(f"{self.root}{path}?{query}", encoded=True), headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, **parameters: object) -> tuple[int, dict[str, Any]]:
        query = urlencode({**parameters, "timestamp": self.clock()})
        return await self.raw(path, query, self.signed(query))

    async def post(self, path: str, **parameters: object) -> tuple[int, dict[str, Any]]:
        body = json.dumps({**parameters, "timestamp": self.clock()})
        async with self.session.post(f"{self.root}{path}", data=body, headers=self.signed(body)) as answer:
            return answer.status, await answer.json()


class Custody:
    """A custodian, the bench that it is linked to, and the clock of both."""

    def __init__(
        self,
        folder: Path,
        ledger: Path = Path(":memory:"),
        clock: Clock | None = None,
        ratios: Mapping[str, Decimal] = RATIOS,
        **settings: Any,
    ) -> None:
        self.clock = clock or Clock()
        self.bench = Bench(ledger=ledger)
        self.cross = CrossMargin(self.bench.accounts, self.bench.engine.orders, ratios)
        self.bench.engine.available = self.cross.free
        self.custodian = ceffu.Ceffu.open(planted(folder), 7, START_MS, replace(SETTINGS, **settings), self.clock)
        self.custodian.connect(self.bench.ledger, Mirroring(self.bench.accounts, self.cross))

    @property
    def mirror(self) -> MirrorX:
        """Give what mirrors the wallet."""
        assert self.custodian.mirror is not None
        return self.custodian.mirror

    def link(self, account: str = ALICE) -> Link:
        """Give the link of an account."""
        return next(each for each in self.mirror.links.values() if each.account == account)

    def delegate(self, amount: str, coin: str = "USDT", account: str = ALICE, request_id: str = "") -> MirrorOrder:
        """Ask for a delegation."""
        return self._ask(DELEGATION, amount, coin, account, request_id)

    def undelegate(self, amount: str, coin: str = "USDT", account: str = ALICE, request_id: str = "") -> MirrorOrder:
        """Ask for an undelegation."""
        return self._ask(UNDELEGATION, amount, coin, account, request_id)

    def _ask(self, kind: int, amount: str, coin: str, account: str, request_id: str) -> MirrorOrder:
        self.custodian.advance()
        wanted = Wanted(
            link=self.link(account),
            kind=kind,
            coin=coin,
            amount=Decimal(amount),
            request_id=request_id or f"r-{self.clock.ms}-{kind}-{amount}-{coin}-{account}",
        )
        return self.mirror.order(wanted)

    def win(self, steps: int, ticks: int, winner: str = ALICE) -> None:
        """Let one account sell to the other above the middle and buy back at it: it wins what the other loses."""
        loser = BOB if winner == ALICE else ALICE
        market, accounts = self.bench.market, self.bench.accounts
        for seller, buyer, at in ((winner, loser, PRICE + ticks), (loser, winner, PRICE)):
            part = (market.trade_ids.take(), at, steps)
            for account, side in ((seller, "SELL"), (buyer, "BUY")):
                accounts.execute(account, market.spec.symbol, side, [part], maker=True, at_ms=market.now_ms)

    def settle(self) -> None:
        """Let a settlement begin and end."""
        self.wait(CYCLE_MS)
        self.wait(SETTLING_MS)

    def wait(self, ms: int = LATENCY_MS) -> None:
        """Let time pass, at the exchange too."""
        self.clock.ms += ms
        self.custodian.advance()

    def order(self, order: MirrorOrder) -> MirrorOrder:
        """Read an order as it is now."""
        return self.bench.ledger.select(MirrorOrder, "id = ?", (order.id,), "id", 1)[0]

    def orders(self) -> list[MirrorOrder]:
        """List all orders of the ledger."""
        return self.bench.ledger.every(MirrorOrder)

    def held(self, coin: str = "USDT") -> Decimal:
        """Give what lies in the wallet."""
        return self.custodian.asset(coin).amount

    def mirrored(self, coin: str = "USDT", account: str = ALICE) -> Decimal:
        """Give what is delegated to an account."""
        return self.mirror.mirrored(self.link(account), coin)

    def at_venue(self, coin: str = "USDT", account: str = ALICE) -> Decimal:
        """Give an account's wallet balance at the exchange."""
        return self.bench.accounts.wallet(account, coin)

    def everywhere(self, coin: str = "USDT") -> Decimal:
        """Count every coin once: in the wallet and at the exchange."""
        return self.held(coin) + self.at_venue(coin, ALICE) + self.at_venue(coin, BOB)

    def earned(self, coin: str = "USDT") -> Decimal:
        """Sum what both accounts won, paid and were paid by the rest of the market."""
        sums: Mapping[str, Decimal]
        total = Decimal(0)
        for account in (ALICE, BOB):
            sums = self.mirror.venue.realized(account, 0)
            total += sums.get(coin, Decimal(0))
        return total
