"""Keep the frames that were shown."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = ()

    operations = [
        migrations.CreateModel(
            name="FrameTaken",
            fields=[
                (
                    "number",
                    models.BigIntegerField(
                        help_text="the frame's number; grows, with jumps at a takeover",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("at", models.DateTimeField(help_text="when it was shown")),
                ("seq", models.BigIntegerField(help_text="the last event of the log that is in it")),
                (
                    "net",
                    models.JSONField(
                        help_text="net exposure by currency, in units of it, as text; null where it was not known"
                    ),
                ),
                (
                    "price",
                    models.JSONField(
                        help_text="index price by currency, in the quote of its contracts, as text; null likewise"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "frames taken",
                "ordering": ["at"],
                "indexes": [models.Index(fields=["at"], name="portfolio_frame_at")],
            },
        ),
    ]
