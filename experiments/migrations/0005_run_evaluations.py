"""What the server computes of predictions: evaluations, with the sums of frames and scenes.

A finished evaluation stays as it is, but for being outdated or superseded. It becomes outdated where the facts change
that it rests on: a newer label set of its ontology for one of its scenes, or other predictions of its run.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit

TRIGGERS = """
CREATE FUNCTION experiments_evaluation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := ARRAY['current', 'outdated_at', 'outdated_reason'];
BEGIN
    IF OLD.state = 'done' AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change) THEN
        RAISE EXCEPTION 'Evaluation % is done, and stays as it is. Compute it again instead.', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER evaluation_stays BEFORE UPDATE OR DELETE ON experiments_runevaluation
    FOR EACH ROW EXECUTE FUNCTION experiments_evaluation_stays();

CREATE FUNCTION experiments_sums_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT id INTO kept FROM experiments_runevaluation
        WHERE state = 'done' AND id IN (SELECT evaluation_id FROM new_rows) LIMIT 1;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT id INTO kept FROM experiments_runevaluation
        WHERE state = 'done' AND id IN (SELECT evaluation_id FROM old_rows) LIMIT 1;
    ELSE
        SELECT id INTO kept FROM experiments_runevaluation WHERE state = 'done' AND id IN (
            SELECT evaluation_id FROM old_rows UNION SELECT evaluation_id FROM new_rows) LIMIT 1;
    END IF;
    IF FOUND THEN
        RAISE EXCEPTION 'Evaluation % is done, and its sums stay as they are. Compute it again instead.', kept
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION experiments_labels_are_newer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE experiments_runevaluation SET outdated_at = now(), outdated_reason = 'There are newer labels.'
    WHERE state = 'done' AND current AND outdated_at IS NULL AND id IN (
        SELECT sums.evaluation_id FROM new_rows JOIN experiments_scenesums AS sums ON sums.scene_id = new_rows.scene_id
        JOIN experiments_runevaluation AS evaluation ON evaluation.id = sums.evaluation_id
        WHERE evaluation.ontology_id = new_rows.ontology_id);
    RETURN NULL;
END $$;
CREATE TRIGGER labels_are_newer AFTER INSERT ON scenes_labelset
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_labels_are_newer();

CREATE FUNCTION experiments_predictions_are_newer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE experiments_runevaluation SET outdated_at = now(), outdated_reason = 'Its run has other predictions now.'
    WHERE state = 'done' AND current AND outdated_at IS NULL AND id IN (
        SELECT sums.evaluation_id FROM new_rows
        JOIN experiments_predictionset AS given ON given.id = new_rows.prediction_set_id
        JOIN experiments_runevaluation AS evaluation ON evaluation.run_id = given.run_id
            AND evaluation.state = 'done' AND evaluation.current
        JOIN experiments_scenesums AS sums ON sums.evaluation_id = evaluation.id
            AND sums.scene_id = new_rows.scene_id);
    RETURN NULL;
