"""Statements: what the log heard last of a holder's collateral, and what is news against it."""

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Final

import psycopg

from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.records import record
from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import read

Place = tuple[str, str]  # wallet, asset
CONNECT_S_MAX: Final = 3
STATEMENT_MS_MAX: Final = 20_000


@record
class Held:
    """What a wallet holds of an asset: all of it, and the part that cannot leave now."""

    total: Decimal
    locked: Decimal = Decimal(0)


def heard(holder: str) -> dict[Place, CollateralStated]:
    """Return the log's last statement on each wallet and asset of a holder; blocking."""
    last: dict[Place, CollateralStated] = {}
    bounds = f"-c statement_timeout={STATEMENT_MS_MAX}"
    opened = psycopg.connect(conninfo(), autocommit=True, connect_timeout=CONNECT_S_MAX, options=bounds)
    with closing(opened) as connection:
        for recorded in read(connection, kinds={CollateralStated.__name__}):
            event = recorded.event
            if isinstance(event, CollateralStated) and event.holder == holder:
                last[event.wallet, event.asset] = event
    return last


def news(
    known: Mapping[Place, Held], found: Mapping[Place, Held], *, holder: str, reference: str, at: datetime
) -> list[CollateralStated]:
    """Return a statement for each holding that changed; one that is no longer listed is stated as nothing."""
    vanished = {place: Held(total=Decimal(0)) for place, held in known.items() if place not in found and held.total}
    return [
        CollateralStated(
            at=at,
            holder=holder,
            wallet=wallet,
            asset=asset,
            total=held.total,
            locked=held.locked,
            reference=reference,
        )
        for (wallet, asset), held in sorted({**found, **vanished}.items())
        if known.get((wallet, asset)) != held
    ]


def held_of(statement: CollateralStated) -> Held:
    """Return what a statement says that a wallet holds."""
    return Held(total=statement.total, locked=statement.locked)
