"""Permissions to propose and to agree to changes of the gate."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Name them."""

    dependencies = [("portfolio", "0008_moves_have_a_quorum")]
    operations = [
        migrations.CreateModel(
            name="GateDesk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "permissions": [
                    ("change_gate", "Can propose policy, caps and destinations of moves"),
                    ("agree_gate", "Can agree to a change of policy, caps or destinations of moves"),
                ],
                "managed": False,
                "default_permissions": [],
            },
        ),
    ]
