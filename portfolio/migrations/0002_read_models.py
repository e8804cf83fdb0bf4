"""Keep what the book holds as rows with a past."""

from django.db import migrations, models

import portfolio.models.rows


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0001_frames"),
    ]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "name",
                    models.CharField(help_text="which projection", max_length=100, primary_key=True, serialize=False),
                ),
                ("seq", models.BigIntegerField(help_text="the last event that is in its rows")),
                ("moved_at", models.DateTimeField(auto_now=True, help_text="when it last moved")),
            ],
        ),
        migrations.CreateModel(
            name="Balance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("account", models.TextField(db_collation="C", help_text="venue:label")),
                ("asset", models.TextField(db_collation="C", help_text="the asset")),
                (
                    "total",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="wallet balance: realized cash, without unrealized profit; empty: not stated",
                        max_digits=120,
                        null=True,
                    ),
                ),
                (
                    "transferred",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="sum of transfers in (positive) and out (negative)", max_digits=120
                    ),
                ),
                ("at", models.DateTimeField(help_text="when the venue said so", null=True)),
            ],
            options={
                "ordering": ("account", "asset", "from_seq"),
                "constraints": [
                    models.UniqueConstraint(fields=("account", "asset", "from_seq"), name="portfolio_balance_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("account", "asset"),
                        name="portfolio_balance_current",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Collateral",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("holder", models.TextField(db_collation="C", help_text="the custodian or the chain")),
                ("wallet", models.TextField(db_collation="C", help_text="the wallet's id or address")),
                ("asset", models.TextField(db_collation="C", help_text="the asset")),
                (
                    "total",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="free and locked together, in units of the asset", max_digits=120
                    ),
                ),
                (
                    "locked",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="part that cannot be moved, in units of the asset", max_digits=120
                    ),
                ),
                ("reference", models.TextField(help_text="block number, or the statement's time in ms")),
                ("at", models.DateTimeField(help_text="when the holder said so")),
            ],
            options={
                "verbose_name_plural": "collateral",
                "ordering": ("holder", "wallet", "asset", "from_seq"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("holder", "wallet", "asset", "from_seq"), name="portfolio_collateral_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("holder", "wallet", "asset"),
                        name="portfolio_collateral_current",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Fill",
            fields=[
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                (
                    "from_seq",
                    models.BigIntegerField(help_text="the event that made it so", primary_key=True, serialize=False),
                ),
                ("account", models.TextField(db_collation="C", help_text="venue:label")),
                ("instrument", models.TextField(db_collation="C", help_text="venue:SYMBOL")),
                ("trade_id", models.TextField(db_collation="C", help_text="the venue's id of the trade")),
                ("venue_order_id", models.TextField(help_text="the venue's id of the order")),
                ("side", models.TextField(help_text="buy or sell")),
                (
                    "price",
                    portfolio.models.rows.ExactField(decimal_places=60, help_text="price in the quote", max_digits=120),
                ),
                (
                    "quantity",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="contracts, more than 0", max_digits=120
                    ),
                ),
                (
                    "fee",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="fee paid (positive) or received (negative)", max_digits=120
                    ),
                ),
                ("fee_asset", models.TextField(help_text="asset of the fee")),
                ("is_maker", models.BooleanField(help_text="whether it rested in the venue's book")),
                ("at", models.DateTimeField(help_text="when it happened at the venue")),
            ],
            options={
                "ordering": ("from_seq",),
                "constraints": [
                    models.UniqueConstraint(fields=("account", "instrument", "trade_id"), name="portfolio_fill_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("account", models.TextField(db_collation="C", help_text="venue:label")),
                ("instrument", models.TextField(db_collation="C", help_text="venue:SYMBOL")),
                ("venue_order_id", models.TextField(db_collation="C", help_text="the venue's id")),
                ("client_order_id", models.TextField(help_text="our id, or what another client gave")),
                ("side", models.TextField(help_text="buy or sell")),
                ("type", models.TextField(help_text="the venue's type, like LIMIT or MARKET")),
                (
                    "status",
                    models.TextField(help_text="working, partially_filled, filled, canceled, rejected or expired"),
                ),
                (
                    "price",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="limit price in the quote; empty for a market order",
                        max_digits=120,
                        null=True,
                    ),
                ),
                (
                    "quantity",
                    portfolio.models.rows.ExactField(decimal_places=60, help_text="contracts ordered", max_digits=120),
                ),
                (
                    "filled",
                    portfolio.models.rows.ExactField(decimal_places=60, help_text="contracts filled", max_digits=120),
                ),
                (
                    "average_price",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="average price of what was filled", max_digits=120, null=True
                    ),
                ),
                ("reduce_only", models.BooleanField(help_text="whether it may only make the position smaller")),
                ("at", models.DateTimeField(help_text="when the venue reported it so")),
            ],
            options={
                "ordering": ("account", "instrument", "venue_order_id", "from_seq"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "instrument", "venue_order_id", "from_seq"), name="portfolio_order_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("account", "instrument", "venue_order_id"),
                        name="portfolio_order_current",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Position",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("account", models.TextField(db_collation="C", help_text="venue:label")),
                ("instrument", models.TextField(db_collation="C", help_text="venue:SYMBOL")),
                (
                    "quantity",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="signed number of contracts", max_digits=120
                    ),
                ),
                (
                    "size",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="signed size: base units if linear, quote units if inverse",
                        max_digits=120,
                    ),
                ),
                (
                    "entry_value",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="what the open size was worth when it was opened, in the settlement asset",
                        max_digits=120,
                    ),
                ),
                (
                    "realized",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="profit of what was closed, against its entry, without fees, in the settlement asset",
                        max_digits=120,
                    ),
                ),
                (
                    "booked",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="part of the open position's profit that settlements have paid, in the settlement asset",
                        max_digits=120,
                    ),
                ),
                ("fees", models.JSONField(help_text="fees paid (positive) or received, by asset, as text")),
                ("funding", models.JSONField(help_text="funding received (positive) or paid, by asset, as text")),
                (
                    "opened_at",
                    models.DateTimeField(help_text="when the position last left zero; empty when flat", null=True),
                ),
                (
                    "at",
                    models.DateTimeField(
                        help_text="time of its latest fact at the venue; empty before the first fill", null=True
                    ),
                ),
                (
                    "stated_quantity",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="signed contracts by the venue's own word",
                        max_digits=120,
                        null=True,
                    ),
                ),
                (
                    "stated_entry_price",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="entry price by the venue's own word", max_digits=120, null=True
                    ),
                ),
                ("stated_at", models.DateTimeField(help_text="when the venue said so", null=True)),
            ],
            options={
                "ordering": ("account", "instrument", "from_seq"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "instrument", "from_seq"), name="portfolio_position_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("account", "instrument"),
                        name="portfolio_position_current",
                    ),
                ],
            },
        ),
    ]
