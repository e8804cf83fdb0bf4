"""Protocol: how any exchange's public data is had through ccxt."""

from typing import Final

from marketdata.feeds.generic.connection import Connection
from marketdata.feeds.generic.market import Market
from marketdata.feeds.generic.specifications import specify
from marketdata.feeds.public.protocol import PublicProtocol

# Where an exchange streams no marks, they are asked for with funding.
MARK_MS_MAX: Final = 15_000

GENERIC: Final = PublicProtocol(market=Market, specify=specify, connect=Connection, mark_ms_max=MARK_MS_MAX)
