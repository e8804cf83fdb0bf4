"""Binance's accounts: a private stream opened by a listen key, orders and account told in messages of their own."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.ccxt.binance.facts import BinanceFacts, has_fill
from marketdata.feeds.ccxt.binance.reads import BinanceReads, kind_of
from marketdata.feeds.ccxt.facts import Facts, Raw, moment
from marketdata.feeds.ccxt.protocol import Door, Told
from marketdata.feeds.ccxt.stream import StreamBroke
from marketdata.venues import Client

RENEW_EVERY_S: Final = 1200.0  # of the listen key, which lives an hour
NOTHING: Final = Told()


class BinanceAccounts:
    """Accounts of either of its futures."""

    def reads(
        self, client: Client, account: str, instruments: Iterable[Instrument], assets: Iterable[str]
    ) -> BinanceReads:
        """Return what reads an account's REST."""
        return BinanceReads(client, BinanceFacts(account, instruments, assets))

    async def door(self, client: Client) -> Door:
        """Ask for a listen key and return the URL of the private stream that it opens."""
        answer = await client.call("listen_key_new")
        return Door(url=client.exchange.get_private_ws_url(kind_of(client), answer.get("listenKey")))

    async def renew(self, client: Client) -> None:
        """Keep the listen key alive; ccxt's own renewal stops after the first."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await client.call("listen_key_renew")

    def is_answer(self, message: Raw, greeting: Mapping[str, Any]) -> bool:
        """Nothing is sent first."""
        return False

    def is_pong(self, message: Raw) -> bool:
        """Pongs are frames."""
        return False

    def told(self, message: Raw, facts: Facts) -> Told:
        """Read a message of the user data stream."""
        assert isinstance(facts, BinanceFacts)
        match message.get("e"):
            case "listenKeyExpired":
                raise StreamBroke("the venue let the listen key expire: opening another stream")
            case "ORDER_TRADE_UPDATE":
                raw = message["o"]
                fill, order = facts.fill_of_update(raw), facts.order_of_update(raw)
                return Told(
                    fills=[fill] if fill else [],
                    orders=[order] if order else [],
                    is_partial=fill is None and has_fill(raw),  # only REST knows what it cost
                )
            case "ACCOUNT_UPDATE":
                update = message["a"]
                return Told(
                    positions=facts.positions_of_update(update),
                    balances=facts.balances_of_update(update),
                    at=moment(int(message["T"])),
                    is_partial=update.get("m") != "ORDER",  # only REST gives fundings and transfers their ids
                )
        return NOTHING

    async def prices(self, client: Client) -> list[dict[str, Any]]:
        """Ask for the premium index of all contracts."""
        rows = await client.call("marks")
        return [rows] if isinstance(rows, dict) else list(rows)
