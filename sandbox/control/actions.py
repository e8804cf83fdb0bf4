"""What the control page can do to the world: faults to drill, and events that would else take hours."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.accounts import AccountIsUnknown
from sandbox.binance.publisher import Publisher
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.userdata import TOPICS
from sandbox.collateral import CHOOSING
from sandbox.control import custody, drills
from sandbox.control.given import ActionRefused, Given, decimal, flag, market_of, venue_of, whole
from sandbox.deribit.userdata import KINDS as DERIBIT_KINDS
from sandbox.hand import BUY, SELL, BookIsEmpty, quantity_steps, trade
from sandbox.instruments import USDM
from sandbox.liquidation import NothingToReduce
from sandbox.listed import Teller
from sandbox.okx.userdata import CHANNELS
from sandbox.world import World

Action = Callable[[World, Given], dict[str, Any]]

JUMP_PERCENT_MAX = 50
JUMP_S_MAX = 3_600
SKIP_MAX = 1_000
SPOILT_MAX = 1_000
SPOILT_FACT = b'{"e":"ORDER_TRADE_UPDATE","topic":"order","data":[null]}'  # no venue's order looks so
TRANSFER_MAX = Decimal(1_000_000_000)
KINDS = ("bookTicker", "depth", "trade", "aggTrade", "markPrice", "ticker")
PRIVATE_KINDS = ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE")
EVERY = "*"


def silence(world: World, given: Given) -> dict[str, Any]:
    """Stop or resume streams of a venue without disconnecting anybody: {venue, symbol, kind, on}."""
    exchange = venue_of(world, given)
    symbol, kind = str(given.get("symbol", EVERY)), str(given.get("kind", EVERY))
    names = {*exchange.markets, *(each for each in world.accounts.accounts), EVERY}
    if symbol not in names or kind not in {*KINDS, *PRIVATE_KINDS, *TOPICS, *CHANNELS, *DERIBIT_KINDS, EVERY}:
        raise ActionRefused(f"expected a symbol or account, and a kind of {', '.join(KINDS)}, found {symbol} {kind}")
    if flag(given, "on"):
        exchange.hub.silenced.add((symbol, kind))
    elif (symbol, kind) == (EVERY, EVERY):
        exchange.hub.silenced.clear()
    else:
        exchange.hub.silenced.discard((symbol, kind))
    return {"silenced": [list(each) for each in sorted(exchange.hub.silenced)]}


def drop(world: World, given: Given) -> dict[str, Any]:
    """Cut every connection of a venue: {venue, private: true, false or absent for both}."""
    private = given.get("private")
    if private not in (None, True, False):
        raise ActionRefused(f"expected private to be true, false or absent, found {private}")
    return {"dropped": venue_of(world, given).hub.drop_all("the control page asked for it", private=private)}


def down(world: World, given: Given) -> dict[str, Any]:
    """Make a venue refuse every connection, or serve again: {venue, down}."""
    exchange = venue_of(world, given)
    exchange.down = flag(given, "down")
    dropped = exchange.hub.drop_all("the venue goes down") if exchange.down else 0
    return {"down": exchange.down, "dropped": dropped}


def skip_depth(world: World, given: Given) -> dict[str, Any]:
    """Leave out the next depth messages of a contract, so that the sequence has a gap: {venue, symbol, count}."""
    count = whole(given, "count", 1, SKIP_MAX)
    _publisher(world, given).skip_depth(count)
    return {"skips": count}


def malformed(world: World, given: Given) -> dict[str, Any]:
    """Send broken texts on a stream: {venue, symbol, kind, count: one if absent}, or on all private ones: {private}."""
    if given.get("private"):
        listening = [one for one in venue_of(world, given).hub.connections if one.account is not None]
        for connection in listening:
            connection.send(SPOILT_FACT)
        return {"streams": len(listening)}
    publisher, kind = _publisher(world, given), str(given.get("kind", "depth"))
    if kind not in KINDS:
        raise ActionRefused(f"expected a kind of {', '.join(KINDS)}, found {kind}")
    for _ in range(whole(given, "count", 1, SPOILT_MAX) if "count" in given else 1):
        streams = publisher.spoil(kind)
    return {"streams": streams}


def fill(world: World, given: Given) -> dict[str, Any]:
    """Fill an order in an account now: {account, symbol, side, quantity, maker}."""
    account, symbol, side = str(given.get("account")), str(given.get("symbol")), str(given.get("side")).upper()
    if side not in (BUY, SELL):
        raise ActionRefused(f"expected side BUY or SELL, found {given.get('side')}")
    try:
        market = world.accounts.market(account, symbol)
        steps = quantity_steps(market, decimal(given, "quantity"))
    except (AccountIsUnknown, ValueError) as problem:
        raise ActionRefused(str(problem)) from problem
    if steps > market.spec.quantity_max * 10**market.spec.quantity_decimals:
        raise ActionRefused(f"expected a quantity of at most {market.spec.quantity_max}, found {given['quantity']}")
    maker = bool(given.get("maker", False))
    try:
        order = trade(world.engine, account, symbol, side, steps, maker=maker, at_ms=world.now_ms())
    except BookIsEmpty as problem:
        raise ActionRefused(str(problem)) from problem
    return {"order_id": order.id, "average_price": f"{order.average_price:f}", "quantity": f"{order.quantity:f}"}


def jump(world: World, given: Given) -> dict[str, Any]:
    """Move the index of a coin by some percent, at once or over some seconds: {coin, percent, seconds}."""
    coin, percent = str(given.get("coin")), decimal(given, "percent")
    seconds = decimal(given, "seconds") if given.get("seconds") not in (None, "") else Decimal(0)
    if coin not in world.walks:
        raise ActionRefused(f"expected a coin of {', '.join(world.walks)}, found {coin}")
    if not 0 < abs(percent) <= JUMP_PERCENT_MAX:
        raise ActionRefused(f"expected a move of at most {JUMP_PERCENT_MAX} percent and not 0, found {percent}")
    if world.reel and world.reel.index(coin) is not None:
        raise ActionRefused(f"expected a coin that follows the model, found {coin}, which follows the recording")
    if not 0 <= seconds <= JUMP_S_MAX:
        raise ActionRefused(f"expected seconds from 0 to {JUMP_S_MAX}, found {seconds}")
    factor = 1 + float(percent) / 100
    if seconds:
        world.walks[coin].lean(factor, float(seconds))
    else:
        world.walks[coin].price *= factor
    return {"index": world.walks[coin].price}


def funding(world: World, given: Given) -> dict[str, Any]:
    """Pay one funding now, outside the timetable: {venue, symbol}, or all of a venue without a symbol."""
    exchange = venue_of(world, given)
    if exchange.venue not in world.traded:
        raise ActionRefused(f"expected a venue of {', '.join(world.traded)}, found {exchange.venue}, which pays none")
    chosen = [market_of(exchange, given)] if given.get("symbol") else list(exchange.markets.values())
    now_ms = world.now_ms()
    paid = {
        market.spec.symbol: world.accounts.pay_funding(market, now_ms, rate=market.funding_rate, mark=market.mark)
        for market in chosen
    }
    return {"accounts_paid": paid}


def interest(world: World, given: Given) -> dict[str, Any]:
    """Charge an hour's interest on what every unified account borrows now, outside the timetable."""
    if world.bybit is None:
        raise ActionRefused(f"expected a sandbox with {BYBIT}, the venue that lends, found one without")
    charged = world.bybit.lending.charge(world.now_ms())
    return {"charged": [[account, asset, f"{amount:f}"] for account, asset, amount in charged]}


