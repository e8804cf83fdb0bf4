"""Keep what standing scenarios came to last."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0012_scenarios_are_saved")]
    operations = [
        migrations.CreateModel(
            name="StandingResult",
            fields=[
                ("scenario", models.TextField(help_text="its name", primary_key=True, serialize=False)),
                ("at", models.DateTimeField(help_text="when it ran")),
                ("run", models.TextField(help_text="what it came to, as JSON")),
            ],
            options={"ordering": ["scenario"]},
        ),
    ]
