"""Keep what custodians' webhooks tell until their own lists were asked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0005_limits_of_minting"),
    ]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("custodian", models.CharField(max_length=63)),
                ("digest", models.CharField(max_length=64)),
                ("event_type", models.PositiveSmallIntegerField()),
                ("order_id", models.CharField(max_length=64)),
                ("coin", models.CharField(max_length=64)),
                ("amount", models.CharField(max_length=100)),
                ("told_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("verdict", models.CharField(default="waiting", max_length=9)),
                ("settled_at", models.DateTimeField(null=True)),
                ("said", models.CharField(default="", max_length=500)),
            ],
            options={
                "indexes": [models.Index(fields=["custodian", "verdict"], name="marketdata_notice_verdict")],
                "constraints": [models.UniqueConstraint(fields=("custodian", "digest"), name="marketdata_notice_once")],
            },
        ),
    ]
