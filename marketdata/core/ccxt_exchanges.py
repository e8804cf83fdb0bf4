"""ccxt's exchanges: which of them the generic feed follows, by ccxt's own ids.  (names)

Written down because the web process, which offers them in a form, never loads ccxt. Each has perpetuals, streams of
books, trades and tickers, a funding rate, and prices in ticks by ccxt's own word: a test asks the installed ccxt.
"""

from typing import Final

PREFIX: Final = "ccxt-"  # of a venue's protocol, before ccxt's id
IDS: Final = (
    "backpack",
    "bingx",
    "bitget",
    "blofin",
    "cryptocom",
    "gate",
    "hashkey",
    "htx",
    "hyperliquid",
    "krakenfutures",
    "mexc",
    "paradex",
    "phemex",
    "whitebit",
    "woo",
    "woofipro",
    "xt",
)
PROTOCOLS: Final = tuple(f"{PREFIX}{id_}" for id_ in IDS)
