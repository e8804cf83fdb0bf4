"""Name what people may do with collateral moves, and the work that carries one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolio", "0006_collateral_moves"),
    ]

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
                ],
            },
        ),
        migrations.AlterField(
            model_name="work",
            name="kind",
            field=models.CharField(
                choices=[("order", "order"), ("cancel", "cancel"), ("halt", "halt"), ("move", "move")],
                help_text="what is to be done",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="work",
            name="queue",
            field=models.CharField(
                choices=[("orders", "orders"), ("urgent", "urgent"), ("moves", "moves")],
                help_text="whose workers claim it",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="work",
            name="subject",
            field=models.CharField(
                help_text="of what: a client order id, or the id of a halt or a move", max_length=100
            ),
        ),
    ]
