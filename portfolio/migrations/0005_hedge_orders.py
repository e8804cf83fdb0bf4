"""Keep our orders as rows with a past. A log from before has none, so that nothing needs to be built again."""

from django.db import migrations, models

import portfolio.models.rows


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0004_halts"),
    ]

    operations = [
        migrations.CreateModel(
            name="HedgeOrder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("client_order_id", models.TextField(db_collation="C", help_text="our id")),
                ("account", models.TextField(db_collation="C", help_text="venue:label")),
                ("instrument", models.TextField(db_collation="C", help_text="venue:SYMBOL")),
                ("side", models.TextField(help_text="buy or sell")),
                ("time_in_force", models.TextField(help_text="gtc, ioc, fok or post_only")),
                (
                    "quantity",
                    portfolio.models.rows.ExactField(decimal_places=60, help_text="contracts ordered", max_digits=120),
                ),
                (
                    "price",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="worst price, in the quote", max_digits=120
                    ),
                ),
                ("reduce_only", models.BooleanField(help_text="whether it may only make the position smaller")),
                ("by", models.TextField(help_text="who wanted it")),
                ("reason", models.TextField(help_text="why")),
                ("proposal_id", models.TextField(help_text="the proposal that it follows; empty: none")),
                ("at", models.DateTimeField(help_text="when it was asked for")),
                ("state", models.TextField(help_text="how far it has come")),
                (
                    "venue_order_id",
                    models.TextField(db_collation="C", help_text="the venue's id; empty: not known yet"),
                ),
                (
                    "filled",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="contracts filled, by the venue's word", max_digits=120
                    ),
                ),
                (
                    "logged",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="contracts filled, by the fills in the log", max_digits=120
                    ),
                ),
                (
                    "average_price",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="average price of what was filled", max_digits=120, null=True
                    ),
                ),
                ("because", models.TextField(help_text="why it is in this state, where there is more to say")),
                ("intended_seq", models.BigIntegerField(help_text="the event of its intent")),
                ("intended_at", models.DateTimeField(help_text="when the log took its intent")),
                ("sent_seq", models.BigIntegerField(help_text="the event that it is on its way; 0: not sent")),
                ("sent_at", models.DateTimeField(help_text="when it was signed", null=True)),
                ("valid_until", models.DateTimeField(help_text="when the venue stops taking it", null=True)),
                ("acknowledged_at", models.DateTimeField(help_text="when the venue's answer was here", null=True)),
                ("filled_at", models.DateTimeField(help_text="when the log took its first fill", null=True)),
                ("ended_at", models.DateTimeField(help_text="time of the last word", null=True)),
                ("cancel_asked_at", models.DateTimeField(help_text="when somebody asked to cancel it", null=True)),
                ("cancel_asked_by", models.TextField(help_text="who asked; empty: nobody")),
            ],
            options={
                "ordering": ("-intended_seq", "from_seq"),
            },
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["from_seq"], name="portfolio_order_newest"),
        ),
        migrations.AddIndex(
            model_name="hedgeorder",
            index=models.Index(
                condition=models.Q(("to_seq__isnull", True)),
                fields=["intended_seq"],
                name="portfolio_hedgeorder_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="hedgeorder",
            index=models.Index(fields=["intended_seq", "from_seq"], name="portfolio_hedgeorder_past"),
        ),
        migrations.AddIndex(
            model_name="hedgeorder",
            index=models.Index(fields=["venue_order_id"], name="portfolio_hedgeorder_venue"),
        ),
        migrations.AddConstraint(
            model_name="hedgeorder",
            constraint=models.UniqueConstraint(
                fields=("client_order_id", "from_seq"), name="portfolio_hedgeorder_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="hedgeorder",
            constraint=models.UniqueConstraint(
                condition=models.Q(("to_seq__isnull", True)),
                fields=("client_order_id",),
                name="portfolio_hedgeorder_current",
            ),
        ),
    ]
