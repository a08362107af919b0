"""The ontologies that ship come in, and the viewer role may look at ontologies and labels."""

from django.db import migrations
from django.utils import timezone

from scenes.clouds.ontologies import load_shipped

REASON = "Ships with LAMM"
LOOKED_AT = ["ontology", "semanticclass", "labelset", "framelabels"]


def add_shipped(apps, schema_editor):
    """Those whose name is not there yet. Historical models keep no history, so its first rows are written here."""
    ontologies, classes = apps.get_model("scenes", "Ontology"), apps.get_model("scenes", "SemanticClass")
    for shipped in load_shipped():
        ontology, is_new = ontologies.objects.get_or_create(
            name=shipped.name, defaults={"description": shipped.description, "source": shipped.source}
        )
        if not is_new:
            continue
        rows = classes.objects.bulk_create(
            classes(
                ontology=ontology,
                index=entry.index,
                name=entry.name,
                colour=entry.colour,
                ignored=entry.ignored,
                raw_ids=list(entry.raw_ids),
            )
            for entry in shipped.classes
        )
        record(apps, "HistoricalOntology", [ontology])
        record(apps, "HistoricalSemanticClass", rows)


def record(apps, name, rows):
    history = apps.get_model("scenes", name)
    fields = [field.attname for field in rows[0]._meta.concrete_fields]
    history.objects.bulk_create(
        history(
            **{field: getattr(row, field) for field in fields},
            history_type="+",
            history_date=timezone.now(),
            history_change_reason=REASON,
        )
        for row in rows
    )


def let_viewers_look(apps, schema_editor):
    kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
    viewer, _ = apps.get_model("auth", "Group").objects.get_or_create(name="viewer")
    for model in LOOKED_AT:
        kind, _ = kinds.objects.get_or_create(app_label="scenes", model=model)
        permission, _ = permissions.objects.get_or_create(
            content_type=kind, codename=f"view_{model}", defaults={"name": f"Can view {model}"}
        )
        viewer.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("scenes", "0004_label_sets_stay")]
    operations = [
        migrations.RunPython(add_shipped, migrations.RunPython.noop),
        migrations.RunPython(let_viewers_look, migrations.RunPython.noop),
    ]
