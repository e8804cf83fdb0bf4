"""One file per source; each is a service, once in the fleet."""

from hedgeapp.services import Service

PUBLIC = dict.fromkeys(("binance-usdm", "binance-coinm"), "marketdata.feeds.binance.service.run")
CUSTODIANS = {"ceffu": "marketdata.feeds.ceffu.run"}


def services() -> list[Service]:
    """Return a service for each venue's public feed, each account, each custodian and each chain that is enabled."""
    # Not above: decoders are also used where there is no database.
    from marketdata.queries.sources import sources

    found = sources()
    return [
        *(Service(name=f"feed:{venue.name}", runner=PUBLIC[venue.protocol]) for venue in found.venues),
        *(Service(name=f"account:{account.name}", runner="marketdata.feeds.ccxt.run") for account in found.accounts),
        *(Service(name=f"custodian:{each.name}", runner=CUSTODIANS[each.protocol]) for each in found.custodians),
        *(Service(name=f"chain:{chain.name}", runner="marketdata.feeds.chain.run") for chain in found.chains),
    ]
