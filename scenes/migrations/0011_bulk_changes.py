"""Bulk changes, history of tags, and what the audit page needs of every history table."""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit

NEW = {"view_audit": "siteaccess", "view_bulkchange": "bulkchange"}


def let_them_see(apps, schema_editor):
    """Curators and operators see the audit; the permissions themselves come only after all migrations, else."""
    groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    kinds = apps.get_model("contenttypes", "ContentType")
    for codename, model in NEW.items():
        kind, _ = kinds.objects.get_or_create(app_label="scenes", model=model)
        words = f"Can {codename.replace('_', ' ')}"
        found, _ = permissions.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": words})
        for group in groups.objects.filter(name__in=["curator", "operator"]):
            group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0010_roles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("add_tags", "Add tags"),
                            ("remove_tags", "Remove tags"),
                            ("assign", "Assign to a labeler"),
                            ("set_drive", "Set the drive"),
                            ("set_status", "Change the status"),
                            ("work", "Read or render again"),
                            ("undo", "Undo"),
                        ],
                        max_length=16,
                    ),
                ),
                ("parameters", models.JSONField(blank=True, default=dict)),
                ("reason", models.TextField(blank=True)),
                ("door", models.CharField(default=scenes.audit.current_door, max_length=16)),
                ("request_id", models.CharField(blank=True, default=scenes.audit.current_request_id, max_length=36)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "scene_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, editable=False, size=None
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0, verbose_name="scenes")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="scenes handled")),
                ("changed", models.PositiveIntegerField(default=0, verbose_name="scenes changed")),
                ("skipped", models.JSONField(blank=True, default=dict, verbose_name="scenes left alone")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("problem", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalTag",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("door", models.CharField(default=scenes.audit.current_door, max_length=16)),
                ("request_id", models.CharField(blank=True, default=scenes.audit.current_request_id, max_length=36)),
                (
                    "bulk",
                    models.BigIntegerField(
                        blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
                    ),
                ),
                ("name", models.CharField(db_index=True, max_length=100, verbose_name="name")),
                ("slug", models.SlugField(allow_unicode=True, max_length=100, verbose_name="slug")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
            ],
            options={
                "verbose_name": "historical tag",
                "verbose_name_plural": "historical tags",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AlterModelOptions(
            name="siteaccess",
            options={
                "default_permissions": (),
                "managed": False,
                "permissions": [
                    ("enter_admin", "Can enter the admin"),
                    ("view_audit", "Can see who changed what, on all objects"),
                ],
            },
        ),
        migrations.AddField(
            model_name="historicalapitoken",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicaldrive",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicalingestjob",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicallabelset",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicalontology",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicalscenetag",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicalsemanticclass",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AddField(
            model_name="historicalupload",
            name="bulk",
            field=models.BigIntegerField(
                blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
            ),
        ),
        migrations.AlterField(
            model_name="historicalapitoken",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicaldrive",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicalingestjob",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicallabelset",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicalontology",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicalscene",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicalscenetag",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicalsemanticclass",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="historicalupload",
            name="history_date",
            field=models.DateTimeField(),
        ),
        migrations.AddIndex(
            model_name="historicalapitoken",
            index=models.Index(fields=["-history_date", "-history_id"], name="apitoken_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalapitoken",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="apitoken_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicaldrive",
            index=models.Index(fields=["-history_date", "-history_id"], name="drive_audit"),
        ),
        migrations.AddIndex(
            model_name="historicaldrive",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="drive_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalingestjob",
            index=models.Index(fields=["-history_date", "-history_id"], name="ingestjob_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalingestjob",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="ingestjob_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicallabelset",
            index=models.Index(fields=["-history_date", "-history_id"], name="labelset_audit"),
        ),
        migrations.AddIndex(
            model_name="historicallabelset",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="labelset_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalontology",
            index=models.Index(fields=["-history_date", "-history_id"], name="ontology_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalontology",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="ontology_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalscene",
            index=models.Index(fields=["-history_date", "-history_id"], name="scene_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalscene",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="scene_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalscenetag",
            index=models.Index(fields=["-history_date", "-history_id"], name="scenetag_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalscenetag",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="scenetag_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalsemanticclass",
            index=models.Index(fields=["-history_date", "-history_id"], name="semanticclass_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalsemanticclass",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="semanticclass_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalupload",
            index=models.Index(fields=["-history_date", "-history_id"], name="upload_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalupload",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="upload_bulk"),
        ),
        migrations.AddField(
            model_name="bulkchange",
            name="actor",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="bulk_changes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="bulkchange",
            name="undo_of",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="scenes.bulkchange",
            ),
        ),
        migrations.AddField(
            model_name="historicaltag",
            name="history_user",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="bulkchange",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=["heartbeat_at"],
                name="bulk_change_active",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["add_tags", "remove_tags", "assign", "set_drive", "set_status", "work", "undo"])
                ),
                name="bulk_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "running", "done", "failed"])), name="bulk_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("done__lte", models.F("total"))), name="bulk_done_within_total"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("changed__lte", models.F("done"))), name="bulk_changed_within_done"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "undo"), ("undo_of__isnull", False)),
                    models.Q(models.Q(("kind", "undo"), _negated=True), ("undo_of__isnull", True)),
                    _connector="OR",
                ),
                name="bulk_undo_names_what_it_undoes",
            ),
        ),
        migrations.AddIndex(
            model_name="historicaltag",
            index=models.Index(fields=["-history_date", "-history_id"], name="tag_audit"),
        ),
        migrations.AddIndex(
            model_name="historicaltag",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="tag_bulk"),
        ),
        migrations.RunPython(let_them_see, migrations.RunPython.noop),
    ]
