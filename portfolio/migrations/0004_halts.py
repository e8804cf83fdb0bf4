"""Keep the halts, and let the database itself ask for two people."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0003_work"),
    ]

    operations = [
        migrations.CreateModel(
            name="Desk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "permissions": [
                    ("send_order", "Can send and cancel orders"),
                    ("declare_halt", "Can halt new risk"),
                    ("lift_halt", "Can ask for and approve the end of a halt"),
                ],
                "managed": False,
                "default_permissions": [],
            },
        ),
        migrations.CreateModel(
            name="Halt",
            fields=[
                (
                    "halt_id",
                    models.CharField(
                        help_text="its name in the log", max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("scope", models.CharField(help_text="a venue, or * for all of them", max_length=63)),
                ("declared_at", models.DateTimeField(help_text="when it was declared")),
                ("declared_by", models.CharField(help_text="who declared it", max_length=150)),
                ("reason", models.CharField(help_text="why it was declared", max_length=500)),
                ("canceled", models.PositiveIntegerField(default=0, help_text="orders that were canceled for it")),
                (
                    "held_at",
                    models.DateTimeField(help_text="when the venues said that nothing of its scope is left", null=True),
                ),
                (
                    "asked_at",
                    models.DateTimeField(help_text="when the first of two people wanted to resume", null=True),
                ),
                ("asked_by", models.CharField(blank=True, help_text="the first of the two", max_length=150)),
                ("asked_because", models.CharField(blank=True, help_text="why it should be lifted", max_length=500)),
                ("lifted_at", models.DateTimeField(help_text="when the second of two people lifted it", null=True)),
                ("approved_by", models.CharField(blank=True, help_text="the second of the two", max_length=150)),
            ],
            options={
                "ordering": ["-declared_at"],
                "default_permissions": ["view"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)),
                        fields=("scope",),
                        name="portfolio_halt_one_per_scope",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asked_at__isnull", True), ("asked_by", "")),
                            models.Q(("asked_at__isnull", False), models.Q(("asked_by", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="portfolio_halt_asked_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_by", ""), ("lifted_at__isnull", True)),
                            models.Q(
                                ("lifted_at__isnull", False),
                                models.Q(("asked_by", ""), _negated=True),
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("asked_by", models.F("approved_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="portfolio_halt_lifted_by_two",
                    ),
                ],
            },
        ),
    ]
