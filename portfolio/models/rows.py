"""Read models: what the book holds, as rows with a past. They follow the log and can be rebuilt from it at any time.

A row is true for the log's events from `from_seq` on, up to but not with `to_seq`; the current one has no `to_seq`.
Only `portfolio.projector` and `manage.py replay` write them.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    DecimalField = models.DecimalField[Any, Any]
else:
    DecimalField = models.DecimalField


class ExactField(DecimalField):
    """A decimal of any precision: PostgreSQL's plain numeric, which keeps every digit that the book has."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_digits": 120, "decimal_places": 60} | options)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type."""
        return "numeric"


class Version(models.Model):
    """What every row has: from which event to which it was true."""

    KEY: ClassVar[tuple[str, ...]]

    from_seq = models.BigIntegerField(help_text="the event that made it so")
    to_seq = models.BigIntegerField(null=True, help_text="the event that made it otherwise; empty: it is so now")

    class Meta:
        abstract = True


def _one_at_a_time(name: str, *key: str) -> list[models.BaseConstraint]:
    now = models.Q(to_seq__isnull=True)
    return [
        models.UniqueConstraint(fields=[*key, "from_seq"], name=f"portfolio_{name}_version"),
        models.UniqueConstraint(fields=[*key], condition=now, name=f"portfolio_{name}_current"),
    ]


class Position(Version):
    """What an account holds of an instrument, by our fold of its fills, beside the venue's own word."""

    KEY = ("account", "instrument")

    account = models.TextField(db_collation="C", help_text="venue:label")
    instrument = models.TextField(db_collation="C", help_text="venue:SYMBOL")
    quantity = ExactField(help_text="signed number of contracts")
    size = ExactField(help_text="signed size: base units if linear, quote units if inverse")
    entry_value = ExactField(help_text="what the open size was worth when it was opened, in the settlement asset")
    realized = ExactField(
        help_text="profit of what was closed, against its entry, without fees, in the settlement asset"
    )
    booked = ExactField(
        help_text="part of the open position's profit that settlements have paid, in the settlement asset"
    )
    fees = models.JSONField(help_text="fees paid (positive) or received, by asset, as text")
    funding = models.JSONField(help_text="funding received (positive) or paid, by asset, as text")
    opened_at = models.DateTimeField(null=True, help_text="when the position last left zero; empty when flat")
    at = models.DateTimeField(null=True, help_text="time of its latest fact at the venue; empty before the first fill")
    stated_quantity = ExactField(null=True, help_text="signed contracts by the venue's own word")
    stated_entry_price = ExactField(null=True, help_text="entry price by the venue's own word")
    stated_at = models.DateTimeField(null=True, help_text="when the venue said so")

    class Meta:
        constraints = _one_at_a_time("position", "account", "instrument")
        ordering = ("account", "instrument", "from_seq")

    def __str__(self) -> str:
        return f"{self.account} {self.instrument} {self.quantity}"


class Balance(Version):
    """What an account has of an asset, by the venue's own word, and what was moved in and out."""

    KEY = ("account", "asset")

    account = models.TextField(db_collation="C", help_text="venue:label")
    asset = models.TextField(db_collation="C", help_text="the asset")
    total = ExactField(
        null=True, help_text="wallet balance: realized cash, without unrealized profit; empty: not stated"
    )
    transferred = ExactField(help_text="sum of transfers in (positive) and out (negative)")
    at = models.DateTimeField(null=True, help_text="when the venue said so")

    class Meta:
        constraints = _one_at_a_time("balance", "account", "asset")
        ordering = ("account", "asset", "from_seq")

    def __str__(self) -> str:
        return f"{self.account} {self.total} {self.asset}"


class Order(Version):
    """An order as its venue last reported it."""

    KEY = ("account", "instrument", "venue_order_id")

    account = models.TextField(db_collation="C", help_text="venue:label")
    instrument = models.TextField(db_collation="C", help_text="venue:SYMBOL")
    venue_order_id = models.TextField(db_collation="C", help_text="the venue's id")
    client_order_id = models.TextField(help_text="our id, or what another client gave")
    side = models.TextField(help_text="buy or sell")
    type = models.TextField(help_text="the venue's type, like LIMIT or MARKET")
    status = models.TextField(help_text="working, partially_filled, filled, canceled, rejected or expired")
    price = ExactField(null=True, help_text="limit price in the quote; empty for a market order")
    quantity = ExactField(help_text="contracts ordered")
    filled = ExactField(help_text="contracts filled")
    average_price = ExactField(null=True, help_text="average price of what was filled")
    reduce_only = models.BooleanField(help_text="whether it may only make the position smaller")
    at = models.DateTimeField(help_text="when the venue reported it so")

    class Meta:
        constraints = _one_at_a_time("order", "account", "instrument", "venue_order_id")
        indexes = (models.Index(fields=["from_seq"], name="portfolio_order_newest"),)
        ordering = ("account", "instrument", "venue_order_id", "from_seq")

    def __str__(self) -> str:
        return f"{self.account} {self.instrument} {self.venue_order_id} {self.status}"


