"""The signed endpoints about how an account margins: its assets' mode, what they count for, its place for ADL."""

from typing import Any

from sandbox.binance import errors
from sandbox.binance.exchange import Exchange
from sandbox.binance.markets import Parameters
from sandbox.binance.orders import Done
from sandbox.binance.wire import fixed


def set_multi_assets(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Let all assets of an account margin together, or each for itself. Raise RequestRefused."""
    wanted = parameters.get("multiAssetsMargin", "").lower()
    if wanted not in ("true", "false"):
        raise errors.missing("multiAssetsMargin")
    cross = exchange.liquidation.cross
    if cross.joint(account) == (wanted == "true"):
        message = "Adjusted asset mode is currently set and does not need to be adjusted repeatedly."
        raise errors.RequestRefused(400, -4171, message)
    symbols = exchange.accounts.accounts[account].symbols
    if any(cross.orders.of(account, symbol) for symbol in symbols):
        message = "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures."
        raise errors.RequestRefused(400, -4170, message)
    if any(pool.ratio >= 1 for pool in cross.pools(account, joint=wanted == "true")):
        message = "Unable to adjust Multi-Assets Mode with insufficient margin balance in USDⓈ-M Futures."
        raise errors.RequestRefused(400, -4169, message)
    cross.set_joint(account, wanted == "true")
    return Done(answer={"code": 200, "msg": "success"}, headers={})


def asset_index(exchange: Exchange, parameters: Parameters) -> Any:
    """Give what each asset counts for in multi-assets mode: bidRate what one unit held counts for, askRate one owed."""
    cross = exchange.liquidation.cross
    rows = [
        {
            "symbol": f"{asset}USD",
            "time": exchange.now_ms(),
            "index": fixed(cross.price(asset)),
            "bidBuffer": fixed(1 - ratio),
            "askBuffer": "0.00000000",
            "bidRate": fixed(cross.price(asset) * ratio),
            "askRate": fixed(cross.price(asset)),
            "autoExchangeBidBuffer": fixed(1 - ratio),
            "autoExchangeAskBuffer": "0.00000000",
            "autoExchangeBidRate": fixed(cross.price(asset) * ratio),
            "autoExchangeAskRate": fixed(cross.price(asset)),
        }
        for asset, ratio in cross.ratios.items()
    ]
    wanted = parameters.get("symbol")
    if not wanted:
        return rows
    found = [row for row in rows if row["symbol"] == wanted.upper()]
    if not found:
        raise errors.unknown_symbol()
    return found[0]


def adl_quantile(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """Give how soon each position would be deleveraged: 0 last to 4 first."""
    wanted = exchange.market(parameters["symbol"]).spec.symbol if parameters.get("symbol") else None
    rows = [
        {
            "symbol": symbol,
            "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": exchange.liquidation.rank(account, symbol).quantile},
        }
        for symbol in exchange.accounts.accounts[account].symbols
        if wanted in (None, symbol)
    ]
    return rows if wanted is None else rows[0]
