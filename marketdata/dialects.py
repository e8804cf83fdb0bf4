"""Dialects: how each protocol is spoken through ccxt: where its interfaces are, and what its calls are named there.

Importing this module loads ccxt, as `marketdata.venues` does.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import ccxt.pro

from hedgeapp.core.instruments import ContractKind
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue

REAL_HOSTS: Final = "binance.com"


@record
class Dialect:
    """One protocol: ccxt's class, our names of its implicit methods, its URLs, errors and clock."""

    exchange: str
    methods: Mapping[str, str]
    urls: Callable[[Venue], dict[str, Any]]
    exact_errors: Callable[[], dict[str, Any]]
    server_ms: Callable[[Any], int]
    is_sent_once: bool = False  # whether a request that got no answer is never sent again: its GETs place orders
    expiry_header: str = ""  # tells until when a request may be taken, in ms, where no window is signed


def _usdm_urls(venue: Venue) -> dict[str, Any]:
    """Put the venue's roots in the place of ccxt's own; of one venue only its own interface is overridden."""
    rest, sockets = _roots(venue)
    urls: dict[str, Any] = {
        f"fapi{half}{suffix}": f"{rest}/fapi/{version}"
        for half in ("Public", "Private")
        for suffix, version in (("", "v1"), ("V2", "v2"), ("V3", "v3"))
    }
    return urls | {"fapiData": f"{rest}/futures/data", "ws": {"linear": f"{sockets}/ws"}, **_wallet_url(rest)}


def _coinm_urls(venue: Venue) -> dict[str, Any]:
    rest, sockets = _roots(venue)
    urls: dict[str, Any] = {
        f"dapi{half}{suffix}": f"{rest}/dapi/{version}"
        for half in ("Public", "Private")
        for suffix, version in (("", "v1"), ("V2", "v2"))
    }
    return urls | {"dapiData": f"{rest}/futures/data", "ws": {"inverse": f"{sockets}/ws"}, **_wallet_url(rest)}


def _wallet_url(rest: str) -> dict[str, str]:
    """Give the wallet interface, which has a host of its own in the real world."""
    return {} if (urlsplit(rest).hostname or "").endswith(REAL_HOSTS) else {"sapi": f"{rest}/sapi/v1"}


def _bybit_urls(venue: Venue) -> dict[str, Any]:
    rest, sockets = _roots(venue)
    public = {kind: f"{sockets}/v5/public/{kind}" for kind in ("linear", "inverse")}
    return {
        "public": rest,
        "private": rest,
        "ws": {"public": public, "private": {"contract": f"{sockets}/v5/private"}},
    }


def _deribit_urls(venue: Venue) -> dict[str, Any]:
    rest, sockets = _roots(venue)
    return {"rest": rest, "ws": f"{sockets}/ws/api/v2"}


def _okx_urls(venue: Venue) -> dict[str, Any]:
    rest, sockets = _roots(venue)
    return {"rest": rest, "ws": f"{sockets}/ws/v5"}


def _roots(venue: Venue) -> tuple[str, str]:
    return venue.rest_url.rstrip("/"), venue.ws_url.rstrip("/")


@cache
def _futures_errors(exchange: str, kind: ContractKind) -> dict[str, Any]:
    """Return the meaning of futures' error codes, which ccxt knows for the real hosts only; the own kind's win."""
    known = getattr(ccxt.pro, exchange)().describe()["exceptions"]
    other: ContractKind = "inverse" if kind == "linear" else "linear"
    return {**known["exact"], **known[other]["exact"], **known[kind]["exact"]}


def _binance_ms(answer: Any) -> int:
    return int(answer["serverTime"])


def _bybit_ms(answer: Any) -> int:
    return int(answer["result"]["timeNano"]) // 1_000_000


def _deribit_ms(answer: Any) -> int:
    return int(answer["result"])


def _okx_ms(answer: Any) -> int:
    return int(answer["data"][0]["ts"])


def _named(root: str, *, account: str, positions: str, brackets: str, modes: str) -> dict[str, str]:
    """Name the calls of one of Binance's futures; the versions of some differ between the two."""
    public, private = f"{root}Public", f"{root}Private"
    return {
        "time": f"{public}GetTime",
        "exchange_info": f"{public}GetExchangeInfo",
        "marks": f"{public}GetPremiumIndex",
        "funding_info": f"{public}GetFundingInfo",
        "brackets": f"{private}{brackets}",
        "account": f"{private}{account}",
        "positions": f"{private}{positions}",
        "margin_modes": f"{private}{modes}",
        "trades": f"{private}GetUserTrades",
        "open_orders": f"{private}GetOpenOrders",
        "order": f"{private}GetOrder",
        "income": f"{private}GetIncome",
        "listen_key_new": f"{private}PostListenKey",
        "listen_key_renew": f"{private}PutListenKey",
        "place": f"{private}PostOrder",
        "cancel": f"{private}DeleteOrder",
        "cancel_all": f"{private}DeleteAllOpenOrders",
    }


