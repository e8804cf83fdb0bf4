"""Venue: an exchange account's own word, by REST; never by the stream that our side was fed from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Venue
from marketdata.core.reference import instruments as specified
from marketdata.feeds.ccxt.complaints import EXPECTED, sentence
from marketdata.feeds.ccxt.facts import Facts, Raw, moment
from marketdata.feeds.ccxt.reads import Reads
from marketdata.queries.credentials import Keys
from marketdata.venues import Client
from reconciliation.core import ours
from reconciliation.core.compare import side
from reconciliation.core.statements import Statement
from reconciliation.statements.reading import Reading


@record
class Setup:
    """What an account's statement is read with; `trades_from` are the trade ids that fills are compared from on."""

    account: Account
    venue: Venue
    keys: Keys
    instruments: tuple[Instrument, ...]
    assets: Mapping[str, Asset]
    trades_from: Mapping[str, int]


async def statement(subject: str, setup: Setup) -> Statement:
    """Read an account's statement; raises what its faults are when nothing at all can be read."""
    client = Client(setup.venue, setup.keys)
    try:
        at = moment(await client.server_ms())
        reads = Reads(client, Facts(setup.account.name, setup.instruments))
        reading = Reading(subject, EXPECTED, sentence)
        await _trading(reading, reads, setup)
        await _income(reading, reads, at)
        await _holdings(reading, reads)
        await _specifications(reading, client, setup)
        return reading.statement(at)
    finally:
        await client.close()


async def _trading(reading: Reading, reads: Reads, setup: Setup) -> None:
    async def fills() -> list[FillRecorded]:
        known = [one for one in setup.instruments if one.id in setup.trades_from]
        return [fill for one in known for fill in await reads.trades(one, setup.trades_from[one.id])]

    if (listed := await reading.part(["open_order"], lambda: reads.orders({}))) is not None:
        rows = ((ours.order_item(one), ours.order_values(one)) for one in listed[0])
        reading.tell("open_order", side("open_order", rows))
        for order in listed[0]:
            reading.note("open_order", ours.order_item(order), order)
    if (found := await reading.part(["fill"], fills)) is not None:
        reading.tell("fill", ours.fills(found))
        for fill in found:
            reading.note("fill", f"{fill.instrument}:{fill.trade_id}", fill)


async def _income(reading: Reading, reads: Reads, at: datetime) -> None:
    if (found := await reading.part(["funding", "transfer"], lambda: reads.income(at, at))) is None:
        return
    paid = [one for one in found if isinstance(one, FundingPaid)]
    moved = [one for one in found if isinstance(one, TransferSeen)]
    reading.tell("funding", ours.fundings(paid))
    reading.tell("transfer", ours.transfers(moved))
    for funding in paid:
        reading.note("funding", f"{funding.instrument}:{funding.payment_id}", funding)
    for transfer in moved:
        reading.note("transfer", f"{transfer.asset}:{transfer.transfer_id}", transfer)


async def _holdings(reading: Reading, reads: Reads) -> None:
    """Read balances after the facts that explain them, and positions last: what is under way shows in both."""

    async def rows() -> list[Raw]:
        return list(await reads.client.call("positions"))

    if (account := await reading.part(["balance"], reads.account)) is not None:
        totals = reads.facts.balances_of_account(account)
        reading.tell("balance", {asset: (total,) for asset, total in totals.items()})
    if (listed := await reading.part(["position", "mode"], rows)) is None:
        return
    spelled = reads.facts.spelling.instruments
    reading.tell("mode", {spelled[row["symbol"]].id: (_mode(row),) for row in listed if row.get("symbol") in spelled})

    async def positions() -> dict[str, Any]:
        return reads.facts.positions_of_rows(listed)

    if (found := await reading.part(["position"], positions)) is not None:
        reading.tell("position", {name: (one.quantity,) for name, one in found.items()})


def _mode(row: Raw) -> str:
    sides = "one-way" if row.get("positionSide", "BOTH") == "BOTH" else "hedge"
    is_isolated = row.get("marginType", "cross").lower().startswith("isolated") or row.get("isolated") is True
    return f"{sides}, {'isolated' if is_isolated else 'cross'}"


async def _specifications(reading: Reading, client: Client, setup: Setup) -> None:
    async def read() -> list[Instrument]:
        info, brackets = await client.call("exchange_info"), await client.call("brackets")
        venue, kind, symbols = setup.venue.name, client.dialect.kind, setup.account.instruments
        return specified(venue, kind, info, brackets, symbols=symbols, assets=setup.assets)

    if (found := await reading.part(["instrument"], read)) is not None:
        reading.tell("instrument", ours.specifications(found))
