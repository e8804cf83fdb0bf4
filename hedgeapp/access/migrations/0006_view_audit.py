"""Who may read what people did is a permission."""

from django.db import migrations


class Migration(migrations.Migration):
    """Name the permission."""

    dependencies = [("access", "0005_person_changes")]
    operations = [
        migrations.AlterModelOptions(
            name="administration",
            options={
                "default_permissions": [],
                "managed": False,
                "permissions": [
                    ("enter_admin", "Can open the admin's pages"),
                    ("view_audit", "Can search what people did"),
                ],
            },
        ),
    ]