END $$;
CREATE TRIGGER predictions_are_newer_added AFTER INSERT ON experiments_frameprediction
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_predictions_are_newer();
CREATE TRIGGER predictions_are_newer_changed AFTER UPDATE ON experiments_frameprediction
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_predictions_are_newer();
CREATE TRIGGER frame_sums_added_late AFTER INSERT ON experiments_framesums
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_sums_stay();
CREATE TRIGGER frame_sums_changed_late AFTER UPDATE ON experiments_framesums
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_sums_stay();
CREATE TRIGGER frame_sums_gone_late AFTER DELETE ON experiments_framesums
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_sums_stay();
CREATE TRIGGER scene_sums_added_late AFTER INSERT ON experiments_scenesums
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_sums_stay();
CREATE TRIGGER scene_sums_changed_late AFTER UPDATE ON experiments_scenesums
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_sums_stay();
CREATE TRIGGER scene_sums_gone_late AFTER DELETE ON experiments_scenesums
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION experiments_sums_stay();
"""
NO_TRIGGERS = """
DROP TRIGGER labels_are_newer ON scenes_labelset;
DROP TRIGGER predictions_are_newer_added ON experiments_frameprediction;
DROP TRIGGER predictions_are_newer_changed ON experiments_frameprediction;
DROP FUNCTION experiments_labels_are_newer();
DROP FUNCTION experiments_predictions_are_newer();
DROP FUNCTION experiments_sums_stay() CASCADE;
DROP FUNCTION experiments_evaluation_stays() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0003_roles"),
        ("experiments", "0004_predictions"),
        ("scenes", "0014_comments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RunEvaluation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "splits",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), size=None),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("semantic-kitti", "SemanticKITTI"),
                            ("nuscenes", "nuScenes"),
                            ("mmdet3d", "MMDetection3D"),
                        ],
                        default="mmdet3d",
                        max_length=16,
                    ),
                ),
                (
                    "labels",
                    models.CharField(
                        choices=[
                            ("pinned", "as the dataset version pins them"),
                            ("newest", "the newest of each scene"),
                        ],
                        default="pinned",
                        max_length=8,
                    ),
                ),
                (
                    "range_edges",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=None),
                ),
                ("class_count", models.PositiveSmallIntegerField(verbose_name="class indices")),
                ("ranked_by", models.CharField(blank=True, default="", max_length=16)),
                ("low", models.FloatField(blank=True, null=True)),
                ("high", models.FloatField(blank=True, null=True)),
                ("current", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("frames_done", models.PositiveIntegerField(default=0)),
                ("frames_total", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("failure", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True, verbose_name="last sign of life")),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("scene_count", models.PositiveIntegerField(default=0, verbose_name="scenes compared")),
                ("frame_count", models.PositiveIntegerField(default=0, verbose_name="frames compared")),
                ("point_count", models.BigIntegerField(default=0, verbose_name="points compared")),
                (
                    "without_prediction",
                    models.PositiveIntegerField(default=0, verbose_name="frames without a prediction"),
                ),
                ("without_labels", models.PositiveIntegerField(default=0, verbose_name="frames without labels")),
                ("not_fitting", models.PositiveIntegerField(default=0, verbose_name="frames whose arrays do not fit")),
                ("missing", models.JSONField(blank=True, default=list)),
                ("miou", models.FloatField(blank=True, null=True, verbose_name="mIoU")),
                ("fwiou", models.FloatField(blank=True, null=True, verbose_name="frequency-weighted IoU")),
                ("accuracy", models.FloatField(blank=True, null=True)),
                (
                    "ious",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True), blank=True, default=list, size=None
                    ),
                ),
                ("ece", models.FloatField(blank=True, null=True, verbose_name="ECE")),
                ("mce", models.FloatField(blank=True, null=True, verbose_name="MCE")),
                ("aurc", models.FloatField(blank=True, null=True, verbose_name="AURC")),
                ("ause", models.FloatField(blank=True, null=True, verbose_name="AUSE")),
                (
                    "contamination",
                    models.CharField(
                        choices=[("clean", "Clean"), ("contaminated", "Contaminated"), ("unknown", "Unknown")],
                        default="unknown",
                        max_length=16,
                    ),
                ),
                (
                    "trained_scenes",
                    models.PositiveIntegerField(default=0, verbose_name="evaluated scenes that were trained on"),
                ),
                (
                    "trained_drives",
                    models.PositiveIntegerField(default=0, verbose_name="their drives that were trained on"),
                ),
                (
                    "trained_drive_scenes",
                    models.PositiveIntegerField(default=0, verbose_name="evaluated scenes of such drives"),
                ),
                (
                    "trained_by",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("outdated_at", models.DateTimeField(blank=True, null=True)),
                ("outdated_reason", models.TextField(blank=True)),
                (
                    "dataset_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="run_evaluations",
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "ontology",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="run_evaluations",
                        to="scenes.ontology",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="evaluations", to="experiments.run"
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="run_evaluations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="experiments.runevaluation",
                    ),
                ),
            ],
            options={
                "verbose_name": "evaluation of a run",
                "verbose_name_plural": "evaluations of runs",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalRunEvaluation",
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
                    "splits",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), size=None),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("semantic-kitti", "SemanticKITTI"),
                            ("nuscenes", "nuScenes"),
                            ("mmdet3d", "MMDetection3D"),
                        ],
                        default="mmdet3d",
                        max_length=16,
                    ),
                ),
                (
                    "labels",
                    models.CharField(
                        choices=[
                            ("pinned", "as the dataset version pins them"),
                            ("newest", "the newest of each scene"),
                        ],
                        default="pinned",
                        max_length=8,
                    ),
                ),
                (
                    "range_edges",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=None),
                ),
                ("class_count", models.PositiveSmallIntegerField(verbose_name="class indices")),
                ("ranked_by", models.CharField(blank=True, default="", max_length=16)),
                ("low", models.FloatField(blank=True, null=True)),
                ("high", models.FloatField(blank=True, null=True)),
                ("current", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("frames_total", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("failure", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("scene_count", models.PositiveIntegerField(default=0, verbose_name="scenes compared")),
                ("frame_count", models.PositiveIntegerField(default=0, verbose_name="frames compared")),
                ("point_count", models.BigIntegerField(default=0, verbose_name="points compared")),
                (
                    "without_prediction",
                    models.PositiveIntegerField(default=0, verbose_name="frames without a prediction"),
                ),
                ("without_labels", models.PositiveIntegerField(default=0, verbose_name="frames without labels")),
                ("not_fitting", models.PositiveIntegerField(default=0, verbose_name="frames whose arrays do not fit")),
                ("miou", models.FloatField(blank=True, null=True, verbose_name="mIoU")),
                ("fwiou", models.FloatField(blank=True, null=True, verbose_name="frequency-weighted IoU")),
                ("accuracy", models.FloatField(blank=True, null=True)),
                (
                    "ious",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True), blank=True, default=list, size=None
                    ),
                ),
                ("ece", models.FloatField(blank=True, null=True, verbose_name="ECE")),
                ("mce", models.FloatField(blank=True, null=True, verbose_name="MCE")),
                ("aurc", models.FloatField(blank=True, null=True, verbose_name="AURC")),
                ("ause", models.FloatField(blank=True, null=True, verbose_name="AUSE")),
                (
                    "contamination",
                    models.CharField(
                        choices=[("clean", "Clean"), ("contaminated", "Contaminated"), ("unknown", "Unknown")],
                        default="unknown",
                        max_length=16,
                    ),
                ),
                (
                    "trained_scenes",
                    models.PositiveIntegerField(default=0, verbose_name="evaluated scenes that were trained on"),
                ),
                (
                    "trained_drives",
                    models.PositiveIntegerField(default=0, verbose_name="their drives that were trained on"),
                ),
                (
                    "trained_drive_scenes",
                    models.PositiveIntegerField(default=0, verbose_name="evaluated scenes of such drives"),
                ),
                (
                    "trained_by",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "dataset_version",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="datasets.datasetversion",
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
                (
                    "started_by",
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
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.runevaluation",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical evaluation of a run",
                "verbose_name_plural": "historical evaluations of runs",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="FrameSums",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("split", models.CharField(max_length=8)),
                ("points", models.PositiveIntegerField()),
                ("correct", models.PositiveIntegerField()),
                ("confusion", models.BinaryField()),
                ("bands", models.BinaryField(blank=True, default=bytes)),
                ("confidence", models.BinaryField(blank=True, default=bytes)),
                ("uncertainty", models.BinaryField(blank=True, default=bytes)),
                ("predictions_digest", models.CharField(max_length=64, verbose_name="sha256 of the predicted classes")),
                ("labels_digest", models.CharField(max_length=64, verbose_name="sha256 of the true classes")),
                ("inputs", models.CharField(max_length=64, verbose_name="sha256 of all it follows from")),
                (
                    "frame",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="run_evaluations", to="scenes.frame"
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="run_evaluation_frames",
                        to="scenes.scene",
                    ),
                ),
                (
                    "evaluation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="frame_sums",
                        to="experiments.runevaluation",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "frame sums",
                "ordering": ["evaluation", "id"],
            },
        ),
        migrations.CreateModel(
            name="SceneSums",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("split", models.CharField(max_length=8)),
                ("frames", models.PositiveIntegerField()),
                ("points", models.BigIntegerField()),
                ("correct", models.BigIntegerField()),
                ("without_prediction", models.PositiveIntegerField(default=0)),
                ("without_labels", models.PositiveIntegerField(default=0)),
                ("not_fitting", models.PositiveIntegerField(default=0)),
                ("confusion", models.BinaryField()),
                ("peaks", models.BinaryField()),
                ("bands", models.BinaryField(blank=True, default=bytes)),
                ("confidence", models.BinaryField(blank=True, default=bytes)),
                ("uncertainty", models.BinaryField(blank=True, default=bytes)),
                ("miou", models.FloatField(blank=True, null=True, verbose_name="mIoU")),
                ("accuracy", models.FloatField(blank=True, null=True)),
                (
                    "ious",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True), blank=True, default=list, size=None
                    ),
                ),
                (
                    "evaluation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scene_sums",
                        to="experiments.runevaluation",
                    ),
                ),
                (
                    "label_set",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="run_evaluations",
                        to="scenes.labelset",
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="run_evaluations", to="scenes.scene"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "scene sums",
                "ordering": ["evaluation", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="runevaluation",
            index=models.Index(fields=["run", "-id"], name="run_evaluation_by_run"),
        ),
        migrations.AddIndex(
            model_name="runevaluation",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=["heartbeat_at"],
                name="run_evaluation_active",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("current", True)),
                fields=("run", "dataset_version", "splits"),
                name="one_current_evaluation_of_a_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("run", "dataset_version", "splits"),
                name="one_active_evaluation_of_a_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "running", "done", "failed"])),
                name="run_evaluation_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("rule__in", ["semantic-kitti", "nuscenes", "mmdet3d"])),
                name="run_evaluation_rule_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("labels__in", ["pinned", "newest"])), name="run_evaluation_labels_are_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("contamination__in", ["clean", "contaminated", "unknown"])),
                name="run_evaluation_contamination_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("splits", []), _negated=True), name="run_evaluation_has_a_split"
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("frames_done__lte", models.F("frames_total"))),
                name="run_evaluation_done_within_total",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("state__in", ["done", "failed"])),
                    models.Q(("finished_at__isnull", True), ("state__in", ["queued", "running"])),
                    _connector="OR",
                ),
                name="run_evaluation_has_an_end_when_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="runevaluation",
            constraint=models.CheckConstraint(
                condition=models.Q(("supersedes", models.F("id")), _negated=True),
                name="run_evaluation_supersedes_another",
            ),
        ),
        migrations.AddIndex(
            model_name="historicalrunevaluation",
            index=models.Index(fields=["-history_date", "-history_id"], name="runevaluation_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalrunevaluation",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="runevaluation_bulk"),
        ),
        migrations.AddIndex(
            model_name="framesums",
            index=models.Index(fields=["evaluation", "scene"], name="frame_sums_by_scene"),
        ),
        migrations.AddConstraint(
            model_name="framesums",
            constraint=models.UniqueConstraint(fields=("evaluation", "frame"), name="frame_evaluated_once"),
        ),
        migrations.AddConstraint(
            model_name="framesums",
            constraint=models.CheckConstraint(
                condition=models.Q(("correct__lte", models.F("points"))), name="frame_sums_right_within_points"
            ),
        ),
        migrations.AddIndex(
            model_name="scenesums",
            index=models.Index(
                models.F("evaluation"),
                models.OrderBy(models.F("miou"), nulls_last=True),
                models.F("scene"),
                name="scene_sums_worst_first",
            ),
        ),
        migrations.AddConstraint(
            model_name="scenesums",
            constraint=models.UniqueConstraint(fields=("evaluation", "scene"), name="scene_evaluated_once"),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