DIALECTS: Final[Mapping[str, Dialect]] = {
    "binance-usdm": Dialect(
        exchange="binanceusdm",
        methods={
            **_named(
                "fapi",
                account="V3GetAccount",
                positions="V3GetPositionRisk",
                brackets="GetLeverageBracket",
                modes="GetSymbolConfig",
            ),
            "asset_index": "fapiPublicGetAssetIndex",
            "settings": "fapiPrivateGetAccountConfig",  # what holds for the whole account; the other has no such
        },
        urls=_usdm_urls,
        exact_errors=lambda: _futures_errors("binanceusdm", "linear"),
        server_ms=_binance_ms,
    ),
    "binance-coinm": Dialect(
        exchange="binancecoinm",
        methods=_named(
            "dapi",
            account="GetAccount",
            positions="GetPositionRisk",
            brackets="V2GetLeverageBracket",
            modes="GetPositionRisk",
        ),
        urls=_coinm_urls,
        exact_errors=lambda: _futures_errors("binancecoinm", "inverse"),
        server_ms=_binance_ms,
    ),
    "bybit": Dialect(
        exchange="bybit",
        methods={
            "time": "publicGetV5MarketTime",
            "marks": "publicGetV5MarketTickers",
            "account": "privateGetV5AccountWalletBalance",
            "account_info": "privateGetV5AccountInfo",
            "key": "privateGetV5UserQueryApi",
            "positions": "privateGetV5PositionList",
            "trades": "privateGetV5ExecutionList",
            "orders": "privateGetV5OrderRealtime",
            "ended_orders": "privateGetV5OrderHistory",
            "income": "privateGetV5AccountTransactionLog",
            "collateral": "publicGetV5SpotMarginTradeCollateral",
            "borrow_rates": "privateGetV5SpotMarginTradeInterestRateHistory",
            "place": "privatePostV5OrderCreate",
            "cancel": "privatePostV5OrderCancel",
            "cancel_all": "privatePostV5OrderCancelAll",
        },
        urls=_bybit_urls,
        exact_errors=dict,  # ccxt knows them on any host
        server_ms=_bybit_ms,
    ),
    "okx": Dialect(
        exchange="okx",
        methods={
            "time": "publicGetPublicTime",
            "marks": "publicGetPublicMarkPrice",
            "indices": "publicGetMarketIndexTickers",
            "account": "privateGetAccountBalance",
            "account_info": "privateGetAccountConfig",
            "positions": "privateGetAccountPositions",
            "leverages": "privateGetAccountLeverageInfo",
            "discounts": "publicGetPublicDiscountRateInterestFreeQuota",
            "collateral": "privateGetAccountCollateralAssets",
            "trades": "privateGetTradeFills",
            "old_trades": "privateGetTradeFillsHistory",
            "orders": "privateGetTradeOrdersPending",
            "order": "privateGetTradeOrder",
            "income": "privateGetAccountBills",
            "old_income": "privateGetAccountBillsArchive",
            "place": "privatePostTradeOrder",
            "cancel": "privatePostTradeCancelOrder",
        },
        urls=_okx_urls,
        exact_errors=dict,  # ccxt knows them on any host
        server_ms=_okx_ms,
        expiry_header="expTime",
    ),
    "deribit": Dialect(
        exchange="deribit",
        methods={
            "time": "publicGetGetTime",
            "marks": "publicGetTicker",
            "account": "privateGetGetAccountSummaries",
            "positions": "privateGetGetPositions",
            "trades": "privateGetGetUserTradesByInstrument",
            "orders": "privateGetGetOpenOrdersByInstrument",
            "order": "privateGetGetOrderState",
            "labeled": "privateGetGetOrderStateByLabel",
            "ended_orders": "privateGetGetOrderHistoryByInstrument",
            "income": "privateGetGetTransactionLog",
            "buy": "privateGetBuy",
            "sell": "privateGetSell",
            "cancel": "privateGetCancel",
            "cancel_all": "privateGetCancelAllByInstrument",
        },
        urls=_deribit_urls,
        exact_errors=dict,  # ccxt knows them on any host
        server_ms=_deribit_ms,
        is_sent_once=True,
    ),
}
