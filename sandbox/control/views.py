"""What the control page shows: markets, subscribers, rates and the accounts' ledgers."""

from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.exchange import Exchange
from sandbox.binance.history import income_row, order_row
from sandbox.collateral import Pool
from sandbox.control import drills
from sandbox.control.custody_view import custodian
from sandbox.listed import Listed
from sandbox.market import Market
from sandbox.matching.views import orders_of
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
        "custodian": custodian(world),
        "venues": {each.venue: _venue(world, each) for each in world.venues},
        "insurance_fund": {asset: f"{amount:f}" for asset, amount in world.liquidation.fund.held.items()},
        "accounts": {name: _summary(world, name) for name in world.accounts.accounts},
    }


def _venue(world: World, exchange: Exchange | Listed) -> dict[str, Any]:
    hub = exchange.hub
    return {
        "down": exchange.down,
        "connections": len(hub.connections),
        "private_connections": sum(each.account is not None for each in hub.connections),
        "skips": {symbol: each.skips for symbol, each in exchange.publishers.items() if each.skips},
        "silenced": [list(each) for each in sorted(hub.silenced)],
        "weight_limit": exchange.request_limit,
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
    cross, accounts = world.cross, world.accounts
    joint = cross.pools(name)[0] if cross.joint(name) else None
    found = {}
    for asset in cross.assets(name):
        pool = joint or cross.asset_pool(name, asset)
        found[asset] = {
            "wallet": f"{accounts.wallet(name, asset):f}",
            "available": f"{cross.available(name, asset):.8f}",
            "margin_ratio": f"{pool.ratio:.6f}",
        }
    return found


def _pool(pool: Pool) -> dict[str, str]:
    return {
        "unit": pool.unit,
        "wallet": f"{pool.wallet:.8f}",
        "unrealized": f"{pool.unrealized:.8f}",
        "balance": f"{pool.balance:.8f}",
        "position_margin": f"{pool.position_margin:.8f}",
        "order_margin": f"{pool.order_margin:.8f}",
        "maintenance": f"{pool.maintenance:.8f}",
        "available": f"{pool.available:.8f}",
        "ratio": f"{pool.ratio:.6f}",
    }


def _position(world: World, name: str, symbol: str) -> dict[str, Any]:
    position, holding = world.accounts.position(name, symbol), world.accounts.holding(name, symbol)
    liquidation = world.cross.liquidation_price(name, symbol)
    return {
        "quantity": f"{position.quantity:f}",
        "entry_price": f"{position.entry_price:f}",
        "mark": f"{holding.mark:f}",
        "realized": f"{position.realized:f}",
        "unrealized": f"{margin.unrealized(holding):.8f}",
        "maintenance_margin": f"{margin.maintenance_margin(holding):.8f}",
        "liquidation_price": None if liquidation is None else f"{liquidation:.4f}",
        "adl_quantile": world.liquidation.rank(name, symbol).quantile,
    }


def account(world: World, name: str, limit: int = LATEST_ROWS) -> dict[str, Any]:
    """Describe one account's ledger: balances, margin, positions and its latest orders, trades and incomes."""
    ledger, held = world.ledger, world.accounts.accounts[name]
    markets = world.traded[held.venue].markets
    told = orders_of(world.engine, name, limit=limit)
    latest = ledger.orders(name, None, "1 = 1", (), limit, latest=True)
    return {
        "account": name,
        "label": held.label,
        "multi_assets": world.cross.joint(name),
        "balances": _summary(world, name),
        "pools": [_pool(each) for each in world.cross.pools(name)],
        "positions": {symbol: _position(world, name, symbol) for symbol in held.symbols},
        "orders": [
            {"client_id": row.client_id, "id": row.id} | order_row(markets[row.symbol].spec, row) for row in latest
        ],
        "repeated_client_ids": {each: count for each, count in client_ids(world, name).items() if count > 1},
        "open_orders": told["open"],
        "ended_orders": told["ended"],
        "trades": told["fills"],
        "incomes": [income_row(row) for row in ledger.incomes(name, None, "1 = 1", (), limit, latest=True)],
    }


def client_ids(world: World, name: str) -> dict[str, int]:
    """Count the orders of each client order id in an account's ledger."""
    return world.ledger.client_ids(name)
