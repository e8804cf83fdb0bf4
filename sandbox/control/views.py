"""What the control page shows: markets, subscribers, rates and the accounts' ledgers."""

from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.exchange import Exchange
from sandbox.binance.history import fill_row, income_row, order_row
from sandbox.control import drills
from sandbox.market import Market
from sandbox.opening import net_delta
from sandbox.world import World

LATEST_ROWS = 50


def state(world: World) -> dict[str, Any]:
    """Describe the whole world."""
    coins = list(world.walks)
    collateral = world.collateral()
    return {
        "now_ms": world.now_ms(),
        "seed": world.settings.seed,
        "replay": str(world.settings.replay) if world.settings.replay else None,
        "loops": world.reel.loops if world.reel else 0,
        "index": {coin: walk.price for coin, walk in world.walks.items()},
        "collateral": {coin: f"{amount:f}" for coin, amount in collateral.items()},
        "net_delta": {
            coin: f"{net_delta(world.accounts, coin) + collateral.get(coin, Decimal(0)):.6f}" for coin in coins
        },
        "faults": drills.listed(world),
        "venues": {name: _venue(world, exchange) for name, exchange in world.exchanges.items()},
        "accounts": {name: _summary(world, name) for name in world.accounts.accounts},
    }


def _venue(world: World, exchange: Exchange) -> dict[str, Any]:
    hub = exchange.hub
    return {
        "down": exchange.down,
        "connections": len(hub.connections),
        "private_connections": sum(each.account is not None for each in hub.connections),
        "skips": {symbol: each.skips for symbol, each in exchange.publishers.items() if each.skips},
        "silenced": [list(each) for each in sorted(hub.silenced)],
        "weight_limit": exchange.weights.limit,
        "messages_per_second": {
            f"{symbol} {kind}": rate
            for (venue, symbol, kind), rate in sorted(world.pace.rates.items())
            if venue == exchange.venue
        },
        "markets": {symbol: _market(market) for symbol, market in exchange.markets.items()},
    }


def _market(market: Market) -> dict[str, Any]:
    spec, book = market.spec, market.book
    return {
        "instrument": f"{spec.venue}:{spec.name}",
        "source": "recording" if market.follows_recording else "model",
        "bid": spec.price_text(book.bids.best) if book.bids.keys else None,
        "ask": spec.price_text(book.asks.best) if book.asks.keys else None,
        "levels": [len(book.bids), len(book.asks)],
        "update_id": book.update_id,
        "mark": f"{market.mark:.4f}",
        "index": f"{market.prices.index:.4f}",
        "funding_rate": f"{market.funding_rate:.8f}",
        "next_funding_ms": market.next_funding_ms,
    }


def _summary(world: World, name: str) -> dict[str, Any]:
    accounts = world.accounts
    return {
        asset: {
            "wallet": f"{accounts.wallet(name, asset):f}",
            "margin_ratio": f"{accounts.margin_ratio(name, asset):.6f}",
        }
        for asset in accounts.assets(name)
    }


def account(world: World, name: str) -> dict[str, Any]:
    """Describe one account's ledger: balances, positions and its latest orders, trades and incomes."""
    accounts, ledger = world.accounts, world.ledger
    held = accounts.accounts[name]
    markets = world.exchanges[held.venue].markets
    positions = {}
    for symbol in held.symbols:
        position, holding = accounts.position(name, symbol), accounts.holding(name, symbol)
        liquidation = accounts.liquidation_price(name, symbol)
        positions[symbol] = {
            "quantity": f"{position.quantity:f}",
            "entry_price": f"{position.entry_price:f}",
            "realized": f"{position.realized:f}",
            "unrealized": f"{margin.unrealized(holding):.8f}",
            "maintenance_margin": f"{margin.maintenance_margin(holding):.8f}",
            "liquidation_price": None if liquidation is None else f"{liquidation:.4f}",
        }
    every = ("1 = 1", ())
    return {
        "account": name,
        "label": held.label,
        "balances": _summary(world, name),
        "positions": positions,
        "orders": [
            order_row(markets[row.symbol].spec, row)
            for row in ledger.orders(name, None, *every, LATEST_ROWS, latest=True)
        ],
        "trades": [
            fill_row(markets[row.symbol].spec, row)
            for row in ledger.fills(name, None, *every, LATEST_ROWS, latest=True)
        ],
        "incomes": [income_row(row) for row in ledger.incomes(name, None, *every, LATEST_ROWS, latest=True)],
    }
