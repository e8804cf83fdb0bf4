"""Keep collateral moves as rows with a past. A log from before has none, so that nothing needs to be built again."""

from django.db import migrations, models

import portfolio.models.rows


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0005_hedge_orders"),
    ]

    operations = [
        migrations.CreateModel(
            name="CollateralMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("move_id", models.TextField(db_collation="C", help_text="our id")),
                ("kind", models.TextField(help_text="delegate, undelegate or transfer")),
                ("custodian", models.TextField(db_collation="C", help_text="who carries it out")),
                ("asset", models.TextField(db_collation="C", help_text="the asset")),
                (
                    "amount",
                    portfolio.models.rows.ExactField(decimal_places=60, help_text="units of the asset", max_digits=120),
                ),
                ("source", models.TextField(db_collation="C", help_text="the wallet or account that it leaves")),
                ("destination", models.TextField(db_collation="C", help_text="the wallet or account that it goes to")),
                ("venue", models.TextField(db_collation="C", help_text="the exchange; empty for a transfer")),
                ("route", models.TextField(db_collation="C", help_text="the custodian's own name of the way")),
                ("expires_at", models.DateTimeField(help_text="when it is no longer sent")),
                ("by", models.TextField(help_text="who wanted it")),
                ("reason", models.TextField(help_text="why")),
                ("proposed_seq", models.BigIntegerField(help_text="the event of its proposal")),
                ("proposed_at", models.DateTimeField(help_text="when the log took its proposal")),
                ("state", models.TextField(help_text="how far it has come")),
                ("because", models.TextField(help_text="why it is in this state, where there is more to say")),
                ("policy_version", models.IntegerField(help_text="the policy that judged it; 0: none has")),
                ("rule", models.TextField(help_text="the rule that matched")),
                ("outcome", models.TextField(help_text="allow, ask or refuse; empty: not judged")),
                ("quotas", models.JSONField(help_text="who must agree: groups with numbers")),
                (
                    "amount_usd",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="what it was worth when judged; empty: nobody could say",
                        max_digits=120,
                        null=True,
                    ),
                ),
                ("trust", models.TextField(help_text="how far its price was believed; empty: not judged")),
                ("decisions", models.JSONField(help_text="who decided what, when and why, in the log's order")),
                (
                    "request_id",
                    models.TextField(
                        db_collation="C", help_text="the custodian's idempotency key; empty: not intended"
                    ),
                ),
                (
                    "custodian_order_id",
                    models.TextField(db_collation="C", help_text="the custodian's id; empty: not known yet"),
                ),
                ("intended_at", models.DateTimeField(help_text="when the log took its intent", null=True)),
                ("submitted_at", models.DateTimeField(help_text="when it was signed", null=True)),
                ("confirmed_at", models.DateTimeField(help_text="when the custodian said that it is done", null=True)),
                ("seen_at", models.DateTimeField(help_text="when the other side showed it", null=True)),
                ("ended_at", models.DateTimeField(help_text="time of its end", null=True)),
            ],
            options={
                "ordering": ("-proposed_seq", "from_seq"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=["proposed_seq"],
                        name="portfolio_move_newest",
                    ),
                    models.Index(fields=["proposed_seq", "from_seq"], name="portfolio_move_past"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("move_id", "from_seq"), name="portfolio_collateralmove_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("move_id",),
                        name="portfolio_collateralmove_current",
                    ),
                ],
            },
        ),
    ]
