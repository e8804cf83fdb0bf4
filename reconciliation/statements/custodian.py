"""Custodian: what its wallets hold and what it mirrors to our accounts, by its own word now."""

from datetime import UTC, datetime

from hedgeapp.core.events.collateral import CollateralStated
from marketdata.feeds.ceffu import FAULTS, Setup
from marketdata.feeds.ceffu.client import CeffuClient, Settings
from marketdata.feeds.ceffu.feed import spelling
from reconciliation.core.compare import side
from reconciliation.core.delegations import item_of
from reconciliation.core.statements import Statement
from reconciliation.statements import mirror
from reconciliation.statements.reading import Reading

SETTINGS = Settings(request_timeout_s=4.0, attempts_max=2)


async def statement(subject: str, setup: Setup) -> Statement:
    """Read a custodian's statement; what is not there as an asset of ours keeps the custodian's spelling."""
    reading, known = Reading(subject, FAULTS, str), spelling(setup.assets)
    name, keys = setup.custodian.name, setup.keys
    async with CeffuClient(name, setup.custodian.url, keys.api_key, keys.secret, SETTINGS) as client:

        async def read() -> list[CollateralStated]:
            at = datetime.now(UTC)
            reference = str(int(at.timestamp() * 1_000))
            return [
                CollateralStated(
                    at=at,
                    holder=name,
                    wallet=wallet.walletIdStr,
                    asset=known.get(holding.coin.upper(), holding.coin),
                    total=holding.total,
                    locked=holding.locked,
                    reference=reference,
                )
                for wallet in await client.every_wallet()
                for holding in await client.holdings(wallet.walletIdStr, wallet.walletType)
            ]

        if (found := await reading.part(["collateral"], read)) is not None:
            rows = ((f"{one.wallet}:{one.asset}", (one.total, one.locked)) for one in found)
            reading.tell("collateral", side("collateral", rows))
            for one in found:
                reading.note("collateral", f"{one.wallet}:{one.asset}", one)

        async def mirrored() -> mirror.Mirrored:
            return await mirror.read(client, name, known, datetime.now(UTC))

        if (delegated := await reading.part(["delegation"], mirrored)) is not None:
            reading.losses = delegated.losses
            totals = ((item_of(one.account, one.asset), (one.total,)) for one in delegated.stated)
            reading.tell("delegation", side("delegation", totals))
            for stated in delegated.stated:
                reading.note("delegation", item_of(stated.account, stated.asset), stated)
    return reading.statement(datetime.now(UTC))
