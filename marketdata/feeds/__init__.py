"""One file per source; each is a service, once in the fleet."""

from hedgeapp.services import Service
from marketdata import queries

PUBLIC = {"binance-usdm": "marketdata.feeds.binance.run", "binance-coinm": "marketdata.feeds.binance.run"}
CUSTODIANS = {"ceffu": "marketdata.feeds.ceffu.run"}


def services() -> list[Service]:
    """Return a service for each venue's public feed, each account, each custodian and each chain that is enabled."""
    reference = queries.reference()
    return [
        *(
            Service(name=f"feed:{venue.name}", runner=PUBLIC[venue.protocol])
            for venue in reference.venues
            if venue.is_enabled
        ),
        *(
            Service(name=f"account:{account.name}", runner="marketdata.feeds.ccxt.run")
            for account in reference.accounts
            if account.is_enabled
        ),
        *(
            Service(name=f"custodian:{custodian.name}", runner=CUSTODIANS[custodian.protocol])
            for custodian in reference.custodians
            if custodian.is_enabled
        ),
        *(
            Service(name=f"chain:{chain.name}", runner="marketdata.feeds.chain.run")
            for chain in reference.chains
            if chain.is_enabled
        ),
    ]
