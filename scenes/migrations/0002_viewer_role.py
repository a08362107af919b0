"""The role `viewer`: may look at everything of this app and change nothing."""

from django.db import migrations

LOOKED_AT = ["drive", "scene", "frame", "ingestjob", "tag"]


def make_viewer(apps, schema_editor):
    content_types, permissions = (
        apps.get_model("contenttypes", "ContentType"),
        apps.get_model("auth", "Permission"),
    )
    viewer, _ = apps.get_model("auth", "Group").objects.get_or_create(name="viewer")
    for model in LOOKED_AT:
        # Permissions are made after all migrations; the ones of this role are needed now.
        kind, _ = content_types.objects.get_or_create(app_label="scenes", model=model)
        permission, _ = permissions.objects.get_or_create(
            content_type=kind, codename=f"view_{model}", defaults={"name": f"Can view {model}"}
        )
        viewer.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_viewer, migrations.RunPython.noop)]
