"""Deribit is a venue, and funding may accrue all the time instead of being due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Name the protocol, and let recorded funding have no time of payment."""

    dependencies = [("marketdata", "0014_okx")]
    operations = [
        migrations.AlterField(
            model_name="venue",
            name="protocol",
            field=models.CharField(
                choices=[
                    ("binance-usdm", "binance-usdm"),
                    ("binance-coinm", "binance-coinm"),
                    ("bybit", "bybit"),
                    ("okx", "okx"),
                    ("deribit", "deribit"),
                ],
                help_text="What it speaks: binance-usdm is linear (USDⓈ-M), binance-coinm is inverse (COIN-M).",
                max_length=63,
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE marketdata_funding ALTER COLUMN due_at DROP NOT NULL",
            "DELETE FROM marketdata_funding WHERE due_at IS NULL;"
            "ALTER TABLE marketdata_funding ALTER COLUMN due_at SET NOT NULL",
        ),
    ]
