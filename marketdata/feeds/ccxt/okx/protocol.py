"""OKX's accounts: one private socket, opened by a signed time; orders with their fills, positions and coins."""

import asyncio
import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.ccxt.facts import FactIsMalformed, Facts, Raw, text, time
from marketdata.feeds.ccxt.okx.facts import UNNAMED, OkxFacts
from marketdata.feeds.ccxt.okx.reads import OkxReads
from marketdata.feeds.ccxt.protocol import Door, Told
from marketdata.feeds.ccxt.stream import StreamBroke
from marketdata.venues import Client

ORDERS: Final = "orders"
POSITIONS: Final = "positions"
ACCOUNT: Final = "account"
ON_EVENTS: Final = {"extraParams": '{"updateInterval":"0"}'}  # not every few seconds as well
SUBSCRIPTIONS: Final[tuple[dict[str, str], ...]] = (
    {"channel": ORDERS, "instType": "ANY"},
    {"channel": POSITIONS, "instType": "ANY", **ON_EVENTS},
    {"channel": ACCOUNT, **ON_EVENTS},
)
TYPES: Final = ("SWAP", "FUTURES")
QUOTES: Final = ("USDT", "USDC", "USD")
NOTHING: Final = Told()


class OkxAccounts:
    """Trading accounts."""

    def reads(self, client: Client, account: str, instruments: Iterable[Instrument], assets: Iterable[str]) -> OkxReads:
        """Return what reads an account's REST."""
        return OkxReads(client, OkxFacts(account, instruments, assets))

    async def door(self, client: Client) -> Door:
        """Return the private socket, with the key's proof and each channel; pings are answered by a bare text."""
        exchange = client.exchange
        stamp = str(int(exchange.nonce()) // 1000)
        signed = hmac.new(exchange.secret.encode(), f"{stamp}GET/users/self/verify".encode(), hashlib.sha256).digest()
        proof = {"apiKey": exchange.apiKey, "passphrase": exchange.password, "timestamp": stamp}
        return Door(
            url=f"{exchange.urls['api']['ws']}/private",
            greetings=(
                {"op": "login", "args": [proof | {"sign": b64encode(signed).decode()}]},
                *({"op": "subscribe", "args": [each]} for each in SUBSCRIPTIONS),
            ),
            pong="pong",
        )

    async def renew(self, client: Client) -> None:
        """Nothing ends by itself: pings are enough."""
        await asyncio.Event().wait()

    def is_answer(self, message: Raw, greeting: Mapping[str, Any]) -> bool:
        """Tell whether a message answers a greeting; raise StreamBroke when it refuses it."""
        event, argument = message.get("event"), message.get("arg")
        if event == "error":
            raise StreamBroke(
                f"{greeting['op']}: the private stream is refused: {message.get('code')} {message.get('msg')}"
            )
        if event != greeting["op"]:
            return False
        channel = argument.get("channel") if isinstance(argument, dict) else None
        return bool(event == "login" or channel == greeting["args"][0]["channel"])

    def is_pong(self, message: Raw) -> bool:
        """Tell whether a message answers a ping: no object does."""
        return False

    def told(self, message: Raw, facts: Facts) -> Told:
        """Read a message of a private channel; raise StreamBroke when the venue will hang up."""
        assert isinstance(facts, OkxFacts)
        if message.get("event") in ("notice", "error"):
            raise StreamBroke(f"the venue says {message.get('code')}: {message.get('msg')}")
        argument, rows = message.get("arg"), message.get("data")
        channel = argument.get("channel") if isinstance(argument, dict) else None
        if "event" in message or channel not in (ORDERS, POSITIONS, ACCOUNT):
            return NOTHING
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise FactIsMalformed(str(channel), "data", type(rows).__name__)
        if channel == ORDERS:
            return Told(
                fills=[fill for row in rows if (fill := facts.fill_of_order(row))],
                orders=[order for row in rows if (order := facts.order_of_row(row))],
                is_partial=any(row.get("tradeId") == UNNAMED for row in rows),
            )
        if not rows:
            return NOTHING
        if channel == POSITIONS:
            return Told(positions=facts.positions_of_rows(rows), at=_at(rows))
        # Coins say what they are, and not why: fundings and transfers have their ids from REST alone.
        return Told(balances=facts.balances_of_accounts(rows), at=_at(rows), is_partial=True)

    async def prices(self, client: Client) -> list[dict[str, Any]]:
        """Ask for marks of both types of contracts and for the indices of all quotes."""
        answers = await asyncio.gather(
            *(client.call("marks", instType=kind) for kind in TYPES),
            *(client.call("indices", quoteCcy=quote) for quote in QUOTES),
        )
        marks = [row for answer in answers[: len(TYPES)] for row in answer["data"]]
        indices = {row["instId"]: row["idxPx"] for answer in answers[len(TYPES) :] for row in answer["data"]}
        found = []
        for row in marks:
            symbol = text("mark", row, "instId")
            index = indices.get("-".join(symbol.split("-")[:2]))
            found.append({"symbol": symbol, "markPrice": row.get("markPx"), "indexPrice": index, "time": row.get("ts")})
        return found


def _at(rows: Iterable[Raw]) -> datetime:
    """Return the time of rows: when they were sent where they say so, else the latest change."""
    return max(time("row", row, "pTime" if row.get("pTime") else "uTime") for row in rows)
