"""Six roles instead of three groups; who was in one has what it could do before."""

from typing import Any

from django.db import migrations, models

BECOMES = {"risk desk": ("trader", "risk"), "operations": ("admin",), "approvers": ("approver",)}


def divide(apps: Any, schema_editor: Any) -> None:
    """Give the members of each old group the roles that it becomes, and drop it."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for old in groups.filter(name__in=BECOMES):
        for name in BECOMES[old.name]:
            role, _ = groups.get_or_create(name=name)
            role.user_set.add(*old.user_set.all())
        old.delete()


def unite(apps: Any, schema_editor: Any) -> None:
    """Give the members of the roles their old groups back."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for name, roles in BECOMES.items():
        old, _ = groups.get_or_create(name=name)
        for role in groups.filter(name__in=roles):
            old.user_set.add(*role.user_set.all())
            role.delete()


class Migration(migrations.Migration):
    """Divide the groups."""

    dependencies = [("access", "0003_second_factor_rules"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.CreateModel(
            name="Administration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "permissions": [("enter_admin", "Can open the admin's pages")],
                "managed": False,
                "default_permissions": [],
            },
        ),
        migrations.RunPython(divide, unite),
    ]
