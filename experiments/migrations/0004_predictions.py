"""The store of predictions. What was declared stays once a frame is there, and sums follow from the frames."""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit

TRIGGERS = """
CREATE FUNCTION experiments_predictions_counted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    strange bigint;
BEGIN
    IF TG_OP <> 'DELETE' THEN
        SELECT added.frame_id INTO strange FROM added JOIN scenes_frame AS frame ON frame.id = added.frame_id
        WHERE frame.scene_id <> added.scene_id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'Frame % is of another scene.', strange USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN
        UPDATE experiments_predictionset AS kept SET frame_count = frame_count + frames,
            point_count = kept.point_count + points, updated_at = statement_timestamp()
        FROM (SELECT prediction_set_id, count(*) AS frames, sum(point_count) AS points
            FROM added GROUP BY prediction_set_id) AS sums WHERE kept.id = sums.prediction_set_id;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE experiments_predictionset AS kept SET frame_count = frame_count - frames,
            point_count = kept.point_count - points, updated_at = statement_timestamp()
        FROM (SELECT prediction_set_id, count(*) AS frames, sum(point_count) AS points
            FROM gone GROUP BY prediction_set_id) AS sums WHERE kept.id = sums.prediction_set_id;
    ELSE
        UPDATE experiments_predictionset AS kept SET frame_count = frame_count + frames,
            point_count = kept.point_count + points, updated_at = statement_timestamp()
        FROM (SELECT prediction_set_id, sum(frames) AS frames, sum(points) AS points FROM (
                SELECT prediction_set_id, 1 AS frames, point_count::bigint AS points FROM added
                UNION ALL SELECT prediction_set_id, -1, -point_count::bigint FROM gone) AS changes
            GROUP BY prediction_set_id) AS sums WHERE kept.id = sums.prediction_set_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER predictions_added AFTER INSERT ON experiments_frameprediction
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION experiments_predictions_counted();
CREATE TRIGGER predictions_changed AFTER UPDATE ON experiments_frameprediction
    REFERENCING NEW TABLE AS added OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION experiments_predictions_counted();
CREATE TRIGGER predictions_gone AFTER DELETE ON experiments_frameprediction
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION experiments_predictions_counted();

CREATE FUNCTION experiments_declaration_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.run_id <> OLD.run_id OR (OLD.frame_count > 0 AND (NEW.ontology_id <> OLD.ontology_id OR (
        OLD.measure <> '' AND (NEW.measure, NEW.unit, NEW.low, NEW.high)
            IS DISTINCT FROM (OLD.measure, OLD.unit, OLD.low, OLD.high))))
    THEN
        RAISE EXCEPTION 'The predictions of run-% are there: what was declared of them stays.', OLD.run_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER declaration_stays BEFORE UPDATE ON experiments_predictionset
    FOR EACH ROW EXECUTE FUNCTION experiments_declaration_stays();

CREATE FUNCTION experiments_class_keeps_its_meaning() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint := CASE WHEN TG_OP = 'INSERT' THEN NEW.ontology_id ELSE OLD.ontology_id END;
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - ARRAY['name', 'colour'] = to_jsonb(OLD) - ARRAY['name', 'colour'] THEN
        RETURN NEW;
    END IF;
    -- Predictions that are being declared hold this row by their foreign key until they are there to be found.
    PERFORM 1 FROM scenes_ontology WHERE id = touched FOR UPDATE;
    IF EXISTS (SELECT 1 FROM experiments_predictionset WHERE ontology_id = touched) THEN
        RAISE EXCEPTION 'Predictions use ontology %: its classes keep their meaning.', touched
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER class_keeps_its_predictions BEFORE INSERT OR UPDATE OR DELETE ON scenes_semanticclass
    FOR EACH ROW EXECUTE FUNCTION experiments_class_keeps_its_meaning();
"""
NO_TRIGGERS = """
DROP TRIGGER predictions_added ON experiments_frameprediction;
DROP TRIGGER predictions_changed ON experiments_frameprediction;
DROP TRIGGER predictions_gone ON experiments_frameprediction;
DROP TRIGGER declaration_stays ON experiments_predictionset;
DROP TRIGGER class_keeps_its_predictions ON scenes_semanticclass;
DROP FUNCTION experiments_predictions_counted, experiments_declaration_stays, experiments_class_keeps_its_meaning;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0003_roles"),
        ("scenes", "0014_comments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PredictionSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "measure",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("predictive_entropy", "Predictive entropy"),
                            ("mutual_information", "Mutual information"),
                            ("expected_entropy", "Expected entropy"),
                            ("variation_ratio", "Variation ratio"),
                            ("disagreement", "Disagreement"),
                            ("variance", "Variance"),
                            ("custom", "Custom"),
                        ],
                        default="",
                        max_length=32,
                        verbose_name="measure of uncertainty",
                    ),
                ),
                ("unit", models.CharField(blank=True, default="", max_length=32)),
                ("low", models.FloatField(blank=True, null=True)),
                ("high", models.FloatField(blank=True, null=True)),
                ("frame_count", models.PositiveIntegerField(default=0, editable=False)),
                ("point_count", models.BigIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "declared_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prediction_sets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ontology",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prediction_sets",
                        to="scenes.ontology",
                    ),
                ),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="predictions", to="experiments.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "predictions of a run",
                "verbose_name_plural": "predictions of runs",
                "ordering": ["-run_id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalFramePrediction",
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
                ("point_count", models.PositiveIntegerField()),
                ("recorded_at", models.DateTimeField()),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "classes",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.storedfile",
                        verbose_name="predicted classes",
                    ),
                ),
                (
                    "confidence",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.storedfile",
                        verbose_name="predicted confidence",
                    ),
                ),
                (
                    "frame",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.frame",
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
                    "recorded_by",
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
                    "uncertainty",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.storedfile",
                        verbose_name="predicted uncertainty",
                    ),
                ),
                (
                    "prediction_set",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="experiments.predictionset",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical prediction of a frame",
                "verbose_name_plural": "historical predictions of frames",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="FramePrediction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("point_count", models.PositiveIntegerField()),
                (
                    "class_counts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("recorded_at", models.DateTimeField()),
                (
                    "classes",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="predicted_classes_of",
                        to="scenes.storedfile",
                        verbose_name="predicted classes",
                    ),
                ),
                (
                    "confidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confidence_of",
                        to="scenes.storedfile",
                        verbose_name="predicted confidence",
                    ),
                ),
                (
                    "frame",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="predictions", to="scenes.frame"
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="frame_predictions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="predictions",
                        to="scenes.scene",
                    ),
                ),
                (
                    "uncertainty",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uncertainty_of",
                        to="scenes.storedfile",
                        verbose_name="predicted uncertainty",
                    ),
                ),
                (
                    "prediction_set",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="frames",
                        to="experiments.predictionset",
                    ),
                ),
            ],
            options={
                "verbose_name": "prediction of a frame",
                "verbose_name_plural": "predictions of frames",
                "ordering": ["prediction_set_id", "scene_id", "frame_id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalPredictionSet",
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
                    "measure",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("predictive_entropy", "Predictive entropy"),
                            ("mutual_information", "Mutual information"),
                            ("expected_entropy", "Expected entropy"),
                            ("variation_ratio", "Variation ratio"),
                            ("disagreement", "Disagreement"),
                            ("variance", "Variance"),
                            ("custom", "Custom"),
                        ],
                        default="",
                        max_length=32,
                        verbose_name="measure of uncertainty",
                    ),
                ),
                ("unit", models.CharField(blank=True, default="", max_length=32)),
                ("low", models.FloatField(blank=True, null=True)),
                ("high", models.FloatField(blank=True, null=True)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "declared_by",
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
            ],
            options={
                "verbose_name": "historical predictions of a run",
                "verbose_name_plural": "historical predictions of runs",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "indexes": [
                    models.Index(fields=["-history_date", "-history_id"], name="predictionset_audit"),
                    models.Index(
                        condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="predictionset_bulk"
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddConstraint(
            model_name="predictionset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("measure", ""),
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
                    ),
                    _connector="OR",
                ),
                name="prediction_measure_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="predictionset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("high__isnull", True), ("low__isnull", True), ("measure", ""), ("unit", "")),
                    models.Q(
                        models.Q(("measure", ""), _negated=True),
                        ("high__isnull", False),
                        ("low__isnull", False),
                        ("low__lt", models.F("high")),
                    ),
                    _connector="OR",
                ),
                name="prediction_measure_has_its_ends",
            ),
        ),
        migrations.AddIndex(
            model_name="historicalframeprediction",
            index=models.Index(fields=["-history_date", "-history_id"], name="frameprediction_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalframeprediction",
            index=models.Index(
                condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="frameprediction_bulk"
            ),
        ),
        migrations.AddIndex(
            model_name="frameprediction",
            index=models.Index(fields=["scene", "prediction_set"], name="prediction_by_scene"),
        ),
        migrations.AddConstraint(
            model_name="frameprediction",
            constraint=models.UniqueConstraint(fields=("prediction_set", "frame"), name="frame_predicted_once_per_run"),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