def transfer(world: World, given: Given) -> dict[str, Any]:
    """Move margin into an account, or out of it when negative: {account, asset, amount}."""
    account, asset, amount = _movement(world, given)
    world.accounts.transfer(account, asset, amount, world.now_ms())
    return {"wallet": f"{world.accounts.wallet(account, asset):f}"}


def balance(world: World, given: Given) -> dict[str, Any]:
    """Change a balance behind everybody's back, with no message about it: {account, asset, amount}."""
    account, asset, amount = _movement(world, given)
    world.accounts.adjust(account, asset, amount, world.now_ms())
    return {"wallet": f"{world.accounts.wallet(account, asset):f}"}


def _movement(world: World, given: Given) -> tuple[str, str, Decimal]:
    account, asset, amount = str(given.get("account")), str(given.get("asset")), decimal(given, "amount")
    held = world.accounts.accounts.get(account)
    if held is None or asset not in {
        *world.accounts.assets(account),
        *(world.cross.ratios if held.venue in (USDM, BYBIT) else ()),
    }:
        raise ActionRefused(f"expected an account and an asset it holds, found {account} {asset}")
    if not 0 < abs(amount) <= TRANSFER_MAX:
        raise ActionRefused(f"expected an amount of at most {TRANSFER_MAX} and not 0, found {amount}")
    return account, asset, amount


