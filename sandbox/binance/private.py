"""The signed REST endpoints about an account's present: assets, positions, margin tiers and modes."""

from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.exchange import Exchange
from sandbox.binance.markets import Parameters
from sandbox.binance.wire import fixed, money, plain
from sandbox.instruments import Spec
from sandbox.matching import requirement
from sandbox.rows import Position

ZERO = Decimal(0)


class Reader:
    """Answers the reads of one account of a venue."""

    def __init__(self, exchange: Exchange, account: str) -> None:
        self.exchange = exchange
        self.accounts = exchange.accounts
        self.account = account
        self.cross = exchange.liquidation.cross

    def _rows(self) -> list[tuple[Spec, Position, margin.Holding]]:
        rows = []
        for symbol in self.accounts.accounts[self.account].symbols:
            market = self.exchange.markets[symbol]
            position = self.accounts.position(self.account, symbol)
            rows.append((market.spec, position, self.accounts.holding(self.account, symbol)))
        return rows

    def _asset(self, asset: str) -> dict[str, Any]:
        """Describe one asset of the account."""
        pool = self.cross.asset_pool(self.account, asset)
        free = self.cross.available(self.account, asset)
        profit = money(pool.unrealized)  # so that the balances add up to the last decimal, as the venue's do
        changed = [each.updated_ms for spec, each, _ in self._rows() if spec.margin_asset == asset]
        return {
            "asset": asset,
            "walletBalance": fixed(pool.wallet),
            "unrealizedProfit": fixed(profit),
            "marginBalance": fixed(pool.wallet + profit),
            "maintMargin": fixed(pool.maintenance),
            "initialMargin": fixed(pool.initial_margin),
            "positionInitialMargin": fixed(pool.position_margin),
            "openOrderInitialMargin": fixed(pool.order_margin),
            "crossWalletBalance": fixed(pool.wallet),
            "crossUnPnl": fixed(profit),
            "availableBalance": fixed(free),
            "maxWithdrawAmount": fixed(min(free, max(ZERO, pool.wallet))),
            "updateTime": max(changed, default=0) or self.exchange.now_ms(),
        }

    def account_info(self, parameters: Parameters) -> Any:
        """Give assets, positions and, for USDⓈ-M, the totals."""
        assets = [self._asset(asset) for asset in self.cross.assets(self.account)]
        positions = [self._account_position(*row) for row in self._rows()]
        if self.exchange.inverse:
            return {
                "assets": assets,
                "positions": positions,
                "canDeposit": True,
                "canTrade": True,
                "canWithdraw": True,
                "feeTier": 2,
                "updateTime": 0,
            }
        (pool, *_) = self.cross.pools(self.account)  # USDT, or with multi-assets mode all assets in USD
        totals = {
            "totalInitialMargin": pool.initial_margin,
            "totalMaintMargin": pool.maintenance,
            "totalWalletBalance": pool.wallet,
            "totalUnrealizedProfit": pool.unrealized,
            "totalMarginBalance": pool.balance,
            "totalPositionInitialMargin": pool.position_margin,
            "totalOpenOrderInitialMargin": pool.order_margin,
            "totalCrossWalletBalance": pool.wallet,
            "totalCrossUnPnl": pool.unrealized,
            "availableBalance": pool.available,
            "maxWithdrawAmount": min(pool.available, max(ZERO, pool.wallet)),
        }
        printed: dict[str, Any] = {name: fixed(value) for name, value in totals.items()}
        return printed | {"assets": assets, "positions": positions}

    def account_info_v2(self, parameters: Parameters) -> Any:
        """Give the older account answer of USDⓈ-M, with the account's permissions."""
        info = self.account_info(parameters)
        flags = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "updateTime": 0}
        return flags | {"multiAssetsMargin": self.cross.joint(self.account), "tradeGroupId": -1} | info

    def account_info_v3(self, parameters: Parameters) -> Any:
        """Give the newer account answer of USDⓈ-M: only open positions."""
        info = self.account_info(parameters)
        info["positions"] = [each for each in info["positions"] if Decimal(each["positionAmt"])]
        return info

    def _account_position(self, spec: Spec, position: Position, holding: margin.Holding) -> dict[str, Any]:
        value = margin.notional(holding.quantity, holding.mark, spec.contract_size, inverse=spec.inverse)
        row = {
            "symbol": spec.symbol,
            "maintMargin": fixed(margin.maintenance_margin(holding)),
            "unrealizedProfit": fixed(margin.unrealized(holding)),
            **self._initial(spec, holding),
            "leverage": str(holding.leverage),
            "isolated": False,
            "positionSide": "BOTH",
            "entryPrice": plain(position.entry_price) if position.quantity else "0.0",
            "breakEvenPrice": plain(position.entry_price) if position.quantity else "0.0",
            "positionAmt": spec_quantity(spec, position.quantity),
            "updateTime": position.updated_ms,
        }
        if spec.inverse:
            return row | {"maxQty": str(spec.quantity_max), "notionalValue": fixed(value)}
        return row | {
            "maxNotional": str(spec.brackets[-1].cap),
            "notional": fixed(value),
            "isolatedMargin": "0",
            "isolatedWallet": "0",
            **self._open(spec),
        }

    def balances(self, parameters: Parameters) -> Any:
        """List the balance of each asset."""
        rows = []
        for asset in self.cross.assets(self.account):
            held = self._asset(asset)
            row = {
                "accountAlias": "SfsR",
                "asset": asset,
                "balance": held["walletBalance"],
                "crossWalletBalance": held["walletBalance"],
                "crossUnPnl": held["unrealizedProfit"],
                "availableBalance": held["availableBalance"],
                "updateTime": held["updateTime"],
            }
            if self.exchange.inverse:
                row["withdrawAvailable"] = held["maxWithdrawAmount"]
            else:
                row |= {"maxWithdrawAmount": held["maxWithdrawAmount"], "marginAvailable": True}
            rows.append(row)
        return rows

    def position_risk(self, parameters: Parameters) -> Any:
        """List the positions with mark and liquidation price."""
        symbol = parameters.get("symbol")
        if symbol:
            self.exchange.market(symbol)
        rows = [row for row in self._rows() if not symbol or row[0].symbol == symbol.upper()]
        return [self._risk(*row) for row in rows]

    def position_risk_v3(self, parameters: Parameters) -> Any:
        """List only open positions, in the newer shape of USDⓈ-M."""
        kept = []
        for row in self.position_risk(parameters):
            if not Decimal(row["positionAmt"]):
                continue
            for name in ("leverage", "marginType", "isAutoAddMargin", "maxNotionalValue"):
                del row[name]
            kept.append(row)
        return kept

    def _risk(self, spec: Spec, position: Position, holding: margin.Holding) -> dict[str, Any]:
        value = margin.notional(holding.quantity, holding.mark, spec.contract_size, inverse=spec.inverse)
        liquidation = self.cross.liquidation_price(self.account, spec.symbol)
        entry = plain(position.entry_price) if position.quantity else "0.0"
        row: dict[str, Any] = {
            "symbol": spec.symbol,
            "positionSide": "BOTH",
            "positionAmt": spec_quantity(spec, position.quantity),
            "entryPrice": entry,
            "breakEvenPrice": entry,
            "markPrice": fixed(holding.mark),
            "unRealizedProfit": fixed(margin.unrealized(holding)),
            "liquidationPrice": "0" if liquidation is None else fixed(liquidation),
            "leverage": str(holding.leverage),
            "marginType": "cross",
            "isolatedMargin": "0.00000000",
            "isAutoAddMargin": "false",
            "isolatedWallet": "0",
            "updateTime": position.updated_ms,
        }
        if spec.inverse:
            return row | {"maxQty": str(spec.quantity_max), "notionalValue": fixed(value)}
        return row | {
            "maxNotionalValue": str(spec.brackets[-1].cap),
            "notional": fixed(value),
            "marginAsset": spec.margin_asset,
            "maintMargin": fixed(margin.maintenance_margin(holding)),
            "adl": self.exchange.liquidation.rank(self.account, spec.symbol).quantile,
            **self._initial(spec, holding),
            **self._open(spec),
        }

    def _initial(self, spec: Spec, holding: margin.Holding) -> dict[str, str]:
        """Print the initial margin of a contract: the position's, the open orders' and both."""
        position = margin.initial_margin(holding)
        orders = self.cross.order_margin(self.account, self.exchange.markets[spec.symbol])
        return {
            "initialMargin": fixed(position + orders),
            "positionInitialMargin": fixed(position),
            "openOrderInitialMargin": fixed(orders),
        }

    def _open(self, spec: Spec) -> dict[str, str]:
        """Print the value of the open bids and asks of a contract."""
        bids, asks = requirement.open_values(self.accounts, self.cross.orders, self.account, spec.symbol)
        return {"bidNotional": fixed(bids), "askNotional": fixed(asks)}

    def leverage_brackets(self, parameters: Parameters) -> Any:
        """List the maintenance margin tiers."""
        low, high = ("qtyFloor", "qtyCap") if self.exchange.inverse else ("notionalFloor", "notionalCap")
        symbol = parameters.get("symbol")
        markets = [self.exchange.market(symbol)] if symbol else self.exchange.markets.values()
        return [
            {
                "symbol": market.spec.symbol,
                "notionalCoef": 1.0,
                "brackets": [
                    {
                        "bracket": each.number,
                        "initialLeverage": each.leverage,
                        high: int(each.cap),
                        low: int(each.floor),
                        "maintMarginRatio": float(each.maintenance_rate),
                        "cum": float(each.maintenance_amount),
                    }
                    for each in market.spec.brackets
                ],
            }
            for market in markets
        ]

    def position_mode(self, parameters: Parameters) -> Any:
        """Tell that positions are one-way."""
        return {"dualSidePosition": False}

    def multi_assets(self, parameters: Parameters) -> Any:
        """Tell whether all assets margin together."""
        return {"multiAssetsMargin": self.cross.joint(self.account)}

    def account_config(self, parameters: Parameters) -> Any:
        """Tell what holds for the whole account of USDⓈ-M."""
        flags = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "updateTime": 0}
        return flags | self.position_mode(parameters) | self.multi_assets(parameters) | {"tradeGroupId": -1}

    def commission_rate(self, parameters: Parameters) -> Any:
        """Give the account's fees in a contract."""
        spec = self.exchange.market(parameters.get("symbol")).spec
        return {
            "symbol": spec.symbol,
            "makerCommissionRate": fixed(spec.maker_fee, 6),
            "takerCommissionRate": fixed(spec.taker_fee, 6),
        }

    def symbol_config(self, parameters: Parameters) -> Any:
        """List leverage and margin mode of each contract."""
        return [
            {
                "symbol": spec.symbol,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": holding.leverage,
                "maxNotionalValue": str(spec.brackets[-1].cap),
            }
            for spec, _, holding in self._rows()
            if parameters.get("symbol") in (None, "", spec.symbol)
        ]


def spec_quantity(spec: Spec, quantity: Decimal) -> str:
    """Print a signed quantity with the contract's decimals."""
    return f"{quantity:.{spec.quantity_decimals}f}"
