"""Everybody who reads datasets sees their exports; curators, engineers, trainers and operators make them."""

from django.db import migrations

ROLES = {
    "viewer": ["view_datasetexport"],
    "labeler": ["view_datasetexport"],
    **{role: ["view_datasetexport", "add_datasetexport"] for role in ("curator", "engineer", "trainer", "operator")},
}


def let_them_in(apps, schema_editor):
    """Django itself makes the permissions only after all migrations."""
    permissions, groups = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    kinds = apps.get_model("contenttypes", "ContentType")
    kind, _ = kinds.objects.get_or_create(app_label="datasets", model="datasetexport")
    for role, codenames in ROLES.items():
        group, _ = groups.objects.get_or_create(name=role)
        for codename in codenames:
            words = "Can view dataset export" if codename.startswith("view") else "Can add dataset export"
            found, _ = permissions.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": words})
            group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0004_exports"),
        ("scenes", "0010_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(let_them_in, migrations.RunPython.noop)]