def expire_listen_key(world: World, given: Given) -> dict[str, Any]:
    """End the life of an account's listen key now: {account}."""
    account = world.accounts.accounts.get(str(given.get("account")))
    if account is None or account.venue not in world.exchanges:
        raise ActionRefused(f"expected one of {', '.join(world.accounts.accounts)}, found {given.get('account')}")
    return {"expired": world.exchanges[account.venue].expire_listen_key(account.name)}


def multi_assets(world: World, given: Given) -> dict[str, Any]:
    """Let all assets of an account margin together, or each for itself, where the venue knows both: {account, on}."""
    held = world.accounts.accounts.get(str(given.get("account")))
    if held is None or held.venue not in CHOOSING:
        raise ActionRefused(f"expected an account of {' or '.join(CHOOSING)}, found {given.get('account')}")
    world.cross.set_joint(held.name, flag(given, "on"))
    return {"multi_assets": world.cross.joint(held.name)}


def leverage(world: World, given: Given) -> dict[str, Any]:
    """Set an account's leverage of a contract, as its owner could at the venue: {account, symbol, leverage}."""
    account, symbol = str(given.get("account")), str(given.get("symbol"))
    try:
        most = world.accounts.market(account, symbol).spec.brackets[0].leverage
    except AccountIsUnknown as problem:
        raise ActionRefused(str(problem)) from problem
    world.accounts.set_leverage(account, symbol, whole(given, "leverage", 1, most))
    return {"leverage": world.accounts.leverage(account, symbol)}


def insurance_fund(world: World, given: Given) -> dict[str, Any]:
    """Set what the insurance fund holds of an asset: {asset, amount}."""
    fund, asset, amount = world.liquidation.fund, str(given.get("asset")), decimal(given, "amount")
    if asset not in fund.held or not 0 <= amount <= TRANSFER_MAX:
        raise ActionRefused(f"expected an amount from 0 of {', '.join(fund.held)}, found {amount} {asset}")
    fund.set(asset, amount)
    return {"insurance_fund": {name: f"{each:f}" for name, each in fund.held.items()}}


def adl(world: World, given: Given) -> dict[str, Any]:
    """Deleverage a position as a counterparty of somebody's bankruptcy: {account, symbol, quantity, price}.

    Without a quantity the whole position goes, without a price at half a percent worse than the mark.
    """
    account, symbol = str(given.get("account")), str(given.get("symbol"))
    try:
        market = world.accounts.market(account, symbol)
        held = abs(world.accounts.position(account, symbol).quantity)
        steps = quantity_steps(market, decimal(given, "quantity") if given.get("quantity") is not None else held)
        ticks = int(decimal(given, "price") / market.spec.tick_size) if given.get("price") else None
        order = world.liquidation.deleverage(account, symbol, steps, ticks, world.now_ms())
    except (AccountIsUnknown, NothingToReduce, ValueError) as problem:
        raise ActionRefused(str(problem)) from problem
    return {"order_id": order.id, "client_id": order.client_id, "average_price": f"{order.average_price:f}"}


ACTIONS: dict[str, Action] = {
    "multi-assets": multi_assets,
    "leverage": leverage,
    "insurance-fund": insurance_fund,
    "adl": adl,
    "faults": drills.arm,
    "faults/clear": drills.clear,
    "silence": silence,
    "drop": drop,
    "down": down,
    "skip-depth": skip_depth,
    "malformed": malformed,
    "fill": fill,
    "jump": jump,
    "funding": funding,
    "interest": interest,
    "transfer": transfer,
    "balance": balance,
    "expire-listen-key": expire_listen_key,
    **custody.ACTIONS,
}


def _publisher(world: World, given: Given) -> Publisher | Teller:
    exchange = venue_of(world, given)
    return exchange.publishers[market_of(exchange, given).spec.symbol]
