"""One file per source; each is a service, once in the fleet."""

from hedgeapp.services import Service
from marketdata.queries.sources import sources

PUBLIC = {"binance-usdm": "marketdata.feeds.binance.run", "binance-coinm": "marketdata.feeds.binance.run"}
CUSTODIANS = {"ceffu": "marketdata.feeds.ceffu.run"}


def services() -> list[Service]:
    """Return a service for each venue's public feed, each account, each custodian and each chain that is enabled."""
    found = sources()
    return [
        *(Service(name=f"feed:{venue.name}", runner=PUBLIC[venue.protocol]) for venue in found.venues),
        *(Service(name=f"account:{account.name}", runner="marketdata.feeds.ccxt.run") for account in found.accounts),
        *(Service(name=f"custodian:{each.name}", runner=CUSTODIANS[each.protocol]) for each in found.custodians),
        *(Service(name=f"chain:{chain.name}", runner="marketdata.feeds.chain.run") for chain in found.chains),
    ]
