"""A wallet of a chain may be the reserve fund's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the purpose; what there is stands behind the synthetic dollar."""

    dependencies = [("marketdata", "0028_terms_of_funding")]
    operations = [
        migrations.AddField(
            model_name="wallet",
            name="purpose",
            field=models.CharField(
                choices=[("backing", "backing"), ("reserve", "reserve")],
                db_default="backing",
                default="backing",
                help_text="backing: stands behind the synthetic dollar. reserve: the reserve fund's, in no sum of the book.",
                max_length=7,
            ),
        ),
    ]
