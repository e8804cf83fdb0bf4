"""Permissions to save scenarios, to have them run each minute, and to drop those of others."""

from django.db import migrations


class Migration(migrations.Migration):
    """Name them."""

    dependencies = [("portfolio", "0011_attribution")]
    operations = [
        migrations.AlterModelOptions(
            name="desk",
            options={
                "default_permissions": [],
                "managed": False,
                "permissions": [
                    ("send_order", "Can send and cancel orders"),
                    ("declare_halt", "Can halt new risk"),
                    ("lift_halt", "Can ask for and approve the end of a halt"),
                    ("propose_move", "Can propose collateral moves and withdraw the own ones"),
                    ("withdraw_others_move", "Can withdraw collateral moves of others"),
                    ("decide_move", "Can approve and reject collateral moves"),
                    ("save_scenario", "Can save scenarios and drop the own ones"),
                    ("mark_scenario", "Can have saved scenarios run on the live book each minute"),
                    ("drop_others_scenario", "Can drop saved scenarios of others"),
                ],
            },
        ),
    ]
