"""Saved views, preferences for the explorer, and exports of the list."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0012_search_and_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("query", models.CharField(blank=True, max_length=4000, verbose_name="rule")),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": [django.db.models.functions.text.Lower("name"), "id"],
            },
        ),
        migrations.CreateModel(
            name="ExplorerPreferences",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                (
                    "density",
                    models.CharField(
                        choices=[("comfortable", "Comfortable"), ("compact", "Compact")],
                        default="comfortable",
                        max_length=16,
                    ),
                ),
                (
                    "view",
                    models.CharField(choices=[("table", "Table"), ("grid", "Grid")], default="table", max_length=16),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="explorer_preferences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "default_view",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="default_of",
                        to="scenes.savedview",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "explorer preferences",
            },
        ),
        migrations.CreateModel(
            name="SceneExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("query", models.CharField(blank=True, max_length=4000, verbose_name="matching")),
                (
                    "scene_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, editable=False, null=True, size=None
                    ),
                ),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("jsonl", "JSON Lines"), ("parquet", "Parquet")], max_length=8
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("direct", "Ready"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Ready"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0, verbose_name="scenes")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="scenes written")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("problem", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "file",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scene_exports",
                        to="scenes.storedfile",
                        verbose_name="exported list",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scene_exports",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalSavedView",
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
                ("name", models.CharField(max_length=100)),
                ("query", models.CharField(blank=True, max_length=4000, verbose_name="rule")),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical saved view",
                "verbose_name_plural": "historical saved views",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "indexes": [
                    models.Index(fields=["-history_date", "-history_id"], name="savedview_audit"),
                    models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="savedview_bulk"),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddIndex(
            model_name="savedview",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.F("id"),
                condition=models.Q(("shared", True)),
                name="saved_view_shared",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                models.F("owner"), django.db.models.functions.text.Lower("name"), name="saved_view_name_once_per_owner"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="saved_view_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="explorerpreferences",
            constraint=models.CheckConstraint(
                condition=models.Q(("density__in", ["comfortable", "compact"])), name="explorer_density_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="explorerpreferences",
            constraint=models.CheckConstraint(
                condition=models.Q(("view__in", ["table", "grid"])), name="explorer_view_is_known"
            ),
        ),
        migrations.AddIndex(
            model_name="sceneexport",
            index=models.Index(fields=["owner", "-id"], name="scene_export_of_owner"),
        ),
        migrations.AddIndex(
            model_name="sceneexport",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=["heartbeat_at"],
                name="scene_export_active",
            ),
        ),
        migrations.AddIndex(
            model_name="sceneexport",
            index=models.Index(
                condition=models.Q(("state__in", ["direct", "done"])),
                fields=["expires_at"],
                name="scene_export_expires",
            ),
        ),
        migrations.AddConstraint(
            model_name="sceneexport",
            constraint=models.CheckConstraint(
                condition=models.Q(("format__in", ["csv", "jsonl", "parquet"])), name="scene_export_format_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="sceneexport",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["direct", "queued", "running", "done", "failed", "expired"])),
                name="scene_export_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="sceneexport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("file__isnull", False), ("state", "done")),
                    models.Q(models.Q(("state", "done"), _negated=True), ("file__isnull", True)),
                    _connector="OR",
                ),
                name="scene_export_done_has_a_file",
            ),
        ),
    ]
