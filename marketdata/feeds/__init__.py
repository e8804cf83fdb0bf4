"""One file per source; each is a service, once in the fleet."""

from hedgeapp.services import Service
from marketdata.core import ccxt_exchanges

# What each protocol's public data is spoken with (marketdata/feeds/public/protocol.py).
PUBLIC = {
    "binance-usdm": "marketdata.feeds.binance.protocol.USDM",
    "binance-coinm": "marketdata.feeds.binance.protocol.COINM",
    "binance-spot": "marketdata.feeds.binance.protocol.SPOT",
    "bybit": "marketdata.feeds.bybit.protocol.BYBIT",
    "okx": "marketdata.feeds.okx.protocol.OKX",
    "deribit": "marketdata.feeds.deribit.protocol.DERIBIT",
    **dict.fromkeys(ccxt_exchanges.PROTOCOLS, "marketdata.feeds.generic.protocol.GENERIC"),
}
PUBLIC_RUNNER = "marketdata.feeds.public.service.run"
CUSTODIANS = {"ceffu": "marketdata.feeds.ceffu.run"}
ORACLES = {"pyth": "marketdata.feeds.oracles.pyth.run", "redstone": "marketdata.feeds.oracles.redstone.run"}


def services() -> list[Service]:
    """Return a service for each venue's public feed, account, custodian, chain and oracle that is enabled."""
    # Not above: decoders are also used where there is no database.
    from marketdata.queries.sources import sources

    found = sources()
    return [
        *(Service(name=f"feed:{venue.name}", runner=PUBLIC_RUNNER) for venue in found.venues),
        *(Service(name=f"account:{account.name}", runner="marketdata.feeds.ccxt.run") for account in found.accounts),
        *(Service(name=f"custodian:{each.name}", runner=CUSTODIANS[each.protocol]) for each in found.custodians),
        *(Service(name=f"chain:{chain.name}", runner="marketdata.feeds.chain.run") for chain in found.chains),
        *(Service(name=f"oracle:{each.name}", runner=ORACLES[each.protocol]) for each in found.oracles),
    ]
