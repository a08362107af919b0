"""Saved views of the tracker, what people prefer there, and the index for its groups by architecture."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0005_run_evaluations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalRunView",
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
                ("query", models.CharField(blank=True, max_length=6000, verbose_name="question")),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
            ],
            options={
                "verbose_name": "historical view of runs",
                "verbose_name_plural": "historical views of runs",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="RunPreferences",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=300), blank=True, default=list, size=None
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
                ("figures", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "verbose_name_plural": "preferences of runs",
            },
        ),
        migrations.CreateModel(
            name="RunView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("query", models.CharField(blank=True, max_length=6000, verbose_name="question")),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "view of runs",
                "verbose_name_plural": "views of runs",
                "ordering": [django.db.models.functions.text.Lower("name"), "id"],
            },
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["architecture", "-id"], name="run_by_architecture"),
        ),
        migrations.AddField(
            model_name="historicalrunview",
            name="history_user",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="historicalrunview",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="runpreferences",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="run_preferences", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="runview",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="run_views", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="historicalrunview",
            index=models.Index(fields=["-history_date", "-history_id"], name="runview_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalrunview",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="runview_bulk"),
        ),
        migrations.AddConstraint(
            model_name="runpreferences",
            constraint=models.CheckConstraint(
                condition=models.Q(("density__in", ["comfortable", "compact"])), name="run_density_is_known"
            ),
        ),
        migrations.AddIndex(
            model_name="runview",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.F("id"),
                condition=models.Q(("shared", True)),
                name="run_view_shared",
            ),
        ),
        migrations.AddConstraint(
            model_name="runview",
            constraint=models.UniqueConstraint(
                models.F("owner"), django.db.models.functions.text.Lower("name"), name="run_view_name_once_per_owner"
            ),
        ),
        migrations.AddConstraint(
            model_name="runview",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="run_view_has_a_name"
            ),
        ),
    ]
