"""What the roles may do with registered models, and the role that approves promotions."""

from django.db import migrations

LOOK = ["view_registeredmodel", "view_modelversion", "view_promotionrequest", "view_gate"]
ROLES = {
    "viewer": LOOK,
    "labeler": LOOK,
    "curator": LOOK,
    "trainer": LOOK,
    "engineer": [*LOOK, "add_modelversion", "change_modelversion", "change_promotionrequest"],
    "approver": [
        *LOOK,
        "approve_promotion",
        "change_promotionrequest",
        "change_gate",
        "view_webhook",
        "change_webhook",
    ],
    "operator": [*LOOK, "view_webhook", "change_webhook"],
}
MODELS = {"approve_promotion": "promotionrequest"}


def add_permissions(apps, schema_editor):
    """Permissions are made here when they are missing: Django makes them only after all migrations.

    The approver sees what every role on the staff sees: what the viewer may, who is given nothing else.
    """
    groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    kinds = apps.get_model("contenttypes", "ContentType")
    viewer, _ = groups.objects.get_or_create(name="viewer")
    approver, _ = groups.objects.get_or_create(name="approver")
    approver.permissions.add(*viewer.permissions.all())
    approver.permissions.add(*permissions.objects.filter(codename="add_comment", content_type__app_label="scenes"))
    for role, names in ROLES.items():
        group, _ = groups.objects.get_or_create(name=role)
        for name in names:
            model = MODELS.get(name) or name.split("_")[1]
            kind, _ = kinds.objects.get_or_create(app_label="registry", model=model)
            words = {"name": f"Can {name.replace('_', ' ')}"}
            permission, _ = permissions.objects.get_or_create(content_type=kind, codename=name, defaults=words)
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0002_what_is_pinned_stays"),
        ("experiments", "0003_roles"),
        ("datasets", "0005_export_roles"),
    ]
    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
