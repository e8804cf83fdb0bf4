"""Frames for tests of the screen: a book of some thousands of staked ETH, hedged on two venues, slightly off."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from hedgeapp.core.marks import Mark
from portfolio.core.figures import Figure, State, unknown
from portfolio.core.frames import Frame
from portfolio.core.rows import (
    AssetFigure,
    Backing,
    BackingRow,
    BalanceRow,
    CollateralRow,
    ConcentrationRow,
    EventRow,
    ExposureLine,
    ExposureRow,
    FeedRow,
    FundingRow,
    Kpi,
    PnlRow,
    PositionRow,
    PositionSubtotal,
    VenuePositions,
    Worth,
)
from tests.builders.proposals import proposal_rows
from tests.web.margins import buffers, margins

AT = datetime(2026, 11, 21, 12, 4, 31, 250000, tzinfo=UTC)
BUDGET = timedelta(seconds=3)


class Desk:
    """Builds frames as of `at`; every figure is in one state unless said otherwise."""

    def __init__(
        self, at: datetime = AT, *, state: State = "live", drift: Decimal = Decimal(0), seconds: int = 0
    ) -> None:
        self.at, self.state, self.drift = at, state, drift
        self.behind = timedelta(seconds=seconds)

    def figure(self, value: str | Decimal, state: State | None = None) -> Figure:
        """Return a number that is as old as the desk says."""
        said = state or self.state
        if said == "unknown":
            return unknown("no mark of binance-usdm:ETH-USDT-PERP has been seen")
        at = self.at - self.behind - timedelta(milliseconds=180)
        return Figure(
            value=Decimal(value), at=at, state=said, because="mark of binance-usdm:ETH-USDT-PERP", until=at + BUDGET
        )

    def none(self, because: str) -> Figure:
        """Return a figure that says that there is no such number."""
        return Figure(value=None, at=self.at, state="live", because=because)

    def frame(self, number: int = 1, **changes: Any) -> Frame:
        """Return a whole frame."""
        made: dict[str, Any] = {
            "number": number,
            "seq": 48_211 + number,
            "at": self.at,
            "state": self.state,
            "kpis": self.kpis(),
            "exposure": self.exposure(),
            "concentrations": self.concentrations(),
            "positions": self.positions(),
            "balances": self.balances(),
            "collateral": self.collateral(),
            "pnl": self.pnl(),
            "margin": margins(self.figure, self.none),
            "buffers": buffers(self.figure, self.none),
            "backing": self.backing(),
            "worth": Worth(
                vector_usd=self.figure("31204118.41"),
                basis_usd=self.figure("-8731.2"),
                discount_usd=self.figure("-5121.77"),
                assets_usd=self.figure("31190265.44"),
            ),
            "funding": (
                FundingRow(asset="USDT", expected=self.figure("1210.5"), expected_usd=self.figure("1210.5")),
                FundingRow(asset="ETH", expected=self.figure("0.41"), expected_usd=self.figure("1190.1")),
            ),
            "feeds": self.feeds(),
            "events": self.events(number),
            "faults": (),
            "faults_total": 0,
            "marks": self.marks(),
            "proposals": proposal_rows(),
        }
        return Frame(**{**made, **changes})

    def kpis(self) -> tuple[Kpi, ...]:
        """Return the headlines."""
        f = self.figure
        delta = Decimal("13.4182") + self.drift
        return (
            Kpi(
                key="net_delta_eth",
                label="Net delta ETH",
                figure=f(delta),
                unit="ETH",
                detail="54 % of ±25 ETH",
                health="good",
            ),
            Kpi(
                key="net_delta_btc",
                label="Net delta BTC",
                figure=f("-0.0213"),
                unit="BTC",
                detail="1 % of ±2 BTC",
                health="good",
            ),
            Kpi(
                key="backing_ratio",
                label="Backing ratio",
                figure=f("101.42"),
                unit="%",
                detail="NAV +436,112 USD",
                health="good",
            ),
            Kpi(
                key="headroom",
                label="Margin headroom, worst",
                figure=f("2184551"),
                unit="USD",
                detail="binance-coinm:main ETH",
                health="warning",
            ),
            Kpi(
                key="unsettled_pnl",
                label="Unsettled PnL",
                figure=f("-183221"),
                unit="USD",
                detail="paid by 2 venues at closing",
                health="good",
            ),
            Kpi(key="feeds", label="Feeds", figure=f("6"), unit="", detail="of 6 are live", health="good"),
        )

    def exposure(self) -> tuple[ExposureRow, ...]:
        """Return four currencies; ETH with its lines."""
        f = self.figure
        lines = (
            ExposureLine(
                currency="ETH", holder="ceffu", what="stETH in wallet 1", kind="collateral", amount=f("8412.11")
            ),
            ExposureLine(
                currency="ETH", holder="ethereum", what="wstETH in 0x41f2…", kind="collateral", amount=f("4018.92")
            ),
            ExposureLine(
                currency="ETH", holder="binance-usdm:main", what="ETH-USDT-PERP", kind="position", amount=f("-8211.4")
            ),
            ExposureLine(
                currency="ETH", holder="binance-coinm:main", what="ETH-USD-PERP", kind="position", amount=f("-4207.2")
            ),
        )
        return (
            self.currency("ETH", "12431.0318", "-12417.6136", Decimal("13.4182") + self.drift, "25", lines),
            self.currency("BTC", "310.2411", "-310.2624", "-0.0213", "2"),
            self.currency("USDT", "28114022.11", "-112.4", "28113909.71", "40000000"),
            self.currency("USDC", "120000", "0", "120000", None),
            self.currency("USD", "12190000", "0", "12190000", None),
        )

    def currency(
        self,
        name: str,
        long: str,
        short: str,
        net: str | Decimal,
        band: str | None,
        lines: tuple[ExposureLine, ...] = (),
    ) -> ExposureRow:
        """Return one row of exposure."""
        limit = Decimal(band) if band else None
        share = abs(Decimal(net)) / limit if limit else None
        is_out = share is not None and share > 1
        return ExposureRow(
            currency=name,
            long=self.figure(long),
            short=self.figure(short),
            net=self.figure(net),
            net_usd=self.figure(Decimal(net) * {"ETH": Decimal("2871.4"), "BTC": Decimal(91204)}.get(name, Decimal(1))),
            band=limit,
            band_share=self.figure(share) if share is not None else self.none("no band is set"),
            band_state="unbounded" if share is None else "outside" if is_out else "inside",
            lines=lines,
        )

    def concentrations(self) -> tuple[ConcentrationRow, ...]:
        """Return net and gross of two venues."""
        f = self.figure
        named: tuple[tuple[Literal["venue", "instrument"], str, str], ...] = (
            ("venue", "binance-coinm", "-4207.2"),
            ("instrument", "binance-coinm:ETH-USD-PERP", "-4207.2"),
            ("venue", "binance-usdm", "-8211.4"),
            ("instrument", "binance-usdm:ETH-USDT-PERP", "-8211.4"),
        )
        return tuple(
            ConcentrationRow(
                scope=scope,
                name=name,
                currency="ETH",
                net=f(net),
                gross=f(net.lstrip("-")),
                net_usd=f("-23578213"),
                gross_usd=f("23578213"),
            )
            for scope, name, net in named
        )

    def positions(self) -> tuple[VenuePositions, ...]:
        """Return two positions at each of two venues."""
        f = self.figure
        usdm = (
            self.position("binance-usdm", "ETH-USDT-PERP", "linear", "-8211.4", "2844.12", "2871.4", "-224007"),
            self.position("binance-usdm", "BTC-USDT-PERP", "linear", "-200.1", "91022.5", "91204", "-36318"),
        )
        coinm = (
            self.position("binance-coinm", "ETH-USD-PERP", "inverse", "-12080000", "2799.2", "2871.3", "-108.34"),
            self.position("binance-coinm", "BTC-USD-PERP", "inverse", "-10050000", "91500", "91210", "0.3493"),
        )
        return tuple(
            VenuePositions(
                venue=venue,
                rows=rows,
                subtotals=tuple(
                    PositionSubtotal(
                        settlement=unit,
                        positions=count,
                        notional=f("23578213"),
                        notional_usd=f("23578213"),
                        unrealized=f("-260325"),
                        unrealized_usd=f("-260325"),
                        realized=f("12"),
                        funding_24h=f("31.2"),
                    )
                    for unit, count in units
                ),
                notional_usd=f("41828213"),
                unrealized_usd=f("-260325"),
            )
            for venue, rows, units in (
                ("binance-coinm", coinm, (("BTC", 1), ("ETH", 1))),
                ("binance-usdm", usdm, (("USDT", 2),)),
            )
        )

    def position(
        self, venue: str, symbol: str, kind: Any, size: str, entry: str, mark: str, unrealized: str
    ) -> PositionRow:
        """Return one position."""
        f = self.figure
        base, quote, _ = symbol.split("-")
        settlement = quote if kind == "linear" else base
        return PositionRow(
            account=f"{venue}:main",
            venue=venue,
            instrument=f"{venue}:{symbol}",
            symbol=symbol,
            kind=kind,
            expiry="perpetual",
            expires_at=None,
            base=base,
            quote=quote,
            settlement=settlement,
            contract_size=Decimal(1 if kind == "linear" else 10),
            size_unit=base if kind == "linear" else quote,
            quantity=f(size),
            size=f(size),
            entry_price=f(entry),
            settlement_price=f(entry),
            mark=f(Decimal(mark) + self.drift),
            liquidation_price=f("3710.25"),
            liquidation_away=f("0.292"),
            liquidation_hours=f("5.8"),
            index=f("2870.9"),
            basis_bp=f("1.74"),
            notional=f("23578213"),
            notional_usd=f("23578213"),
            delta=f("-8211.4"),
            unrealized=f(unrealized),
            unrealized_usd=f(unrealized),
            realized=f("1204.2"),
            fees=(AssetFigure(asset=settlement, figure=f("-310.1")),),
            funding=(AssetFigure(asset=settlement, figure=f("812.4")),),
            funding_rate=f("0.0001"),
            funding_at=AT.replace(hour=16, minute=0),
            funding_24h=f("2440"),
            stated_quantity=f(size),
            agreement="agrees",
            opened_at=AT - timedelta(days=9),
            updated_at=AT,
        )

    def balances(self) -> tuple[BalanceRow, ...]:
        """Return a balance of each account."""
        f = self.figure
        return tuple(
            BalanceRow(
                account=account,
                venue=account.partition(":")[0],
                asset=asset,
                total=f(total),
                delegated=Decimal(0),
                usd_price=f(price, "assumed" if price == "1" and self.state == "live" else None),
                usd=f(usd),
            )
            for account, asset, total, price, usd in (
                ("binance-coinm:main", "BTC", "110.2", "91204", "10050680"),
                ("binance-coinm:main", "ETH", "812.4", "2871.4", "2332725"),
                ("binance-usdm:main", "USDC", "120000", "1", "120000"),
                ("binance-usdm:main", "USDT", "4512120.12", "1", "4512120"),
            )
        )

    def collateral(self) -> tuple[CollateralRow, ...]:
        """Return staked ETH at a custodian and on a chain."""
        f = self.figure
        return tuple(
            CollateralRow(
                holder=holder,
                wallet=wallet,
                asset=asset,
                currency="ETH",
                units=f(units),
                locked=f("0"),
                protocol_rate=f(rate),
                market_rate=f(market),
                by_protocol=f("8412.11"),
                by_market=f("8408.02"),
                usd=f("24143213"),
            )
            for holder, wallet, asset, units, rate, market in (
                ("ceffu", "prime-1", "stETH", "8412.11", "1", "0.999514"),
                ("ethereum", "0x41f2a1c2be3c6b3ef2b87d7e2c4a8ee0b1c09a77", "wstETH", "3294.2", "1.220018", "1.219402"),
            )
        )

    def pnl(self) -> tuple[PnlRow, ...]:
        """Return profit in three assets."""
        f = self.figure
        return tuple(
            PnlRow(
                asset=asset,
                unrealized=f(a),
                realized_unsettled=f("0"),
                settled=f(b),
                fees=f(c),
                funding=f(d),
                total=f(e),
                total_usd=f(u),
            )
            for asset, a, b, c, d, e, u in (
                ("BTC", "0.3493", "0", "-0.0021", "0.0102", "0.3574", "32597"),
                ("ETH", "-108.34", "2.1", "-0.31", "3.2", "-103.35", "-296760"),
                ("USDT", "-260325", "1204.2", "-620.2", "1624.8", "-258116.2", "-258116"),
            )
        )

    def backing(self) -> Backing:
        """Return what stands behind the synthetic dollar."""
        f = self.figure
        return Backing(
            rows=tuple(
                BackingRow(kind=kind, usd=f(usd), share=f(share))
                for kind, usd, share in (
                    ("staked ETH", "27450123", "0.8801"),
                    ("USDT", "2194004", "0.0703"),
                    ("ETH", "1546138", "0.0496"),
                )
            ),
            assets_usd=f("31190265.44"),
            supply=f("30754153.2"),
            ratio=f("1.0141806"),
            nav_usd=f("436112.24"),
            minted=f("812000"),
            redeemed=f("0"),
        )

    def feeds(self) -> tuple[FeedRow, ...]:
        """Return six feeds; when the desk is stale, the first two have stopped."""
        names = (
            "account:binance-coinm:main",
            "account:binance-usdm:main",
            "chain:ethereum",
            "custodian:ceffu",
            "feed:binance-coinm",
            "feed:binance-usdm",
        )
        is_stale = self.state == "stale"
        return tuple(
            FeedRow(
                feed=name,
                condition="stale" if is_stale and place > 3 else "live",
                age_s=self.figure("0.2"),
                last_message_at=self.at,
                messages_per_s=[0.4, 0.4, 0.1, 0.2, 218.4, 421.7][place],
                messages=[812, 911, 120, 240, 812_411, 1_533_120][place],
                gaps=place // 4,
                resyncs=place // 4,
                refused=0,
                reconnects=0,
                because="no message for 12 s, the budget is 3 s" if is_stale and place > 3 else "within its budget",
            )
            for place, name in enumerate(names)
        )

    def events(self, number: int) -> tuple[EventRow, ...]:
        """Return the latest events."""
        said = (
            ("FillRecorded", "Sold 12.4 ETH-USDT-PERP at 2,871.40 on binance-usdm:main, fee 14.24 USDT"),
            ("BalanceStated", "binance-usdm:main holds 4,512,120.12 USDT"),
            ("PositionStated", "binance-usdm:main is short 8,211.4 ETH-USDT-PERP, by the venue's word"),
            ("CollateralStated", "ceffu holds 8,412.11 stETH in wallet prime-1"),
            ("FundingPaid", "Received 0.0102 BTC of funding on BTC-USD-PERP at binance-coinm:main"),
            ("FeedStateChanged", "Feed feed:binance-usdm is live: books bridged after a snapshot"),
        )
        first = 48_211 + number // 40
        return tuple(
            EventRow(
                seq=first - place,
                at=AT - timedelta(seconds=7 * place),
                recorded_at=AT - timedelta(seconds=7 * place),
                kind=said[(first - place) % 6][0],
                sentence=said[(first - place) % 6][1],
            )
            for place in range(14)
        )

    def marks(self, count: int = 2) -> tuple[Mark, ...]:
        """Return marks, of as many subjects as asked for."""
        at = self.at - timedelta(milliseconds=180)
        kinds: tuple[Any, ...] = ("mark", "index", "bid", "ask", "funding_rate")
        return tuple(
            Mark(
                subject=f"binance-usdm:ETH-USDT-{place:04d}" if place else "binance-usdm:ETH-USDT-PERP",
                kind=kind,
                value=Decimal("2871.41"),
                at=at,
                received_at=at + timedelta(milliseconds=14),
                source="feed:binance-usdm",
            )
            for place in range(count)
            for kind in kinds
        )
