"""Custodian: what its wallets hold, what came and went, and what it mirrors to our accounts, by its own word now."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from hedgeapp.core.events.collateral import CollateralStated
from marketdata.core.custody import Booked, booking
from marketdata.feeds.ceffu import FAULTS, Setup
from marketdata.feeds.ceffu.client import CeffuClient, Settings
from marketdata.feeds.ceffu.feed import spelling
from marketdata.feeds.ceffu.orders import OrdersReader
from marketdata.feeds.ceffu.rows import WalletRow
from reconciliation.core import ours
from reconciliation.core.compare import side
from reconciliation.core.delegations import item_of
from reconciliation.core.statements import Statement
from reconciliation.statements import mirror
from reconciliation.statements.reading import Reading

SETTINGS = Settings(request_timeout_s=4.0, attempts_max=2)
CLOCKS_APART_MAX: Final = timedelta(minutes=5)


async def statement(subject: str, setup: Setup, since: datetime) -> Statement:
    """Read a custodian's statement, what came and went `since` a time.

    What is held is read first: what changed it meanwhile is in his lists. What is not there as an asset of ours keeps
    the custodian's spelling.
    """
    reading, known = Reading(subject, FAULTS, str), spelling(setup.assets)
    name, keys = setup.custodian.name, setup.keys
    async with CeffuClient(name, setup.custodian.url, keys.api_key, keys.secret, SETTINGS) as client:
        wallets = await _holdings(reading, client, name, known)

        async def mirrored() -> mirror.Mirrored:
            return await mirror.read(client, name, known, datetime.now(UTC))

        if (delegated := await reading.part(["delegation"], mirrored)) is not None:
            reading.losses, reading.linked = delegated.losses, dict(delegated.linked)
            totals = ((item_of(one.account, one.asset), (one.total,)) for one in delegated.stated)
            reading.tell("delegation", side("delegation", totals))
            for stated in delegated.stated:
                reading.note("delegation", item_of(stated.account, stated.asset), stated)

        async def flows() -> list[Booked]:
            until = datetime.now(UTC) + CLOCKS_APART_MAX
            span = (round(since.timestamp() * 1000), round(until.timestamp() * 1000))
            orders = await OrdersReader(name, client, known).flows(wallets, span)
            found = (booking(name, one) for one in orders if one.state == "success")
            return [one for one in found if one is not None]

        if delegated is not None and wallets and (came := await reading.part(["transfer"], flows)) is not None:
            _transfers(reading, [one for one in (*came, *delegated.settled) if one.at >= since])
    return reading.statement(datetime.now(UTC))


async def _holdings(reading: Reading, client: CeffuClient, name: str, known: dict[str, str]) -> list[WalletRow]:
    """Read what each wallet holds, and return the wallets; none when it cannot be read."""
    wallets: list[WalletRow] = []

    async def read() -> list[CollateralStated]:
        at = datetime.now(UTC)
        wallets.extend(await client.every_wallet())
        return [
            CollateralStated(
                at=at,
                holder=name,
                wallet=wallet.walletIdStr,
                asset=known.get(holding.coin.upper(), holding.coin),
                total=holding.total,
                locked=holding.locked,
                reference=str(int(at.timestamp() * 1_000)),
            )
            for wallet in wallets
            for holding in await client.holdings(wallet.walletIdStr, wallet.walletType)
        ]

    if (found := await reading.part(["collateral", "holding"], read)) is None:
        return []
    rows = [(f"{one.wallet}:{one.asset}", (one.total, one.locked)) for one in found]
    reading.tell("collateral", side("collateral", rows))
    reading.tell("holding", side("holding", ((item, (total,)) for item, (total, _) in rows)))
    for one in found:
        reading.note("collateral", f"{one.wallet}:{one.asset}", one)
    return wallets


def _transfers(reading: Reading, found: Iterable[Booked]) -> None:
    for one in found:
        reading.note("transfer", ours.flow_item(one), one)
    reading.tell("transfer", ours.flows(found))
