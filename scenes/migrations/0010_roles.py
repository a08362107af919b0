"""The roles as they were when they came; `manage.py sync_roles` brings later changes of scenes/roles.py in."""

from django.db import migrations

from scenes.roles import write_roles

READ = ["drive", "scene", "frame", "tag", "ontology", "semanticclass", "labelset", "framelabels"]
TRAINER = [f"scenes.view_{model}" for model in READ]
VIEWER = [*TRAINER, "scenes.view_ingestjob", "scenes.view_statuschange"]
ALL_OF = [
    f"scenes.{verb}_{model}"
    for model in ("drive", "tag", "ontology", "semanticclass")
    for verb in ("view", "add", "change", "delete")
]
CURATOR = [
    "scenes.change_scene",
    "scenes.change_labelset",
    "scenes.review_scene",
    "scenes.add_upload",
    "scenes.change_ingestjob",
    "scenes.enter_admin",
]
OPERATOR = [
    "scenes.change_ingestjob",
    "scenes.view_storedfile",
    "scenes.view_apitoken",
    "scenes.delete_apitoken",
    "scenes.enter_admin",
]
ROLES = {
    "viewer": frozenset(VIEWER),
    "labeler": frozenset([*VIEWER, "scenes.label_scene"]),
    "curator": frozenset([*VIEWER, *ALL_OF, *CURATOR]),
    "engineer": frozenset([*VIEWER, "scenes.add_upload"]),
    "trainer": frozenset(TRAINER),
    "operator": frozenset([*VIEWER, *OPERATOR]),
}


def make_roles(apps, schema_editor):
    write_roles(
        ROLES,
        groups=apps.get_model("auth", "Group"),
        permissions=apps.get_model("auth", "Permission"),
        content_types=apps.get_model("contenttypes", "ContentType"),
    )


class Migration(migrations.Migration):
    dependencies = [("scenes", "0009_api_tokens")]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
