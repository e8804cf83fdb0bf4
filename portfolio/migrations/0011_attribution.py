"""Keep why the net asset value changed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0010_glass_is_broken_by_two"),
    ]

    operations = [
        migrations.CreateModel(
            name="AttributedDay",
            fields=[
                (
                    "day",
                    models.DateField(
                        help_text="in UTC; a minute is of the day in which it ends", primary_key=True, serialize=False
                    ),
                ),
                ("to_seq", models.BigIntegerField(help_text="the last event of the log that is in it")),
                ("at", models.DateTimeField(help_text="the time of the latest marks in it")),
                ("before", models.TextField(help_text="the net asset value at its beginning, in USD")),
                ("after", models.TextField(help_text="the net asset value at its end, or as of now, in USD")),
                ("rest", models.TextField(help_text="what of the change no fact explains, in USD")),
                ("parts", models.TextField(help_text="the parts of its minutes, summed, as JSON")),
                ("earlier", models.TextField(help_text="the parts of all days before it, summed, as JSON")),
                ("earlier_rest", models.TextField(help_text="the rest of all days before it, in USD")),
                ("opening", models.TextField(help_text="what positions had earned when it began, as JSON")),
            ],
            options={
                "verbose_name_plural": "attributed days",
                "ordering": ["day"],
            },
        ),
        migrations.CreateModel(
            name="AttributedMinute",
            fields=[
                (
                    "to_seq",
                    models.BigIntegerField(
                        help_text="the last event of the log that is in it", primary_key=True, serialize=False
                    ),
                ),
                ("from_seq", models.BigIntegerField(help_text="the last event that is in the minute before")),
                ("at", models.DateTimeField(help_text="the time of the marks at its end")),
                ("from_at", models.DateTimeField(help_text="the time of the marks at its beginning")),
                ("before", models.TextField(help_text="the net asset value at its beginning, in USD")),
                ("after", models.TextField(help_text="the net asset value at its end, in USD")),
                ("rest", models.TextField(help_text="what of the change no fact explains, in USD")),
                ("lines", models.TextField(help_text="the change by line, in USD, as JSON")),
                ("parts", models.TextField(help_text="the parts of the lines, as JSON")),
                ("missing", models.TextField(help_text="the units that no fact explains, as JSON")),
            ],
            options={
                "verbose_name_plural": "attributed minutes",
                "ordering": ["to_seq"],
                "indexes": [models.Index(fields=["at"], name="portfolio_minute_at")],
            },
        ),
    ]
