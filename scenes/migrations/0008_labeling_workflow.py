"""The labelling workflow: who labels and reviews until when, the record of status changes, and what must hold."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# Statuses that were typed before the workflow: those without a labeler begin anew, and nothing counts as accepted
# that nobody reviewed. The record tells of both.
ADOPT = """
INSERT INTO scenes_statuschange (scene_id, from_status, to_status, reason, at, seconds_in_previous)
SELECT id, status, CASE WHEN labeler_id IS NULL THEN 'unlabeled' ELSE 'in_review' END,
    'The labelling workflow began', now(), extract(epoch FROM now() - created_at)
FROM scenes_scene WHERE status <> 'unlabeled' AND (labeler_id IS NULL OR status = 'labeled');
UPDATE scenes_scene SET status = CASE WHEN labeler_id IS NULL THEN 'unlabeled' ELSE 'in_review' END
WHERE status <> 'unlabeled' AND (labeler_id IS NULL OR status = 'labeled');
UPDATE scenes_scene SET status_since = created_at
WHERE NOT EXISTS (SELECT 1 FROM scenes_statuschange WHERE scene_id = scenes_scene.id);
SET CONSTRAINTS ALL IMMEDIATE;
"""
TRIGGERS = """
CREATE FUNCTION scenes_status_change_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.actor_id IS NULL AND to_jsonb(NEW) - 'actor_id' = to_jsonb(OLD) - 'actor_id' THEN
        RETURN NEW;  -- the account was deleted
    END IF;
    RAISE EXCEPTION 'Status change % is a record: it stays.', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER status_change_stays BEFORE UPDATE ON scenes_statuschange
    FOR EACH ROW EXECUTE FUNCTION scenes_status_change_stays();

CREATE FUNCTION scenes_accepted_labels_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An acceptance under way is waited for.
    PERFORM 1 FROM scenes_scene WHERE id = NEW.scene_id AND locked FOR SHARE;
    IF FOUND THEN
        RAISE EXCEPTION 'The labels of scene % are accepted and locked.', NEW.scene_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER accepted_labels_stay BEFORE INSERT ON scenes_labelset
    FOR EACH ROW EXECUTE FUNCTION scenes_accepted_labels_stay();
"""
NO_TRIGGERS = """
DROP TRIGGER status_change_stays ON scenes_statuschange;
DROP TRIGGER accepted_labels_stay ON scenes_labelset;
DROP FUNCTION scenes_status_change_stays, scenes_accepted_labels_stay;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0007_recordings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="StatusChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "from_status",
                    models.CharField(
                        choices=[
                            ("unlabeled", "Unlabeled"),
                            ("in_progress", "In Progress"),
                            ("in_review", "In Review"),
                            ("labeled", "Labeled"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("unlabeled", "Unlabeled"),
                            ("in_progress", "In Progress"),
                            ("in_review", "In Review"),
                            ("labeled", "Labeled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seconds_in_previous", models.FloatField(verbose_name="seconds in the status before")),
            ],
            options={
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.AlterModelOptions(
            name="scene",
            options={
                "ordering": ["-created_at", "-id"],
                "permissions": [
                    ("label_scene", "Can take scenes, label them and submit the labels"),
                    ("review_scene", "Can accept labels or send them back"),
                ],
            },
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="due_on",
            field=models.DateField(blank=True, null=True, verbose_name="due on"),
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="locked",
            field=models.BooleanField(default=False, editable=False, verbose_name="labels are locked"),
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="priority",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")], default=2
            ),
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="reviewer",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="rework_reason",
            field=models.TextField(blank=True, editable=False, verbose_name="sent back because"),
        ),
        migrations.AddField(
            model_name="historicalscene",
            name="status_since",
            field=models.DateTimeField(
                default=django.utils.timezone.now, editable=False, verbose_name="in this status since"
            ),
        ),
        migrations.AddField(
            model_name="scene",
            name="due_on",
            field=models.DateField(blank=True, null=True, verbose_name="due on"),
        ),
        migrations.AddField(
            model_name="scene",
            name="locked",
            field=models.BooleanField(default=False, editable=False, verbose_name="labels are locked"),
        ),
        migrations.AddField(
            model_name="scene",
            name="priority",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")], default=2
            ),
        ),
        migrations.AddField(
            model_name="scene",
            name="reviewer",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reviewed_scenes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="scene",
            name="rework_reason",
            field=models.TextField(blank=True, editable=False, verbose_name="sent back because"),
        ),
        migrations.AddField(
            model_name="scene",
            name="status_since",
            field=models.DateTimeField(
                default=django.utils.timezone.now, editable=False, verbose_name="in this status since"
            ),
        ),
        migrations.AlterField(
            model_name="scene",
            name="labeler",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="scenes_to_label",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="statuschange",
            name="actor",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="status_changes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="statuschange",
            name="scene",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="status_changes", to="scenes.scene"
            ),
        ),
        migrations.RunSQL(ADOPT, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(
                condition=models.Q(("labeler__isnull", False)), fields=["labeler", "status"], name="scene_by_labeler"
            ),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(
                models.OrderBy(models.F("priority"), descending=True),
                models.OrderBy(models.F("due_on"), nulls_last=True),
                models.F("id"),
                condition=models.Q(("labeler__isnull", True), ("status", "unlabeled")),
                name="scene_open_to_take",
            ),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(
                models.OrderBy(models.F("priority"), descending=True),
                models.OrderBy(models.F("due_on"), nulls_last=True),
                models.F("id"),
                condition=models.Q(("status", "in_review")),
                name="scene_to_review",
            ),
        ),
        migrations.AddIndex(
            model_name="statuschange",
            index=models.Index(fields=["scene", "-at", "-id"], name="status_changes_of_scene"),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__in", [1, 2, 3, 4])), name="scene_priority_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reviewer__isnull", True),
                    models.Q(("reviewer", models.F("labeler")), _negated=True),
                    _connector="OR",
                ),
                name="scene_reviewer_is_not_its_labeler",
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "unlabeled"), ("labeler__isnull", False), _connector="OR"),
                name="scene_at_work_has_a_labeler",
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "labeled"), _negated=True), ("reviewer__isnull", False), _connector="OR"
                ),
                name="labeled_scene_has_a_reviewer",
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("locked", True), ("status", "labeled")),
                    models.Q(models.Q(("status", "labeled"), _negated=True), ("locked", False)),
                    _connector="OR",
                ),
                name="scene_is_locked_when_labeled",
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(("rework_reason", ""), ("status", "in_progress"), _connector="OR"),
                name="rework_is_in_progress",
            ),
        ),
        migrations.AddConstraint(
            model_name="statuschange",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_status", models.F("to_status")), _negated=True),
                name="status_change_changes_the_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="statuschange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("from_status__in", ["unlabeled", "in_progress", "in_review", "labeled"]),
                    ("to_status__in", ["unlabeled", "in_progress", "in_review", "labeled"]),
                ),
                name="status_change_is_between_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="statuschange",
            constraint=models.CheckConstraint(
                condition=models.Q(("seconds_in_previous__gte", 0)), name="status_change_time_not_negative"
            ),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
