"""Prices: a market as it is now, to price any size in."""

from datetime import datetime

from portfolio.core.price_market import Market
from portfolio.queries.fees import taker_rates
from portfolio.queries.scenes import depths, scene_at


def market_at(at: datetime) -> Market:
    """Return the market: the log's head, the board's marks and books, and the fees of our latest fills."""
    scene = scene_at(at)
    return Market(scene.valuation, depths(), taker_rates(scene.book.catalogue.instruments))
