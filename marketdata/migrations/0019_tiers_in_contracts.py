"""A tier may be bounded in contracts; every one that there is counts the position's value."""

from typing import Any

from django.db import migrations, models


def _bound(help_text: str) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(decimal_places=18, help_text=help_text, max_digits=38)


class Migration(migrations.Migration):
    """Say what a tier's bounds count."""

    dependencies = [("marketdata", "0018_generic")]
    operations = [
        migrations.AddField(
            model_name="tier",
            name="unit",
            field=models.CharField(
                choices=[("value", "value"), ("contracts", "contracts")],
                db_default="value",
                default="value",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="tier",
            name="floor",
            field=_bound("From where it counts: position value in the settlement asset, or contracts (unit)."),
        ),
        migrations.AlterField(model_name="tier", name="cap", field=_bound("Up to where it counts.")),
    ]
