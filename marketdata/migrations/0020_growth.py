"""A venue's margin may grow with the size of the position itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep what the rates of a tier grow by, 0 for all that are known."""

    dependencies = [("marketdata", "0019_tiers_in_contracts")]
    operations = [
        migrations.AddField(
            model_name="tier",
            name="growth",
            field=models.DecimalField(
                db_default=0,
                decimal_places=18,
                default=0,
                help_text="Of both rates per unit of value (Deribit): 0.00005, 0.005 %.",
                max_digits=38,
            ),
        ),
    ]
