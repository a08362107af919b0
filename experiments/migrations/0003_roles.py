"""What the roles may do with experiments and runs; `manage.py sync_roles` brings later changes in."""

from django.db import migrations

LOOK = ["view_experiment", "view_run"]
LOG = [*LOOK, "add_experiment", "add_run"]
ROLES = {
    "viewer": LOOK,
    "labeler": LOOK,
    "curator": LOOK,
    "operator": LOOK,
    "trainer": LOG,
    "engineer": [*LOG, "change_experiment", "change_run"],
}


def add_permissions(apps, schema_editor):
    """Permissions are made here when they are missing: Django makes them only after all migrations."""
    groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    kinds = apps.get_model("contenttypes", "ContentType")
    for role, names in ROLES.items():
        group, _ = groups.objects.get_or_create(name=role)
        for name in names:
            kind, _ = kinds.objects.get_or_create(app_label="experiments", model=name.split("_")[1])
            words = {"name": f"Can {name.replace('_', ' ')}"}
            permission, _ = permissions.objects.get_or_create(content_type=kind, codename=name, defaults=words)
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0002_metrics_go_with_their_series"), ("scenes", "0010_roles")]
    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
