"""Evaluations of uncertainty, their members and their scores."""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit
import uncertainty.models.scene_scores


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("datasets", "0003_roles"),
        ("experiments", "0003_roles"),
        ("scenes", "0014_comments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Evaluation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, max_length=200)),
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
                    "measure",
                    models.CharField(
                        choices=[
                            ("predictive_entropy", "Predictive entropy"),
                            ("mutual_information", "Mutual information"),
                            ("expected_entropy", "Expected entropy"),
                            ("variation_ratio", "Variation ratio"),
                            ("disagreement", "Disagreement"),
                            ("variance", "Variance"),
                            ("custom", "Custom"),
                        ],
                        editable=False,
                        max_length=32,
                    ),
                ),
                ("custom_name", models.CharField(blank=True, editable=False, max_length=60)),
                ("unit", models.CharField(blank=True, editable=False, max_length=16)),
                ("normalised", models.BooleanField(default=False, editable=False)),
                ("classes", models.PositiveSmallIntegerField(blank=True, editable=False, null=True)),
                (
                    "aggregator",
                    models.CharField(
                        choices=[
                            ("mean", "Mean of the points"),
                            ("p95", "95th percentile of the points"),
                            ("p99.9", "99.9th percentile of the points"),
                            ("max", "Highest point"),
                            ("top-0.1%", "Mean of the highest 0.1 % of the points"),
                            ("fraction>t", "Share of points above a threshold"),
                        ],
                        default="mean",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("threshold", models.FloatField(blank=True, editable=False, null=True)),
                ("low", models.FloatField(editable=False, verbose_name="lowest possible value")),
                ("high", models.FloatField(editable=False, verbose_name="highest possible value")),
                ("notes", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("finished", "Finished"),
                            ("superseded", "Superseded"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="draft",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("withdrawal_reason", models.TextField(blank=True, editable=False)),
                ("mean", models.FloatField(blank=True, editable=False, null=True)),
                ("p95", models.FloatField(blank=True, editable=False, null=True, verbose_name="95th percentile")),
                ("maximum", models.FloatField(blank=True, editable=False, null=True)),
                ("scene_count", models.PositiveIntegerField(default=0, editable=False, verbose_name="scored scenes")),
                (
                    "scene_total",
                    models.PositiveIntegerField(default=0, editable=False, verbose_name="scenes of the split"),
                ),
                ("frame_count", models.PositiveIntegerField(default=0, editable=False, verbose_name="scored frames")),
                (
                    "frame_total",
                    models.PositiveIntegerField(default=0, editable=False, verbose_name="frames of the split"),
                ),
                ("sums", models.JSONField(blank=True, default=list, editable=False)),
                ("histogram", models.JSONField(blank=True, default=dict, editable=False)),
                ("top_frames", models.JSONField(blank=True, default=list, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uncertainty_evaluations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset_version",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uncertainty_evaluations",
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "finished_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="finished_uncertainty_evaluations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uncertainty_evaluations",
                        to="experiments.run",
                    ),
                ),
                (
                    "superseded_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="supersedes",
                        to="uncertainty.evaluation",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="EvaluationMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "evaluation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="uncertainty.evaluation",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uncertainty_memberships",
                        to="experiments.run",
                    ),
                ),
            ],
            options={
                "verbose_name": "member of an evaluated ensemble",
                "ordering": ["evaluation", "position"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalEvaluation",
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
                ("name", models.CharField(blank=True, max_length=200)),
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
                    "measure",
                    models.CharField(
                        choices=[
                            ("predictive_entropy", "Predictive entropy"),
                            ("mutual_information", "Mutual information"),
                            ("expected_entropy", "Expected entropy"),
                            ("variation_ratio", "Variation ratio"),
                            ("disagreement", "Disagreement"),
                            ("variance", "Variance"),
                            ("custom", "Custom"),
                        ],
                        editable=False,
                        max_length=32,
                    ),
                ),
                ("custom_name", models.CharField(blank=True, editable=False, max_length=60)),
                ("unit", models.CharField(blank=True, editable=False, max_length=16)),
                ("normalised", models.BooleanField(default=False, editable=False)),
                ("classes", models.PositiveSmallIntegerField(blank=True, editable=False, null=True)),
                (
                    "aggregator",
                    models.CharField(
                        choices=[
                            ("mean", "Mean of the points"),
                            ("p95", "95th percentile of the points"),
                            ("p99.9", "99.9th percentile of the points"),
                            ("max", "Highest point"),
                            ("top-0.1%", "Mean of the highest 0.1 % of the points"),
                            ("fraction>t", "Share of points above a threshold"),
                        ],
                        default="mean",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("threshold", models.FloatField(blank=True, editable=False, null=True)),
                ("low", models.FloatField(editable=False, verbose_name="lowest possible value")),
                ("high", models.FloatField(editable=False, verbose_name="highest possible value")),
                ("notes", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("finished", "Finished"),
                            ("superseded", "Superseded"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="draft",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("withdrawal_reason", models.TextField(blank=True, editable=False)),
                ("mean", models.FloatField(blank=True, editable=False, null=True)),
                ("p95", models.FloatField(blank=True, editable=False, null=True, verbose_name="95th percentile")),
                ("maximum", models.FloatField(blank=True, editable=False, null=True)),
                ("scene_count", models.PositiveIntegerField(default=0, editable=False, verbose_name="scored scenes")),
                (
                    "scene_total",
                    models.PositiveIntegerField(default=0, editable=False, verbose_name="scenes of the split"),
                ),
                ("frame_count", models.PositiveIntegerField(default=0, editable=False, verbose_name="scored frames")),
                (
                    "frame_total",
                    models.PositiveIntegerField(default=0, editable=False, verbose_name="frames of the split"),
                ),
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
                    "finished_by",
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
                    "run",
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
                    "superseded_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="uncertainty.evaluation",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical evaluation",
                "verbose_name_plural": "historical evaluations",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="PointScores",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("point_count", models.PositiveIntegerField()),
                (
                    "aggregates",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=uncertainty.models.scene_scores.RealField(), size=6
                    ),
                ),
                (
                    "evaluation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="point_scores",
                        to="uncertainty.evaluation",
                    ),
                ),
                (
                    "frame",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="point_scores", to="scenes.frame"
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="point_scores", to="scenes.scene"
                    ),
                ),
                (
                    "values",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="point_scores_of",
                        to="scenes.storedfile",
                    ),
                ),
            ],
            options={
                "verbose_name": "scores of a frame's points",
                "verbose_name_plural": "scores of frames' points",
                "ordering": ["evaluation", "frame"],
            },
        ),
        migrations.CreateModel(
            name="SceneScores",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=uncertainty.models.scene_scores.RealField(), size=None
                    ),
                ),
                (
                    "ious",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=uncertainty.models.scene_scores.RealField(), blank=True, null=True, size=None
                    ),
                ),
                ("n", models.PositiveIntegerField(default=0, verbose_name="scored frames")),
                ("max", models.FloatField(blank=True, null=True)),
                ("mean", models.FloatField(blank=True, null=True)),
                ("p95", models.FloatField(blank=True, null=True, verbose_name="95th percentile")),
                ("argmax", models.PositiveIntegerField(blank=True, null=True, verbose_name="position of the highest")),
                ("sums", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=2)),
                ("rank", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "evaluation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scene_scores",
                        to="uncertainty.evaluation",
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uncertainty_scores",
                        to="scenes.scene",
                    ),
                ),
            ],
            options={
                "verbose_name": "scores of a scene",
                "verbose_name_plural": "scores of scenes",
                "ordering": ["evaluation", "rank"],
            },
        ),
        migrations.AddIndex(
            model_name="evaluation",
            index=models.Index(fields=["run", "-id"], name="uncertainty_by_run"),
        ),
        migrations.AddIndex(
            model_name="evaluation",
            index=models.Index(fields=["dataset_version", "split", "-id"], name="uncertainty_by_dataset"),
        ),
        migrations.AddIndex(
            model_name="evaluation",
            index=models.Index(fields=["state", "-id"], name="uncertainty_by_state"),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["draft", "finished", "superseded", "withdrawn"])),
                name="uncertainty_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "measure__in",
                        [
                            "predictive_entropy",
                            "mutual_information",
                            "expected_entropy",
                            "variation_ratio",
                            "disagreement",
                            "variance",
                            "custom",
                        ],
                    )
                ),
                name="uncertainty_measure_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("aggregator__in", ["mean", "p95", "p99.9", "max", "top-0.1%", "fraction>t"])),
                name="uncertainty_aggregator_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("split__in", ["", "train", "val", "test"])), name="uncertainty_split_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("high__lt", float("inf")), ("low__gte", 0), ("low__lt", models.F("high"))),
                name="uncertainty_range_is_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("aggregator", "fraction>t"), ("threshold__isnull", False)),
                    models.Q(models.Q(("aggregator", "fraction>t"), _negated=True), ("threshold__isnull", True)),
                    _connector="OR",
                ),
                name="uncertainty_fraction_has_its_threshold",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("custom_name__gt", ""), ("measure", "custom")),
                    models.Q(models.Q(("measure", "custom"), _negated=True), ("custom_name", "")),
                    _connector="OR",
                ),
                name="uncertainty_custom_measure_has_a_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("name", ""), _negated=True), ("run__isnull", False), _connector="OR"),
                name="uncertainty_has_a_name_or_a_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("state", "draft")),
                    models.Q(
                        models.Q(("state", "draft"), _negated=True),
                        ("finished_at__isnull", False),
                        ("mean__isnull", False),
                        ("p95__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="uncertainty_has_its_numbers_once_finished",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "superseded"), ("superseded_by__isnull", False)),
                    models.Q(models.Q(("state", "superseded"), _negated=True), ("superseded_by__isnull", True)),
                    _connector="OR",
                ),
                name="superseded_uncertainty_names_the_newer",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "withdrawn"), ("withdrawn_at__isnull", False)),
                    models.Q(models.Q(("state", "withdrawn"), _negated=True), ("withdrawn_at__isnull", True)),
                    _connector="OR",
                ),
                name="withdrawn_uncertainty_says_since_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "finished")),
                fields=(
                    "name",
                    "run",
                    "dataset_version",
                    "split",
                    "measure",
                    "custom_name",
                    "normalised",
                    "aggregator",
                    "threshold",
                ),
                name="uncertainty_finished_once_per_definition",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluationmember",
            constraint=models.UniqueConstraint(fields=("evaluation", "position"), name="uncertainty_member_place_once"),
        ),
        migrations.AddConstraint(
            model_name="evaluationmember",
            constraint=models.UniqueConstraint(fields=("evaluation", "run"), name="uncertainty_member_once"),
        ),
        migrations.AddIndex(
            model_name="historicalevaluation",
            index=models.Index(fields=["-history_date", "-history_id"], name="evaluation_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalevaluation",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="evaluation_bulk"),
        ),
        migrations.AddIndex(
            model_name="pointscores",
            index=models.Index(fields=["scene", "evaluation"], name="uncertainty_points_by_scene"),
        ),
        migrations.AddConstraint(
            model_name="pointscores",
            constraint=models.UniqueConstraint(fields=("evaluation", "frame"), name="uncertainty_points_once"),
        ),
        migrations.AddIndex(
            model_name="scenescores",
            index=models.Index(fields=["evaluation", "rank"], name="uncertainty_scene_ranks"),
        ),
        migrations.AddConstraint(
            model_name="scenescores",
            constraint=models.UniqueConstraint(fields=("evaluation", "scene"), name="uncertainty_scene_once"),
        ),
        migrations.AddConstraint(
            model_name="scenescores",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("argmax__isnull", True),
                        ("max__isnull", True),
                        ("mean__isnull", True),
                        ("n", 0),
                        ("p95__isnull", True),
                    ),
                    models.Q(
                        ("argmax__isnull", False),
                        ("max__gte", models.F("p95")),
                        ("mean__gte", 0),
                        ("n__gt", 0),
                        ("p95__gte", 0),
                    ),
                    _connector="OR",
                ),
                name="uncertainty_scene_facts_fit",
            ),
        ),
    ]
