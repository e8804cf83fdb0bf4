"""The sink's word, to show and to alert."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the table of the sink's word."""

    dependencies = [("eventlog", "0002_chain_check_looks_at_the_log_only")]
    operations = [
        migrations.CreateModel(
            name="SecondStore",
            fields=[
                (
                    "name",
                    models.CharField(help_text="which sink", max_length=20, primary_key=True, serialize=False),
                ),
                ("url", models.CharField(help_text="where it keeps its segments", max_length=500)),
                ("seq", models.BigIntegerField(help_text="the last event that it holds")),
                ("stored_at", models.DateTimeField(help_text="when it said so")),
                (
                    "trouble",
                    models.CharField(blank=True, help_text="what hinders it, empty when nothing does", max_length=1000),
                ),
            ],
            options={"ordering": ["name"]},
        ),
    ]
