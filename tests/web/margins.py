"""Margin and buffers of a frame for the pages, made of figures."""

from collections.abc import Callable
from decimal import Decimal

from portfolio.core.figures import Figure
from portfolio.core.rows import BorrowNeed, BufferRow, LiquidationRow, MarginRow

MakesFigure = Callable[[str | Decimal], Figure]
SaysNone = Callable[[str], Figure]
RISES = tuple(Decimal(rise) for rise in ("0", "0.05", "0.1", "0.2"))


def buffers(f: MakesFigure, none_of: SaysNone) -> tuple[BufferRow, ...]:
    """Return what two accounts have to pay losses with, one of them without a target."""
    none = none_of("no limit of kind settlement_buffer for binance-coinm:main ETH")
    return tuple(
        BufferRow(
            account=account,
            asset=asset,
            equity=f(equity),
            target=f(target) if target else none,
            missing=f(missing) if target else none,
            needs=tuple(BorrowNeed(rise=rise, amount=f(need)) for rise, need in zip(RISES, needs, strict=True)),
            hourly_rate=f("0.0000065"),
            interest_today=f("-1.25"),
        )
        for account, asset, equity, target, missing, needs in (
            (
                "binance-coinm:main",
                "ETH",
                "704.0612",
                "",
                "",
                ("0", "0", "0", "0"),
            ),
            (
                "binance-usdm:main",
                "USDT",
                "1251795.12",
                "2000000",
                "748204.88",
                ("0", "0", "412004.5", "2075804.12"),
            ),
        )
    )


def margins(f: MakesFigure, none_of: SaysNone) -> tuple[MarginRow, ...]:
    """Return margin in three settlement assets."""
    return tuple(
        MarginRow(
            account=account,
            venue=account.partition(":")[0],
            settlement=unit,
            wallet=f(wallet),
            unrealized=f("-224007"),
            margin_balance=f(wallet),
            initial_margin=f("470000"),
            maintenance_margin=f("212000"),
            margin_ratio=f(ratio),
            headroom=f("220"),
            headroom_usd=f(headroom),
            is_past_liquidation=False,
            liquidations=(
                LiquidationRow(
                    currency="ETH",
                    quote="USD",
                    direction="rise",
                    price=f(price),
                    multiple=f(multiple or price),
                    hours=f("3.6"),
                ),
            )
            if price
            else (
                LiquidationRow(
                    currency="BTC",
                    quote="USD",
                    direction="none",
                    price=none_of("no price liquidates"),
                    multiple=none_of("no price liquidates"),
                ),
            ),
        )
        for account, unit, wallet, ratio, headroom, price, multiple in (
            ("binance-coinm:main", "BTC", "110.2", "0.041", "9134551", None, None),
            ("binance-coinm:main", "ETH", "812.4", "0.553", "2184551", "3344.1", "1.164"),
            ("binance-usdm:main", "USDT", "4512120.12", "0.381", "3121004", "3391.8", "1.181"),
        )
    )
