"""Reference data as rows: projections of the log's events, never written but by `marketdata.operations`.

Rows refer to each other without a constraint in the database: they are rebuilt from the log beside the live ones, and
what may enter is decided by `marketdata.core.admission` under the log's lock.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from marketdata.core.admission import CUSTODIAN_PROTOCOLS, LIMIT_KINDS, VENUE_PROTOCOLS
from marketdata.core.oracle_rows import PROTOCOLS as ORACLE_PROTOCOLS
from marketdata.core.wellformed import DECIMAL_PLACES_MAX, INTEGER_DIGITS_MAX
from marketdata.models.limit_help import HELP


def _number(**options: Any) -> "models.DecimalField[Any, Any]":
    digits = INTEGER_DIGITS_MAX + DECIMAL_PLACES_MAX
    return models.DecimalField(max_digits=digits, decimal_places=DECIMAL_PLACES_MAX, **options)


def _choices(*values: str) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


class Row(models.Model):
    """What every row of reference data has besides its own fields."""

    version = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counts the changes of this row; each is an event of the log."
    )
    changed_by = models.CharField(
        max_length=150, editable=False, help_text="Who made the last change: a person, a feed, or seed."
    )
    changed_at = models.DateTimeField(null=True, editable=False, help_text="When the last change was made, UTC.")

    class Meta:
        abstract = True


class Asset(Row):
    """A coin, token or stablecoin."""

    symbol = models.CharField(
        max_length=63, primary_key=True, help_text="Our spelling, like ETH or wstETH. Never changes."
    )
    name = models.CharField(max_length=200, help_text="What people call it.")
    decimals = models.PositiveSmallIntegerField(
        help_text="Decimal places of its smallest unit: 18 for ETH, 8 for BTC, 6 for USDT. Amounts are shown with them."
    )
    underlying = models.CharField(
        max_length=63,
        help_text="The currency it is an exposure to: ETH for stETH and wstETH; itself for ETH, BTC and stablecoins.",
    )
    assumed_usd = _number(
        null=True,
        blank=True,
        verbose_name="assumed USD price",
        help_text="USD per unit, used while no verified price is known and marked as assumed wherever it is. "
        "Empty: the value stays unknown.",
    )

    class Meta:
        ordering = ("symbol",)

    def __str__(self) -> str:
        return self.symbol


class Venue(Row):
    """An exchange: one REST and one WebSocket root, one protocol."""

    name = models.CharField(max_length=63, primary_key=True, help_text="Our name of it, like binance-usdm.")
    protocol = models.CharField(
        max_length=63,
        choices=_choices(*VENUE_PROTOCOLS),
        help_text="What it speaks: binance-usdm is linear (USDⓈ-M), binance-coinm is inverse (COIN-M), binance-spot is "
        "pairs, of which only public data is followed; ccxt-… is any other exchange, through ccxt, likewise.",
    )
    rest_url = models.CharField(
        max_length=500,
        verbose_name="REST URL",
        help_text="Root of its REST interface without a path, like https://fapi.binance.com.",
    )
    ws_url = models.CharField(
        max_length=500,
        verbose_name="WebSocket URL",
        help_text="Root of its WebSocket interface without a path, like wss://fstream.binance.com.",
    )
    is_enabled = models.BooleanField(
        default=True, help_text="Off: no feed of this venue or of its accounts runs. History stays."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Account(Row):
    """One ring-fenced account at a venue, with keys, positions, balances and margin of its own."""

    name = models.CharField(
        max_length=127, primary_key=True, help_text="venue:name, like binance-usdm:main. Never changes."
    )
    venue = models.ForeignKey(
        Venue, models.DO_NOTHING, db_constraint=False, help_text="The exchange that keeps the account."
    )
    label = models.CharField(max_length=63, help_text="What people call it.")
    instruments = ArrayField(
        models.CharField(max_length=63),
        blank=True,
        default=list,
        help_text="Our symbols traded here, separated by commas, like ETH-USDT-PERP,BTC-USDT-PERP. "
        "Their specifications are loaded from the venue.",
    )
    is_enabled = models.BooleanField(default=True, help_text="Off: its private feed does not run. History stays.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Instrument(Row):
    """A perpetual or dated contract of a venue, as the venue specifies it."""

    id = models.CharField(max_length=127, primary_key=True, help_text="venue:SYMBOL, like binance-usdm:ETH-USDT-PERP.")
    venue = models.ForeignKey(Venue, models.DO_NOTHING, db_constraint=False, help_text="Where it is traded.")
    symbol = models.CharField(
        max_length=63, help_text="Our spelling: base-quote-PERP, or base-quote-YYYYMMDD for a dated contract."
    )
    venue_symbol = models.CharField(max_length=63, help_text="The venue's own spelling, like ETHUSDT.")
    kind = models.CharField(
        max_length=7,
        choices=_choices("linear", "inverse"),
        help_text="linear: a quantity is of the base, settled in the quote. "
        "inverse: a quantity is of the quote, settled in the base.",
    )
    expiry = models.CharField(
        max_length=9, choices=_choices("perpetual", "dated", "spot"), help_text="spot: a pair, only for its price."
    )
    base = models.CharField(max_length=63, help_text="The asset whose price is traded, like ETH.")
    quote = models.CharField(max_length=63, help_text="The currency that the price is in: USDT, USDC or USD.")
    settlement = models.CharField(
        max_length=63, help_text="The asset in which profit and loss, fees, funding and margin are paid."
    )
    contract_size = _number(
        help_text="What one contract is: base units if linear (1 ETH), quote units if inverse (10 USD). More than 0."
    )
    tick_size = _number(help_text="Step of prices, in quote units. More than 0.")
    step_size = _number(help_text="Step of quantities, in contracts. More than 0.")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When a dated contract is settled, UTC; empty for a perpetual."
    )
    is_trading = models.BooleanField(
        default=True, help_text="Off: the venue has halted, delisted or settled it. Positions are still valued."
    )
    funding_minutes = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Minutes from one payment of funding to the next; empty where the venue tells none, or it accrues.",
    )
    funding_cap = _number(null=True, blank=True, help_text="The highest rate of one payment; 0.0075 is 0.75 %.")
    funding_floor = _number(null=True, blank=True, help_text="The lowest rate of one payment; -0.0075 is -0.75 %.")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.id


class Tier(models.Model):
    """One maintenance bracket of an instrument: maintenance margin = value × rate − deduction."""

    instrument = models.ForeignKey(Instrument, models.CASCADE, db_constraint=False, related_name="tiers")
    number = models.PositiveSmallIntegerField(help_text="Order of the bracket, from 1.")
    floor = _number(help_text="From where it counts: position value in the settlement asset, or contracts (unit).")
    cap = _number(help_text="Up to where it counts.")
    maintenance_rate = _number(help_text="Share of the position's value to be kept as margin; 0.004 is 0.4 %.")
    deduction = _number(help_text="Taken off the maintenance margin, in the settlement asset (the venue's cum).")
    leverage_max = _number(help_text="Highest initial leverage in this bracket; 125 is 125 times.")
    growth = _number(default=0, db_default=0, help_text="Of both rates per unit of value (Deribit): 0.00005, 0.005 %.")
    unit = models.CharField(max_length=9, choices=_choices("value", "contracts"), default="value", db_default="value")

    class Meta:
        ordering = ("instrument_id", "number")
        unique_together = (("instrument", "number"),)

    def __str__(self) -> str:
        return f"{self.instrument_id} tier {self.number}"


class Custodian(Row):
    """A custodian whose wallets hold collateral."""

    name = models.CharField(max_length=63, primary_key=True, help_text="Our name of it, like ceffu.")
    protocol = models.CharField(max_length=63, choices=_choices(*CUSTODIAN_PROTOCOLS), help_text="What it speaks.")
    url = models.CharField(
        max_length=500, verbose_name="URL", help_text="Root of its interface without a path; reads only are made."
    )
    is_enabled = models.BooleanField(default=True, help_text="Off: its feed does not run. History stays.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Chain(Row):
    """A chain node and the contracts that are read from it."""

    name = models.CharField(max_length=63, primary_key=True, help_text="Our name of it, like ethereum.")
    url = models.CharField(max_length=500, verbose_name="URL", help_text="The node's JSON-RPC URL.")
    chain_id = models.PositiveBigIntegerField(help_text="EIP-155 number; a node of another chain is refused.")
    confirmations = models.PositiveSmallIntegerField(help_text="Blocks on top of an event before it counts.")
    wsteth = models.CharField(max_length=42, verbose_name="wstETH", help_text="Contract of wstETH: the protocol rate.")
    steth_pool = models.CharField(
        max_length=42, verbose_name="stETH pool", help_text="Pool of stETH against ETH: the market rate."
    )
    minting = models.CharField(max_length=42, help_text="Contract that mints and redeems the synthetic dollar.")
    synthetic = models.CharField(max_length=42, help_text="Token contract of the synthetic dollar: its supply.")
    is_enabled = models.BooleanField(default=True, help_text="Off: its feed does not run. History stays.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Wallet(models.Model):
    """An address of ours on a chain."""

    chain = models.ForeignKey(Chain, models.CASCADE, db_constraint=False, related_name="wallets")
    number = models.PositiveSmallIntegerField(help_text="Order in the list, from 1.")
    address = models.CharField(max_length=42, help_text="0x and 40 hexadecimal digits.")
    label = models.CharField(max_length=63, help_text="What the wallet is for.")
    purpose = models.CharField(
        max_length=7,
        choices=_choices("backing", "reserve"),
        default="backing",
        db_default="backing",
        help_text="backing: stands behind the synthetic dollar. reserve: the reserve fund's, in no sum of the book.",
    )

    class Meta:
        ordering = ("chain_id", "number")
        unique_together = (("chain", "number"),)

    def __str__(self) -> str:
        return f"{self.label} {self.address}"


class Token(models.Model):
    """An asset's contract on a chain."""

    chain = models.ForeignKey(Chain, models.CASCADE, db_constraint=False, related_name="tokens")
    number = models.PositiveSmallIntegerField(help_text="Order in the list, from 1.")
    asset = models.CharField(max_length=63, help_text="Our symbol of the asset.")
    address = models.CharField(max_length=42, help_text="The token's contract: 0x and 40 hexadecimal digits.")
    decimals = models.PositiveSmallIntegerField(help_text="Decimal places of its integer balances.")

    class Meta:
        ordering = ("chain_id", "number")
        unique_together = (("chain", "number"),)

    def __str__(self) -> str:
        return f"{self.asset} on {self.chain_id}"


