"""Keep runs, breaks with their past, and anchors; let the database itself ask for two people."""

from django.db import migrations, models

import portfolio.models.rows


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BreakDesk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "permissions": [
                    ("work_break", "Can assign, investigate and explain breaks"),
                    ("close_break", "Can heal and accept breaks"),
                ],
                "managed": False,
                "default_permissions": [],
            },
        ),
        migrations.CreateModel(
            name="Anchor",
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
                        decimal_places=60, help_text="the venue's word at that moment", max_digits=120
                    ),
                ),
                (
                    "booked",
                    portfolio.models.rows.ExactField(
                        decimal_places=60, help_text="what the log's facts summed to at that moment", max_digits=120
                    ),
                ),
                ("at", models.DateTimeField(help_text="the moment")),
                ("by", models.TextField(help_text="who set it")),
                ("break_id", models.TextField(help_text="the break that was taken over with it; empty: none")),
            ],
            options={
                "ordering": ["account", "asset", "from_seq"],
                "default_permissions": [],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "asset", "from_seq"), name="reconciliation_anchor_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("account", "asset"),
                        name="reconciliation_anchor_current",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BreakRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_seq", models.BigIntegerField(help_text="the event that made it so")),
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the event that made it otherwise; empty: it is so now", null=True
                    ),
                ),
                ("break_id", models.TextField(db_collation="C", help_text="its id, for ever")),
                (
                    "state",
                    models.TextField(
                        help_text="seen, settled, found, investigated, explained, healed, accepted or verified"
                    ),
                ),
                ("is_open", models.BooleanField(help_text="whether somebody has to do something about it")),
                ("is_watched", models.BooleanField(help_text="whether runs still look after it")),
                ("was_found", models.BooleanField(help_text="whether it outlived its grace")),
                ("severity", models.TextField(help_text="minor, major or critical")),
                ("subject", models.TextField(db_collation="C", help_text="whose statement, by the name of its feed")),
                ("venue", models.TextField(db_collation="C", help_text="the venue or holder")),
                ("kind", models.TextField(help_text="what differs")),
                ("item", models.TextField(help_text="which one of its kind")),
                (
                    "usd",
                    portfolio.models.rows.ExactField(
                        decimal_places=60,
                        help_text="what it is worth in USD; empty: not known",
                        max_digits=120,
                        null=True,
                    ),
                ),
                ("assignee", models.TextField(help_text="who looks after it; empty: nobody")),
                ("seen_seq", models.BigIntegerField(help_text="the event that it was last seen anew with")),
                ("seen_at", models.DateTimeField(help_text="when it was last seen anew")),
                (
                    "needs_two",
                    models.TextField(help_text="why one person cannot close it; empty: one can, or nobody asked"),
                ),
                ("asked_by", models.TextField(help_text="who asked to close it")),
                ("approved_by", models.TextField(help_text="the second person")),
                ("body", models.JSONField(help_text="the whole break")),
            ],
            options={
                "ordering": ["-seen_seq"],
                "default_permissions": [],
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_watched", True), ("to_seq__isnull", True)),
                        fields=["subject"],
                        name="reconciliation_break_watched",
                    ),
                    models.Index(
                        condition=models.Q(("to_seq__isnull", True), ("was_found", True)),
                        fields=["-seen_seq"],
                        name="reconciliation_break_newest",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("break_id", "from_seq"), name="reconciliation_break_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("to_seq__isnull", True)),
                        fields=("break_id",),
                        name="reconciliation_break_current",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["healed", "accepted"]), _negated=True),
                            models.Q(("asked_by", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="reconciliation_break_closed_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["healed", "accepted"]), _negated=True),
                            ("needs_two", ""),
                            models.Q(
                                models.Q(("asked_by", ""), _negated=True),
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("asked_by", models.F("approved_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="reconciliation_break_closed_by_two",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "run_id",
                    models.CharField(
                        help_text="its name in the log", max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("subject", models.TextField(db_collation="C", help_text="whose statement, by the name of its feed")),
                ("trigger", models.TextField(help_text="why it ran: schedule, reconnect or person")),
                ("begun_at", models.DateTimeField(help_text="when it began")),
                ("begun_seq", models.BigIntegerField(help_text="the event that it began with")),
                ("ended_at", models.DateTimeField(help_text="when it ended; empty: it runs, or died", null=True)),
                ("ended_seq", models.BigIntegerField(help_text="the event that it ended with", null=True)),
                ("outcome", models.TextField(help_text="clean, differing or failed; empty: not ended")),
                ("log_seq", models.BigIntegerField(help_text="the last event that was on our side")),
                ("compared", models.JSONField(help_text="rows, differences and digest of each kind")),
                ("said", models.TextField(help_text="what could not be read, and why")),
            ],
            options={
                "ordering": ["-begun_seq"],
                "default_permissions": [],
                "indexes": [
                    models.Index(fields=["subject", "-begun_seq"], name="reconciliation_run_latest"),
                    models.Index(fields=["-begun_seq"], name="reconciliation_run_newest"),
                ],
            },
        ),
    ]
