"""ccxt: one exchange account's private stream and REST, through ccxt and ccxt.pro.  Runs as `account:<name>`."""

from marketdata.feeds.ccxt.service import run as run
