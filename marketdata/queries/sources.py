"""What there is to listen to: every enabled source, by name and protocol."""

from typing import Final

from django.db import connection

from hedgeapp.core.records import record
from marketdata import models

ETHEREUM: Final = "ethereum"  # the protocol of every chain so far

# One read, for every worker looks each second.
_ENABLED: Final = f"""
SELECT 'venue' AS part, name, protocol FROM {models.Venue._meta.db_table} WHERE is_enabled
 UNION ALL
SELECT 'account', account.name, venue.protocol
  FROM {models.Account._meta.db_table} AS account
  JOIN {models.Venue._meta.db_table} AS venue ON venue.name = account.venue_id AND venue.is_enabled
 WHERE account.is_enabled
 UNION ALL
SELECT 'custodian', name, protocol FROM {models.Custodian._meta.db_table} WHERE is_enabled
 UNION ALL
SELECT 'chain', name, '{ETHEREUM}' FROM {models.Chain._meta.db_table} WHERE is_enabled
 UNION ALL
SELECT 'oracle', name, protocol FROM {models.Oracle._meta.db_table} WHERE is_enabled
 ORDER BY 2
"""


@record
class Source:
    """A venue, custodian, chain or oracle that a feed reads; an account's protocol is its venue's."""

    name: str
    protocol: str


@record
class Sources:
    """The enabled ones; an account counts only while its venue does."""

    venues: tuple[Source, ...]
    accounts: tuple[Source, ...]
    custodians: tuple[Source, ...]
    chains: tuple[Source, ...]
    oracles: tuple[Source, ...]


def sources() -> Sources:
    """Return every enabled source, each part by name."""
    with connection.cursor() as cursor:
        cursor.execute(_ENABLED)
        rows = cursor.fetchall()

    def part(wanted: str) -> tuple[Source, ...]:
        return tuple(Source(name=name, protocol=protocol) for kind, name, protocol in rows if kind == wanted)

    return Sources(
        venues=part("venue"),
        accounts=part("account"),
        custodians=part("custodian"),
        chains=part("chain"),
        oracles=part("oracle"),
    )
