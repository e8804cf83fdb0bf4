"""Keep what must be carried to its outcome."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0002_read_models"),
    ]

    operations = [
        migrations.CreateModel(
            name="Work",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("order", "order"), ("cancel", "cancel"), ("halt", "halt")],
                        help_text="what is to be done",
                        max_length=10,
                    ),
                ),
                (
                    "subject",
                    models.CharField(help_text="of what: a client order id, or the id of a halt", max_length=100),
                ),
                (
                    "queue",
                    models.CharField(
                        choices=[("orders", "orders"), ("urgent", "urgent")],
                        help_text="whose workers claim it",
                        max_length=10,
                    ),
                ),
                ("opened_at", models.DateTimeField(help_text="when it was committed")),
                ("due_at", models.DateTimeField(help_text="not before this time; moved when it has to be tried again")),
                ("tries", models.PositiveIntegerField(default=0, help_text="how often it was put off")),
                (
                    "claims",
                    models.PositiveIntegerField(
                        default=0, help_text="how often it was claimed: who holds an older claim lost it"
                    ),
                ),
                (
                    "claimed_by",
                    models.CharField(
                        blank=True, help_text="the worker that carries it, empty when none", max_length=200
                    ),
                ),
                ("claimed_until", models.DateTimeField(help_text="when the claim ends by itself", null=True)),
                ("closed_at", models.DateTimeField(help_text="when it had its outcome", null=True)),
                ("said", models.CharField(blank=True, help_text="what came of it last", max_length=500)),
            ],
            options={
                "verbose_name_plural": "work",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=["queue", "due_at"],
                        name="portfolio_work_due",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("kind", "subject"), name="portfolio_work_once")],
            },
        ),
    ]
