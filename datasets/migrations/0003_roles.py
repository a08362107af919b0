"""Everybody who reads scenes reads datasets; curators and engineers build and freeze them."""

from django.db import migrations

READING = [
    "view_dataset",
    "view_datasetversion",
    "view_item",
    "view_slice",
    "view_acknowledgement",
    "view_verification",
]
BUILDING = ["change_dataset", "change_datasetversion", "freeze_datasetversion", "add_verification"]
ROLES = {
    "viewer": READING,
    "labeler": READING,
    "trainer": READING,
    "operator": [*READING, "add_verification"],
    "curator": [*READING, *BUILDING],
    "engineer": [*READING, *BUILDING],
}


def let_them_in(apps, schema_editor):
    """Django itself makes the permissions only after all migrations."""
    permissions, groups = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    kinds = apps.get_model("contenttypes", "ContentType")
    for role, codenames in ROLES.items():
        group, _ = groups.objects.get_or_create(name=role)
        for codename in codenames:
            kind, _ = kinds.objects.get_or_create(app_label="datasets", model=codename.split("_")[1])
            words = f"Can {codename.replace('_', ' ')}"
            found, _ = permissions.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": words})
            group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0002_frozen_stays"),
        ("scenes", "0010_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(let_them_in, migrations.RunPython.noop)]