class HedgeOrder(Version):
    """An order of ours, from the intent to the venue's last word."""

    KEY = ("client_order_id",)

    client_order_id = models.TextField(db_collation="C", help_text="our id")
    account = models.TextField(db_collation="C", help_text="venue:label")
    instrument = models.TextField(db_collation="C", help_text="venue:SYMBOL")
    side = models.TextField(help_text="buy or sell")
    time_in_force = models.TextField(help_text="gtc, ioc, fok or post_only")
    quantity = ExactField(help_text="contracts ordered")
    price = ExactField(help_text="worst price, in the quote")
    reduce_only = models.BooleanField(help_text="whether it may only make the position smaller")
    by = models.TextField(help_text="who wanted it")
    reason = models.TextField(help_text="why")
    proposal_id = models.TextField(help_text="the proposal that it follows; empty: none")
    at = models.DateTimeField(help_text="when it was asked for")
    state = models.TextField(help_text="how far it has come")
    venue_order_id = models.TextField(db_collation="C", help_text="the venue's id; empty: not known yet")
    filled = ExactField(help_text="contracts filled, by the venue's word")
    logged = ExactField(help_text="contracts filled, by the fills in the log")
    average_price = ExactField(null=True, help_text="average price of what was filled")
    because = models.TextField(help_text="why it is in this state, where there is more to say")
    intended_seq = models.BigIntegerField(help_text="the event of its intent")
    intended_at = models.DateTimeField(help_text="when the log took its intent")
    sent_seq = models.BigIntegerField(help_text="the event that it is on its way; 0: not sent")
    sent_at = models.DateTimeField(null=True, help_text="when it was signed")
    valid_until = models.DateTimeField(null=True, help_text="when the venue stops taking it")
    acknowledged_at = models.DateTimeField(null=True, help_text="when the venue's answer was here")
    filled_at = models.DateTimeField(null=True, help_text="when the log took its first fill")
    ended_at = models.DateTimeField(null=True, help_text="time of the last word")
    cancel_asked_at = models.DateTimeField(null=True, help_text="when somebody asked to cancel it")
    cancel_asked_by = models.TextField(help_text="who asked; empty: nobody")

    class Meta:
        constraints = _one_at_a_time("hedgeorder", "client_order_id")
        indexes = (
            models.Index(
                fields=["intended_seq"], name="portfolio_hedgeorder_newest", condition=models.Q(to_seq__isnull=True)
            ),
            models.Index(fields=["intended_seq", "from_seq"], name="portfolio_hedgeorder_past"),
            models.Index(fields=["venue_order_id"], name="portfolio_hedgeorder_venue"),
        )
        ordering = ("-intended_seq", "from_seq")

    def __str__(self) -> str:
        return f"{self.client_order_id} {self.state}"


