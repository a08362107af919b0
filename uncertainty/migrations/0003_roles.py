"""What the roles may do with evaluations; `manage.py sync_roles` brings later changes in."""

from django.db import migrations

LOOK = ["view_evaluation"]
ROLES = {
    "viewer": LOOK,
    "labeler": LOOK,
    "curator": LOOK,
    "operator": LOOK,
    "approver": LOOK,
    "trainer": [*LOOK, "add_evaluation"],
    "engineer": [*LOOK, "add_evaluation", "change_evaluation"],
}


def add_permissions(apps, schema_editor):
    """Permissions are made here when they are missing: Django makes them only after all migrations."""
    groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    kinds = apps.get_model("contenttypes", "ContentType")
    for role, names in ROLES.items():
        group, _ = groups.objects.get_or_create(name=role)
        for name in names:
            kind, _ = kinds.objects.get_or_create(app_label="uncertainty", model=name.split("_")[1])
            words = {"name": f"Can {name.replace('_', ' ')}"}
            permission, _ = permissions.objects.get_or_create(content_type=kind, codename=name, defaults=words)
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("uncertainty", "0002_finished_stays"), ("experiments", "0003_roles"), ("scenes", "0010_roles")]
    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
