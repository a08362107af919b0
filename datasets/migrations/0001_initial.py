"""Datasets, their versions, items, slices, acknowledgements and verifications."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("scenes", "0011_bulk_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        max_length=100,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9][A-Za-z0-9._-]*$",
                                "Use letters, digits, dots, dashes and underscores, and begin with a letter or digit.",
                            )
                        ],
                    ),
                ),
                ("description", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="datasets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="DatasetVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("frozen", "Frozen"), ("deprecated", "Deprecated")],
                        default="draft",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("notes", models.TextField(blank=True)),
                ("query", models.TextField(blank=True, editable=False, verbose_name="made of the scenes that match")),
                ("train_percent", models.PositiveSmallIntegerField(default=80)),
                ("val_percent", models.PositiveSmallIntegerField(default=10)),
                ("test_percent", models.PositiveSmallIntegerField(default=10)),
                (
                    "balance",
                    models.CharField(
                        choices=[("scenes", "Scenes"), ("frames", "Frames")], default="frames", max_length=8
                    ),
                ),
                ("seed", models.BigIntegerField(default=0)),
                (
                    "grouping",
                    models.CharField(
                        choices=[("drive", "Drive"), ("day", "Day"), ("cell", "Location cell"), ("none", "Nothing")],
                        default="drive",
                        max_length=8,
                    ),
                ),
                ("cell_metres", models.PositiveIntegerField(default=1000, verbose_name="side of a location cell (m)")),
                ("stratify_tags", models.BooleanField(default=False, verbose_name="spread tags evenly")),
                ("stratify_classes", models.BooleanField(default=False, verbose_name="spread classes evenly")),
                ("keep_previous", models.BooleanField(default=True, verbose_name="keep the splits of the parent")),
                ("plan_number", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "plan_changed_fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, editable=False, size=None
                    ),
                ),
                ("drawn", models.JSONField(blank=True, default=dict, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("frozen_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "digest",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="sha256 of the manifest"),
                ),
                ("certificate", models.JSONField(blank=True, default=dict, editable=False)),
                ("statistics", models.JSONField(blank=True, default=dict, editable=False)),
                ("deprecated_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("deprecation_reason", models.TextField(blank=True, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="created_dataset_versions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="datasets.dataset"
                    ),
                ),
                (
                    "deprecated_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deprecated_dataset_versions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "frozen_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="frozen_dataset_versions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "manifest",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="manifest_of",
                        to="scenes.storedfile",
                    ),
                ),
                (
                    "ontology",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dataset_versions",
                        to="scenes.ontology",
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
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "plan_changed_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changed_dataset_plans",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["dataset", "-number"],
                "permissions": [("freeze_datasetversion", "Can freeze and deprecate versions of datasets")],
            },
        ),
        migrations.CreateModel(
            name="Acknowledgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("warning", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledged_dataset_warnings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="acknowledgements",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
            options={
                "ordering": ["version", "warning"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalDataset",
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
                (
                    "name",
                    models.CharField(
                        db_index=True,
                        max_length=100,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9][A-Za-z0-9._-]*$",
                                "Use letters, digits, dots, dashes and underscores, and begin with a letter or digit.",
                            )
                        ],
                    ),
                ),
                ("description", models.TextField(blank=True)),
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
                "verbose_name": "historical dataset",
                "verbose_name_plural": "historical datasets",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalDatasetVersion",
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
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("frozen", "Frozen"), ("deprecated", "Deprecated")],
                        default="draft",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("notes", models.TextField(blank=True)),
                ("query", models.TextField(blank=True, editable=False, verbose_name="made of the scenes that match")),
                ("train_percent", models.PositiveSmallIntegerField(default=80)),
                ("val_percent", models.PositiveSmallIntegerField(default=10)),
                ("test_percent", models.PositiveSmallIntegerField(default=10)),
                (
                    "balance",
                    models.CharField(
                        choices=[("scenes", "Scenes"), ("frames", "Frames")], default="frames", max_length=8
                    ),
                ),
                ("seed", models.BigIntegerField(default=0)),
                (
                    "grouping",
                    models.CharField(
                        choices=[("drive", "Drive"), ("day", "Day"), ("cell", "Location cell"), ("none", "Nothing")],
                        default="drive",
                        max_length=8,
                    ),
                ),
                ("cell_metres", models.PositiveIntegerField(default=1000, verbose_name="side of a location cell (m)")),
                ("stratify_tags", models.BooleanField(default=False, verbose_name="spread tags evenly")),
                ("stratify_classes", models.BooleanField(default=False, verbose_name="spread classes evenly")),
                ("keep_previous", models.BooleanField(default=True, verbose_name="keep the splits of the parent")),
                ("plan_number", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "plan_changed_fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, editable=False, size=None
                    ),
                ),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("frozen_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "digest",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="sha256 of the manifest"),
                ),
                ("deprecated_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("deprecation_reason", models.TextField(blank=True, editable=False)),
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
                    "dataset",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="datasets.dataset",
                    ),
                ),
                (
                    "deprecated_by",
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
                    "frozen_by",
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
                (
                    "manifest",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.storedfile",
                    ),
                ),
                (
                    "ontology",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.ontology",
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
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "plan_changed_by",
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
            ],
            options={
                "verbose_name": "historical dataset version",
                "verbose_name_plural": "historical dataset versions",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalItem",
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
                (
                    "split",
                    models.CharField(
                        blank=True,
                        choices=[("train", "Training"), ("val", "Validation"), ("test", "Test")],
                        editable=False,
                        max_length=8,
                    ),
                ),
                (
                    "fixed_split",
                    models.CharField(
                        blank=True,
                        choices=[("train", "Training"), ("val", "Validation"), ("test", "Test")],
                        max_length=8,
                        verbose_name="said to be in",
                    ),
                ),
                (
                    "content_digest",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="sha256 of its line"),
                ),
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
                    "label_set",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.labelset",
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.scene",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical item",
                "verbose_name_plural": "historical items",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalSlice",
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
                ("name", models.CharField(max_length=60)),
                ("rule", models.TextField(blank=True, verbose_name="scenes that match")),
                (
                    "digest",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="sha256 of the names"),
                ),
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
                    "version",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical slice",
                "verbose_name_plural": "historical slices",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "split",
                    models.CharField(
                        blank=True,
                        choices=[("train", "Training"), ("val", "Validation"), ("test", "Test")],
                        editable=False,
                        max_length=8,
                    ),
                ),
                (
                    "fixed_split",
                    models.CharField(
                        blank=True,
                        choices=[("train", "Training"), ("val", "Validation"), ("test", "Test")],
                        max_length=8,
                        verbose_name="said to be in",
                    ),
                ),
                (
                    "content_digest",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="sha256 of its line"),
                ),
                (
                    "label_set",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dataset_items",
                        to="scenes.labelset",
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dataset_items", to="scenes.scene"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
            options={
                "ordering": ["version", "id"],
            },
        ),
        migrations.CreateModel(
            name="Slice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("rule", models.TextField(blank=True, verbose_name="scenes that match")),
                (
                    "digest",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="sha256 of the names"),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="slices", to="datasets.datasetversion"
                    ),
                ),
            ],
            options={
                "ordering": ["version", "name"],
            },
        ),
        migrations.CreateModel(
            name="SliceItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="slice_links", to="datasets.item"
                    ),
                ),
                (
                    "slice",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="datasets.slice",
                    ),
                ),
            ],
            options={
                "ordering": ["slice", "item"],
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("sound", "Sound"),
                            ("damaged", "Damaged"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0, verbose_name="scenes")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="scenes handled")),
                ("file_count", models.PositiveBigIntegerField(default=0, verbose_name="files read")),
                ("byte_count", models.PositiveBigIntegerField(default=0, verbose_name="bytes read")),
                ("problems", models.JSONField(blank=True, default=list)),
                ("problem_count", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="verifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verifications",
                        to="datasets.datasetversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^[A-Za-z0-9][A-Za-z0-9._-]*$")),
                name="dataset_name_is_safe_in_addresses",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.UniqueConstraint(fields=("dataset", "number"), name="version_number_once_per_dataset"),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="version_number_counts_from_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["draft", "frozen", "deprecated"])), name="version_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("grouping__in", ["drive", "day", "cell", "none"])), name="version_grouping_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance__in", ["scenes", "frames"])), name="version_balance_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "train_percent",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.Value(100), "-", models.F("val_percent")
                            ),
                            "-",
                            models.F("test_percent"),
                        ),
                    )
                ),
                name="version_percentages_sum_to_100",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(condition=models.Q(("seed__gte", 0)), name="version_seed_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("cell_metres__gte", 10)), name="version_cell_is_10_metres_or_more"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("digest", ""), ("frozen_at__isnull", True), ("manifest__isnull", True), ("state", "draft")
                    ),
                    models.Q(
                        models.Q(("state", "draft"), _negated=True),
                        models.Q(("digest", ""), _negated=True),
                        ("frozen_at__isnull", False),
                        ("manifest__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="version_has_a_digest_once_frozen",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("deprecated_at__isnull", False), ("state", "deprecated")),
                    models.Q(models.Q(("state", "deprecated"), _negated=True), ("deprecated_at__isnull", True)),
                    _connector="OR",
                ),
                name="deprecated_version_says_since_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="acknowledgement",
            constraint=models.UniqueConstraint(
                fields=("version", "warning"), name="warning_acknowledged_once_per_version"
            ),
        ),
        migrations.AddIndex(
            model_name="historicaldataset",
            index=models.Index(fields=["-history_date", "-history_id"], name="dataset_audit"),
        ),
        migrations.AddIndex(
            model_name="historicaldataset",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="dataset_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicaldatasetversion",
            index=models.Index(fields=["-history_date", "-history_id"], name="datasetversion_audit"),
        ),
        migrations.AddIndex(
            model_name="historicaldatasetversion",
            index=models.Index(
                condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="datasetversion_bulk"
            ),
        ),
        migrations.AddIndex(
            model_name="historicalitem",
            index=models.Index(fields=["-history_date", "-history_id"], name="item_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalitem",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="item_bulk"),
        ),
        migrations.AddIndex(
            model_name="historicalslice",
            index=models.Index(fields=["-history_date", "-history_id"], name="slice_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalslice",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="slice_bulk"),
        ),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(fields=["version", "id"], name="item_by_version"),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.UniqueConstraint(fields=("version", "scene"), name="scene_once_per_version"),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.CheckConstraint(
                condition=models.Q(("split__in", ["", "train", "val", "test"])), name="item_split_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.CheckConstraint(
                condition=models.Q(("fixed_split__in", ["", "train", "val", "test"])), name="item_fixed_split_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="slice",
            constraint=models.UniqueConstraint(fields=("version", "name"), name="slice_name_once_per_version"),
        ),
        migrations.AddConstraint(
            model_name="slice",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="slice_has_a_name"),
        ),
        migrations.AddConstraint(
            model_name="sliceitem",
            constraint=models.UniqueConstraint(fields=("slice", "item"), name="item_once_per_slice"),
        ),
        migrations.AddConstraint(
            model_name="verification",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "running", "sound", "damaged", "failed"])),
                name="verification_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="verification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("version",),
                name="one_active_verification_per_version",
            ),
        ),
    ]
