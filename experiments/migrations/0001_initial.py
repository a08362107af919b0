"""Experiments, runs and what they log."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("datasets", "0001_initial"),
        ("scenes", "0011_bulk_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MetricSeries",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250)),
                ("count", models.BigIntegerField(default=0)),
                ("nan_count", models.BigIntegerField(default=0)),
                ("late_count", models.BigIntegerField(default=0)),
                ("minimum", models.FloatField(blank=True, null=True)),
                ("maximum", models.FloatField(blank=True, null=True)),
                ("last_value", models.FloatField(blank=True, null=True)),
                ("last_step", models.BigIntegerField(blank=True, null=True)),
                ("last_timestamp", models.BigIntegerField(blank=True, null=True)),
                ("last_epoch", models.FloatField(blank=True, null=True)),
                ("first_step", models.BigIntegerField(blank=True, null=True)),
                ("earliest_timestamp", models.BigIntegerField(blank=True, null=True)),
                ("latest_timestamp", models.BigIntegerField(blank=True, null=True)),
                ("bucket_width", models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "metric",
                "ordering": ["run_id", "key"],
            },
        ),
        migrations.CreateModel(
            name="Experiment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=500, unique=True)),
                ("notes", models.TextField(blank=True)),
                ("tags", models.JSONField(blank=True, default=dict)),
                ("artifact_location", models.TextField(blank=True)),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="experiments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalExperiment",
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
                ("name", models.CharField(db_index=True, max_length=500)),
                ("notes", models.TextField(blank=True)),
                ("tags", models.JSONField(blank=True, default=dict)),
                ("artifact_location", models.TextField(blank=True)),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
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
            ],
            options={
                "verbose_name": "historical experiment",
                "verbose_name_plural": "historical experiments",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="MetricPoint",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series",
                        "step",
                        "timestamp",
                        "value",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("step", models.BigIntegerField()),
                ("timestamp", models.BigIntegerField()),
                ("value", models.FloatField()),
                ("epoch", models.FloatField(blank=True, null=True)),
                (
                    "series",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="points",
                        to="experiments.metricseries",
                    ),
                ),
            ],
            options={
                "verbose_name": "metric point",
            },
        ),
        migrations.CreateModel(
            name="MetricBucket",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series", "bucket", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("bucket", models.BigIntegerField()),
                ("points", models.IntegerField()),
                (
                    "low",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True), null=True, size=4
                    ),
                ),
                (
                    "high",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True), null=True, size=4
                    ),
                ),
                (
                    "odd",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True), null=True, size=4
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="buckets",
                        to="experiments.metricseries",
                    ),
                ),
            ],
            options={
                "verbose_name": "metric bucket",
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, max_length=500)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("stalled", "Stalled"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("killed", "Killed"),
                        ],
                        default="running",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("architecture", models.CharField(blank=True, max_length=200, verbose_name="model architecture")),
                (
                    "train_splits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, editable=False, size=None
                    ),
                ),
                (
                    "validation_splits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, editable=False, size=None
                    ),
                ),
                ("repository", models.CharField(blank=True, max_length=500, verbose_name="code repository")),
                ("commit", models.CharField(blank=True, max_length=64, verbose_name="commit hash")),
                ("dirty", models.BooleanField(default=False, editable=False, verbose_name="uncommitted changes")),
                ("command", models.TextField(blank=True, verbose_name="command line")),
                ("host", models.CharField(blank=True, max_length=255)),
                ("seed", models.BigIntegerField(blank=True, null=True)),
                ("notes", models.TextField(blank=True)),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "heartbeat_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="last sign of life"),
                ),
                ("steps_done", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("steps_total", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("failure", models.TextField(blank=True, editable=False, verbose_name="traceback")),
                ("worker", models.CharField(blank=True, editable=False, max_length=200)),
                ("claim", models.CharField(blank=True, editable=False, max_length=32)),
                ("attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("idempotency_key", models.CharField(blank=True, editable=False, max_length=200, null=True)),
                ("request_digest", models.CharField(blank=True, editable=False, max_length=64)),
                (
                    "claimed_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="claimed_runs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset_version",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="experiments.experiment"
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="experiments.run",
                    ),
                ),
                (
                    "resumed_from",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resumptions",
                        to="experiments.run",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="started_runs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="metricseries",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="metrics", to="experiments.run"
            ),
        ),
        migrations.CreateModel(
            name="HistoricalRunTag",
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
                ("key", models.CharField(max_length=250)),
                ("value", models.TextField(blank=True)),
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
                    "run",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.run",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical tag of a run",
                "verbose_name_plural": "historical tags of runs",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalRun",
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
                ("name", models.CharField(blank=True, max_length=500)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("stalled", "Stalled"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("killed", "Killed"),
                        ],
                        default="running",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("architecture", models.CharField(blank=True, max_length=200, verbose_name="model architecture")),
                (
                    "train_splits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, editable=False, size=None
                    ),
                ),
                (
                    "validation_splits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, editable=False, size=None
                    ),
                ),
                ("repository", models.CharField(blank=True, max_length=500, verbose_name="code repository")),
                ("commit", models.CharField(blank=True, max_length=64, verbose_name="commit hash")),
                ("dirty", models.BooleanField(default=False, editable=False, verbose_name="uncommitted changes")),
                ("command", models.TextField(blank=True, verbose_name="command line")),
                ("host", models.CharField(blank=True, max_length=255)),
                ("seed", models.BigIntegerField(blank=True, null=True)),
                ("notes", models.TextField(blank=True)),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("failure", models.TextField(blank=True, editable=False, verbose_name="traceback")),
                ("worker", models.CharField(blank=True, editable=False, max_length=200)),
                ("attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "claimed_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset_version",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.experiment",
                    ),
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
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.run",
                    ),
                ),
                (
                    "resumed_from",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.run",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical run",
                "verbose_name_plural": "historical runs",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalArtifact",
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
                ("path", models.CharField(max_length=500)),
                ("media_type", models.CharField(blank=True, max_length=255)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.storedfile",
                        verbose_name="artifact",
                    ),
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
                    "run",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.run",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical artifact",
                "verbose_name_plural": "historical artifacts",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="DatasetInput",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=500)),
                ("digest", models.CharField(max_length=64)),
                ("context", models.CharField(blank=True, max_length=250)),
                ("source_type", models.CharField(blank=True, max_length=250)),
                ("source", models.TextField(blank=True)),
                ("schema", models.TextField(blank=True)),
                ("profile", models.TextField(blank=True)),
                ("tags", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="inputs", to="experiments.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "dataset input",
                "ordering": ["run_id", "id"],
            },
        ),
        migrations.CreateModel(
            name="Artifact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=500)),
                ("media_type", models.CharField(blank=True, max_length=255)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="artifacts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="artifacts",
                        to="scenes.storedfile",
                        verbose_name="artifact",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="artifacts", to="experiments.run"
                    ),
                ),
            ],
            options={
                "ordering": ["run_id", "path"],
            },
        ),
        migrations.CreateModel(
            name="RunEnvironment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("diff", models.TextField(blank=True, verbose_name="uncommitted changes")),
                ("diff_cut", models.BooleanField(default=False, verbose_name="the patch was cut")),
                ("packages", models.JSONField(blank=True, default=dict)),
                ("facts", models.JSONField(blank=True, default=dict)),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="environment", to="experiments.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "environment",
            },
        ),
        migrations.CreateModel(
            name="RunParameter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("integer", "Integer"),
                            ("number", "Number"),
                            ("boolean", "Yes or no"),
                            ("null", "Nothing"),
                            ("structure", "List or object"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField()),
                ("number", models.FloatField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parameters", to="experiments.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "parameter",
                "ordering": ["run_id", "key"],
            },
        ),
        migrations.CreateModel(
            name="RunTag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250)),
                ("value", models.TextField(blank=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tags", to="experiments.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "tag of a run",
                "verbose_name_plural": "tags of runs",
                "ordering": ["run_id", "key"],
            },
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="experiment_has_a_name"
            ),
        ),
        migrations.AddIndex(
            model_name="historicalexperiment",
            index=models.Index(fields=["-history_date", "-history_id"], name="experiment_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalexperiment",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="experiment_bulk"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["status", "-id"], name="run_by_status"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["experiment", "-id"], name="run_by_experiment"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(condition=models.Q(("status", "running")), fields=["heartbeat_at"], name="run_silence"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("archived_at", None), ("status", "queued")), fields=["id"], name="run_to_claim"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                fields=("started_by", "idempotency_key"), name="run_created_once_per_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "stalled", "completed", "failed", "killed"])),
                name="run_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("status__in", ["completed", "failed", "killed"])),
                    models.Q(("finished_at__isnull", True), ("status__in", ["queued", "running", "stalled"])),
                    _connector="OR",
                ),
                name="run_has_an_end_when_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["running", "stalled", "completed"]), _negated=True),
                    ("started_at__isnull", False),
                    _connector="OR",
                ),
                name="run_has_a_start_when_started",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("failure", ""), models.Q(("status", "completed"), _negated=True), _connector="OR"),
                name="completed_run_has_no_failure",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("claim", ""), ("status__in", ["running", "stalled"]), _connector="OR"),
                name="claimed_run_is_running",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("parent", models.F("id")), _negated=True), name="run_is_not_its_own_parent"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("resumed_from", models.F("id")), _negated=True), name="run_does_not_resume_itself"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("steps_done__isnull", True), ("steps_done__gte", 0), _connector="OR"),
                    models.Q(("steps_total__isnull", True), ("steps_total__gt", 0), _connector="OR"),
                ),
                name="run_progress_not_negative",
            ),
        ),
        migrations.AddIndex(
            model_name="metricseries",
            index=models.Index(
                models.F("key"),
                models.OrderBy(models.F("last_value"), descending=True, nulls_last=True),
                models.F("run"),
                name="metric_by_last_value",
            ),
        ),
        migrations.AddIndex(
            model_name="metricseries",
            index=models.Index(
                models.F("key"),
                models.OrderBy(models.F("minimum"), nulls_last=True),
                models.F("run"),
                name="metric_by_minimum",
            ),
        ),
        migrations.AddIndex(
            model_name="metricseries",
            index=models.Index(
                models.F("key"),
                models.OrderBy(models.F("maximum"), descending=True, nulls_last=True),
                models.F("run"),
                name="metric_by_maximum",
            ),
        ),
        migrations.AddConstraint(
            model_name="metricseries",
            constraint=models.UniqueConstraint(fields=("run", "key"), name="metric_once_per_run"),
        ),
        migrations.AddConstraint(
            model_name="metricseries",
            constraint=models.CheckConstraint(
                condition=models.Q(("count__gte", models.F("nan_count"))), name="metric_counts_add_up"
            ),
        ),
        migrations.AddIndex(
            model_name="historicalruntag",
            index=models.Index(fields=["-history_date", "-history_id"], name="runtag_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalruntag",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="runtag_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalrun",
            index=models.Index(fields=["-history_date", "-history_id"], name="run_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalrun",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="run_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalartifact",
            index=models.Index(fields=["-history_date", "-history_id"], name="artifact_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalartifact",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="artifact_bulk"),
        ),
        migrations.AddIndex(
            model_name="datasetinput",
            index=models.Index(models.F("name"), models.F("digest"), models.F("run"), name="input_by_dataset"),
        ),
        migrations.AddConstraint(
            model_name="datasetinput",
            constraint=models.UniqueConstraint(fields=("run", "name", "digest", "context"), name="input_once_per_run"),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.UniqueConstraint(fields=("run", "path"), name="artifact_path_once_per_run"),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("path", ""), _negated=True),
                    models.Q(("path__startswith", "/"), _negated=True),
                    models.Q(("path__endswith", "/"), _negated=True),
                ),
                name="artifact_path_is_relative",
            ),
        ),
        migrations.AddIndex(
            model_name="runparameter",
            index=models.Index(
                condition=models.Q(("number__isnull", False)),
                fields=["key", "number", "run"],
                name="parameter_by_number",
            ),
        ),
        migrations.AddIndex(
            model_name="runparameter",
            index=models.Index(
                models.F("key"),
                django.db.models.functions.text.Left("text", 64),
                models.F("run"),
                name="parameter_by_text",
            ),
        ),
        migrations.AddConstraint(
            model_name="runparameter",
            constraint=models.UniqueConstraint(fields=("run", "key"), name="parameter_once_per_run"),
        ),
        migrations.AddConstraint(
            model_name="runparameter",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["text", "integer", "number", "boolean", "null", "structure"])),
                name="parameter_kind_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="runtag",
            index=models.Index(
                models.F("key"),
                django.db.models.functions.text.Left("value", 64),
                models.F("run"),
                name="run_tag_by_value",
            ),
        ),
        migrations.AddConstraint(
            model_name="runtag",
            constraint=models.UniqueConstraint(fields=("run", "key"), name="run_tag_once_per_run"),
        ),
    ]
