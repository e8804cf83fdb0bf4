"""Changes of where we speak to and with which keys take two people."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table."""

    dependencies = [("marketdata", "0007_limits_of_moves"), ("access", "0005_person_changes")]
    operations = [
        migrations.CreateModel(
            name="SourceChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("change_id", models.CharField(help_text="its name in the log", max_length=60, unique=True)),
                (
                    "what",
                    models.CharField(
                        help_text="the row, like venue:binance-usdm or credential:ceffu:trade", max_length=200
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(
                        default=0, help_text="the row's version that it was made on; 0 for keys"
                    ),
                ),
                ("content", models.TextField(blank=True, help_text="the row as it is to be, as JSON; empty for keys")),
                ("holder", models.CharField(blank=True, help_text="whose keys they are", max_length=127)),
                ("purpose", models.CharField(blank=True, help_text="what the keys are used for", max_length=5)),
                ("api_key_ciphertext", models.BinaryField(null=True)),
                ("secret_ciphertext", models.BinaryField(null=True)),
                (
                    "fingerprint",
                    models.CharField(blank=True, help_text="SHA-256 of the API key, hexadecimal", max_length=64),
                ),
                ("proposed_by", models.CharField(help_text="the first of the two", max_length=150)),
                ("proposed_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                ("agreed_by", models.CharField(blank=True, help_text="the second of the two", max_length=150)),
                ("agreed_at", models.DateTimeField(null=True)),
                ("holds_from", models.DateTimeField(help_text="the end of its cool-off", null=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("dropped_at", models.DateTimeField(null=True)),
                (
                    "agreement",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.assertion",
                    ),
                ),
            ],
            options={
                "permissions": [("agree_source", "Can agree to other URLs and keys")],
                "default_permissions": ["view"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            agreed_by="", agreed_at=None, agreement=None, holds_from=None, applied_at=None
                        )
                        | ~models.Q(agreed_by="")
                        & models.Q(agreed_at__isnull=False, agreement__isnull=False, holds_from__isnull=False)
                        & ~models.Q(agreed_by=models.F("proposed_by")),
                        name="marketdata_sourcechange_by_two",
                    )
                ],
            },
        ),
    ]