class Oracle(Row):
    """A publisher of signed USD prices, and whose signatures are believed."""

    name = models.CharField(max_length=63, primary_key=True, help_text="Our name of it, like pyth. Never changes.")
    protocol = models.CharField(max_length=63, choices=_choices(*ORACLE_PROTOCOLS), help_text="What it speaks.")
    url = models.CharField(
        max_length=500, verbose_name="URL", help_text="Root of its interface, like https://pyth.dourolabs.app/hermes."
    )
    feeds = models.TextField(
        help_text="JSON: for each asset of ours what the oracle calls its USD price; for RedStone also the decimals of "
        "its integers, 8 unless said otherwise."
    )
    trust = models.TextField(
        help_text="JSON: whose signatures count. Publisher (for Pyth the emitter as chain:address, for RedStone the "
        "data service), signer sets with their quorum and the time from which they count no more, and other "
        "signers that are known and count for nothing. How to rotate them: docs/oracles.md."
    )
    is_enabled = models.BooleanField(default=True, help_text="Off: its feed does not run. History stays.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Limit(Row):
    """A bound on a number."""

    name = models.CharField(max_length=63, primary_key=True, help_text="Our name of it, like ETH net delta.")
    kind = models.CharField(
        max_length=63,
        choices=_choices(*LIMIT_KINDS),
        help_text=HELP,
    )
    subject = models.CharField(
        max_length=63,
        help_text="Of what: a currency (ETH) for a band, an order or a hedge, a kind of datum (mark, balance…) "
        "for an age, venue, nav for a rest, account for all margins or its name, with an asset: a buffer.",
    )
    value = _number(help_text="The bound itself, in its unit. More than 0.")
    unit = models.CharField(
        max_length=63, help_text="Unit of the value: the currency, USD, bp, ms, s, or ratio (1 is 100 %)."
    )
    note = models.CharField(max_length=500, blank=True, help_text="Why the bound is what it is.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """What a custodian's webhook told, until its own lists were asked. No projection."""

    custodian = models.CharField(max_length=63)
    digest = models.CharField(max_length=64)
    event_type = models.PositiveSmallIntegerField()
    order_id = models.CharField(max_length=64)
    coin = models.CharField(max_length=64)
    amount = models.CharField(max_length=100)
    told_at = models.DateTimeField()
    received_at = models.DateTimeField()
    verdict = models.CharField(max_length=9, default="waiting")
    settled_at = models.DateTimeField(null=True)
    said = models.CharField(max_length=500, default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("custodian", "digest"), name="marketdata_notice_once"),)
        indexes = (models.Index(fields=("custodian", "verdict"), name="marketdata_notice_verdict"),)

    def __str__(self) -> str:
        return f"{self.custodian} {self.order_id}"
