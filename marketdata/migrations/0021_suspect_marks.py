"""A recorded mark says why nothing may rest on it, and how far off its source says that it may be."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add both to the recorded marks."""

    dependencies = [("marketdata", "0020_growth")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE marketdata_mark ADD COLUMN suspect text NOT NULL DEFAULT '', ADD COLUMN conf double precision",
            "ALTER TABLE marketdata_mark DROP COLUMN suspect, DROP COLUMN conf",
        )
    ]