class CollateralMove(Version):
    """A collateral move, from the proposal to both sides showing it."""

    KEY = ("move_id",)

    move_id = models.TextField(db_collation="C", help_text="our id")
    kind = models.TextField(help_text="delegate, undelegate or transfer")
    custodian = models.TextField(db_collation="C", help_text="who carries it out")
    asset = models.TextField(db_collation="C", help_text="the asset")
    amount = ExactField(help_text="units of the asset")
    source = models.TextField(db_collation="C", help_text="the wallet or account that it leaves")
    destination = models.TextField(db_collation="C", help_text="the wallet or account that it goes to")
    venue = models.TextField(db_collation="C", help_text="the exchange; empty for a transfer")
    route = models.TextField(db_collation="C", help_text="the custodian's own name of the way")
    expires_at = models.DateTimeField(help_text="when it is no longer sent")
    by = models.TextField(help_text="who wanted it")
    reason = models.TextField(help_text="why")
    proposed_seq = models.BigIntegerField(help_text="the event of its proposal")
    proposed_at = models.DateTimeField(help_text="when the log took its proposal")
    state = models.TextField(help_text="how far it has come")
    because = models.TextField(help_text="why it is in this state, where there is more to say")
    policy_version = models.IntegerField(help_text="the policy that judged it; 0: none has")
    rule = models.TextField(help_text="the rule that matched")
    outcome = models.TextField(help_text="allow, ask or refuse; empty: not judged")
    quotas = models.JSONField(help_text="who must agree: groups with numbers")
    amount_usd = ExactField(null=True, help_text="what it was worth when judged; empty: nobody could say")
    trust = models.TextField(help_text="how far its price was believed; empty: not judged")
    decisions = models.JSONField(help_text="who decided what, when and why, in the log's order")
    request_id = models.TextField(db_collation="C", help_text="the custodian's idempotency key; empty: not intended")
    custodian_order_id = models.TextField(db_collation="C", help_text="the custodian's id; empty: not known yet")
    intended_at = models.DateTimeField(null=True, help_text="when the log took its intent")
    submitted_at = models.DateTimeField(null=True, help_text="when it was signed")
    confirmed_at = models.DateTimeField(null=True, help_text="when the custodian said that it is done")
    seen_at = models.DateTimeField(null=True, help_text="when the other side showed it")
    ended_at = models.DateTimeField(null=True, help_text="time of its end")

    class Meta:
        constraints = _one_at_a_time("collateralmove", "move_id")
        indexes = (
            models.Index(
                fields=["proposed_seq"], name="portfolio_move_newest", condition=models.Q(to_seq__isnull=True)
            ),
            models.Index(fields=["proposed_seq", "from_seq"], name="portfolio_move_past"),
        )
        ordering = ("-proposed_seq", "from_seq")

    def __str__(self) -> str:
        return f"{self.move_id} {self.state}"


class Fill(Version):
    """An execution; it never changes, so that it has one version."""

    KEY = ("account", "instrument", "trade_id")

    from_seq = models.BigIntegerField(primary_key=True, help_text="the event that made it so")
    account = models.TextField(db_collation="C", help_text="venue:label")
    instrument = models.TextField(db_collation="C", help_text="venue:SYMBOL")
    trade_id = models.TextField(db_collation="C", help_text="the venue's id of the trade")
    venue_order_id = models.TextField(help_text="the venue's id of the order")
    side = models.TextField(help_text="buy or sell")
    price = ExactField(help_text="price in the quote")
    quantity = ExactField(help_text="contracts, more than 0")
    fee = ExactField(help_text="fee paid (positive) or received (negative)")
    fee_asset = models.TextField(help_text="asset of the fee")
    is_maker = models.BooleanField(help_text="whether it rested in the venue's book")
    at = models.DateTimeField(help_text="when it happened at the venue")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["account", "instrument", "trade_id"], name="portfolio_fill_once"),
        )
        ordering = ("from_seq",)

    def __str__(self) -> str:
        return f"{self.account} {self.instrument} {self.trade_id}"


class Collateral(Version):
    """What a custodian or a chain holds for us in one wallet, by its own word."""

    KEY = ("holder", "wallet", "asset")

    holder = models.TextField(db_collation="C", help_text="the custodian or the chain")
    wallet = models.TextField(db_collation="C", help_text="the wallet's id or address")
    asset = models.TextField(db_collation="C", help_text="the asset")
    total = ExactField(help_text="free and locked together, in units of the asset")
    locked = ExactField(help_text="part that cannot be moved, in units of the asset")
    reference = models.TextField(help_text="block number, or the statement's time in ms")
    at = models.DateTimeField(help_text="when the holder said so")

    class Meta:
        constraints = _one_at_a_time("collateral", "holder", "wallet", "asset")
        ordering = ("holder", "wallet", "asset", "from_seq")
        verbose_name_plural = "collateral"

    def __str__(self) -> str:
        return f"{self.holder} {self.wallet} {self.total} {self.asset}"


class Checkpoint(models.Model):
    """How far a projection has come: moved in the same transaction as its rows."""

    READ_MODELS: ClassVar = "read models"

    name = models.CharField(max_length=100, primary_key=True, help_text="which projection")
    seq = models.BigIntegerField(help_text="the last event that is in its rows")
    moved_at = models.DateTimeField(auto_now=True, help_text="when it last moved")

    def __str__(self) -> str:
        return f"{self.name}@{self.seq}"
