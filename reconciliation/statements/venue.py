"""Venue: an exchange account's own word, by REST; never by the stream that our side was fed from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from hedgeapp.core.events.balances import TransferSeen
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Venue
from marketdata.core.specifications import completed
from marketdata.feeds.ccxt.complaints import EXPECTED, sentence
from marketdata.feeds.ccxt.facts import moment
from marketdata.feeds.ccxt.protocols import PROTOCOLS
from marketdata.feeds.ccxt.reads import Reads
from marketdata.queries.credentials import Keys
from marketdata.venues import Client
from reconciliation.core import ours
from reconciliation.core.compare import side, text
from reconciliation.core.statements import Statement
from reconciliation.statements.reading import Reading

_MARGINS: Final[Mapping[str, str]] = {"cross": ours.CROSS, "crossed": ours.CROSS, "isolated": "isolated"}


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
        protocol = PROTOCOLS[setup.venue.protocol]
        reads = protocol.reads(client, setup.account.name, setup.instruments, setup.assets)
        await reads.verify()
        reading = Reading(subject, EXPECTED, sentence)
        await _trading(reading, reads, setup)
        await _income(reading, reads, at)
        await _holdings(reading, reads)
        await _settings(reading, reads)
        await _specifications(reading, reads, setup)
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
    if (totals := await reading.part(["balance"], reads.balances)) is not None:
        reading.tell("balance", {asset: (total,) for asset, total in totals.items()})
    if (found := await reading.part(["position"], reads.positions)) is not None:
        reading.tell("position", {name: (one.quantity,) for name, one in found.items()})


async def _settings(reading: Reading, reads: Reads) -> None:
    """Read how the account holds positions and margin: of all of it, and of each contract."""
    if (told := await reading.part(["mode"], reads.settings)) is None:
        return
    found = {ours.POSITIONS: "long and short apart" if told.is_apart else ours.ONE_WAY}
    if told.is_joint is not None:
        found[ours.ASSETS] = "all margin together" if told.is_joint else ours.EACH_ALONE
    if told.can_trade is not None:
        found[ours.TRADING] = ours.ALLOWED if told.can_trade else "refused"
    for id_, margin in told.margins.items():
        found[id_] = _MARGINS.get(margin.lower(), margin)
    for id_, leverage in told.leverages.items():
        found[ours.leverage_item(id_)] = text(leverage)
    reading.tell("mode", {item: (mode,) for item, mode in found.items()})


async def _specifications(reading: Reading, reads: Reads, setup: Setup) -> None:
    async def read() -> list[Instrument]:
        symbols = setup.account.instruments
        specified = await reads.specified(symbols)
        known = {one.id: one for one in setup.instruments}
        told = specified(symbols=symbols, assets=setup.assets)
        return [completed(one, known.get(one.id)) for one in told]  # what it does not tell, it cannot contradict

    if (found := await reading.part(["instrument"], read)) is not None:
        reading.tell("instrument", ours.specifications(found))
