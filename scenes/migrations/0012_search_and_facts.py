"""Facts that the explorer filters and sorts by, and what keeps derived ones in step: statement-level triggers.

Each trigger that copies a value first locks the rows it copies from, in the order of their ids, so that two
transactions at the same scene wait for each other and none of them copies what the other is about to change.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TRIGGERS = """
CREATE FUNCTION scenes_search_line(raw text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- As it is written, so that "10-26" is found; and in words, so that " hi" finds words that begin so.
    SELECT ' ' || lower(raw) || ' ' || regexp_replace(lower(raw), '[^[:alnum:]]+', ' ', 'g')
$$;

-- Links are looked up by scene; a table that has grown since its last ANALYZE looks small enough to be read for each.
CREATE FUNCTION scenes_search_lines(scenes bigint[]) RETURNS TABLE (scene_id bigint, line text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT s.id, scenes_search_line(concat_ws(' ', s.name, d.name, named.tags))
    FROM unnest(scenes) AS wanted JOIN scenes_scene s ON s.id = wanted
    LEFT JOIN scenes_drive d ON d.id = s.drive_id
    LEFT JOIN LATERAL (
        SELECT string_agg(t.name, ' ' ORDER BY t.name) AS tags
        FROM scenes_scenetag l JOIN scenes_tag t ON t.id = l.tag_id WHERE l.content_object_id = s.id
    ) AS named ON true
$$;

CREATE FUNCTION scenes_write_search_text(scenes bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO scenes_searchtext (scene_id, text) SELECT scene_id, line FROM scenes_search_lines(scenes)
    ON CONFLICT (scene_id) DO UPDATE SET text = EXCLUDED.text WHERE scenes_searchtext.text <> EXCLUDED.text
$$;

CREATE FUNCTION scenes_class_lines(scenes bigint[]) RETURNS TABLE (scene_id bigint, class_ids bigint[])
LANGUAGE sql STABLE AS $$
    SELECT wanted, coalesce(array_agg(c.id ORDER BY c.id) FILTER (WHERE newest.class_counts[c.index + 1] > 0), '{}')
    FROM unnest(scenes) AS wanted
    LEFT JOIN LATERAL (
        SELECT ontology_id, class_counts FROM scenes_labelset WHERE scenes_labelset.scene_id = wanted
        ORDER BY version DESC LIMIT 1
    ) AS newest ON true
    LEFT JOIN scenes_semanticclass c ON c.ontology_id = newest.ontology_id
    GROUP BY wanted
$$;

CREATE FUNCTION scenes_write_class_ids(scenes bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE scenes_scene s SET class_ids = lines.class_ids FROM scenes_class_lines(scenes) AS lines
    WHERE s.id = lines.scene_id AND s.class_ids <> lines.class_ids
$$;

CREATE FUNCTION scenes_scene_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM scenes_drive WHERE id IN (SELECT drive_id FROM new_rows) ORDER BY id FOR KEY SHARE;
    PERFORM scenes_write_search_text(array(SELECT id FROM new_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER scene_inserted AFTER INSERT ON scenes_scene REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_scene_inserted();

CREATE FUNCTION scenes_scene_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    renamed bigint[] := array(
        SELECT n.id FROM new_rows n JOIN old_rows o USING (id)
        WHERE n.name <> o.name OR n.drive_id IS DISTINCT FROM o.drive_id);
BEGIN
    UPDATE scenes_scenetag l SET status = n.status, max_uncertainty = n.max_frame_uncertainty
    FROM new_rows n JOIN old_rows o USING (id)
    WHERE l.content_object_id = n.id
        AND (n.status <> o.status OR n.max_frame_uncertainty IS DISTINCT FROM o.max_frame_uncertainty)
        AND (l.status <> n.status OR l.max_uncertainty IS DISTINCT FROM n.max_frame_uncertainty);
    IF cardinality(renamed) > 0 THEN
        PERFORM 1 FROM scenes_drive WHERE id IN (SELECT drive_id FROM new_rows) ORDER BY id FOR KEY SHARE;
        PERFORM scenes_write_search_text(renamed);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER scene_updated AFTER UPDATE ON scenes_scene REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_scene_updated();

CREATE FUNCTION scenes_scene_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM scenes_searchtext WHERE scene_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER scene_deleted AFTER DELETE ON scenes_scene REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_scene_deleted();

CREATE FUNCTION scenes_write_links(scenes bigint[]) RETURNS void LANGUAGE sql SET enable_seqscan = off AS $$
    UPDATE scenes_scenetag l SET status = s.status, max_uncertainty = s.max_frame_uncertainty
    FROM unnest(scenes) AS wanted JOIN scenes_scene s ON s.id = wanted
    WHERE l.content_object_id = s.id
        AND (l.status <> s.status OR l.max_uncertainty IS DISTINCT FROM s.max_frame_uncertainty)
$$;

CREATE FUNCTION scenes_links_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
    named bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := array(SELECT DISTINCT content_object_id FROM new_rows ORDER BY 1);
        named := array(SELECT DISTINCT tag_id FROM new_rows ORDER BY 1);
    ELSIF TG_OP = 'UPDATE' THEN
        touched := array(SELECT content_object_id FROM new_rows UNION SELECT content_object_id FROM old_rows ORDER BY 1);
        named := array(SELECT tag_id FROM new_rows UNION SELECT tag_id FROM old_rows ORDER BY 1);
    ELSE
        touched := array(SELECT DISTINCT content_object_id FROM old_rows ORDER BY 1);
        named := '{}';
    END IF;
    IF cardinality(touched) = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM scenes_scene WHERE id = ANY(touched) ORDER BY id FOR NO KEY UPDATE;
    PERFORM 1 FROM scenes_tag WHERE id = ANY(named) ORDER BY id FOR KEY SHARE;
    IF TG_OP <> 'DELETE' THEN
        PERFORM scenes_write_links(touched);
    END IF;
    PERFORM scenes_write_search_text(touched);
    RETURN NULL;
END $$;
CREATE TRIGGER links_inserted AFTER INSERT ON scenes_scenetag REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_links_written();
-- The writes of these triggers themselves are one level deeper and need no second look.
CREATE TRIGGER links_updated AFTER UPDATE ON scenes_scenetag REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION scenes_links_written();
CREATE TRIGGER links_deleted AFTER DELETE ON scenes_scenetag REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_links_written();

CREATE FUNCTION scenes_drive_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM scenes_write_search_text(array(
        SELECT s.id FROM new_rows n JOIN old_rows o USING (id) JOIN scenes_scene s ON s.drive_id = n.id
        WHERE n.name <> o.name ORDER BY s.id));
    RETURN NULL;
END $$;
CREATE TRIGGER drive_renamed AFTER UPDATE ON scenes_drive REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_drive_renamed();

CREATE FUNCTION scenes_tag_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM scenes_write_search_text(array(
        SELECT DISTINCT l.content_object_id FROM new_rows n JOIN old_rows o USING (id)
        JOIN scenes_scenetag l ON l.tag_id = n.id WHERE n.name <> o.name ORDER BY 1));
    RETURN NULL;
END $$;
CREATE TRIGGER tag_renamed AFTER UPDATE ON scenes_tag REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_tag_renamed();

CREATE FUNCTION scenes_label_sets_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[] := array(SELECT DISTINCT scene_id FROM changed_rows ORDER BY 1);
BEGIN
    PERFORM 1 FROM scenes_scene WHERE id = ANY(touched) ORDER BY id FOR NO KEY UPDATE;
    PERFORM scenes_write_class_ids(touched);
    RETURN NULL;
END $$;
CREATE TRIGGER label_sets_inserted AFTER INSERT ON scenes_labelset REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_label_sets_written();
CREATE TRIGGER label_sets_deleted AFTER DELETE ON scenes_labelset REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION scenes_label_sets_written();
"""
FILL = """
SELECT scenes_write_search_text(array(SELECT id FROM scenes_scene));
SELECT scenes_write_links(array(SELECT id FROM scenes_scene));
SELECT scenes_write_class_ids(array(SELECT DISTINCT scene_id FROM scenes_labelset));
"""
NO_TRIGGERS = """
DROP TRIGGER scene_inserted ON scenes_scene;
DROP TRIGGER scene_updated ON scenes_scene;
DROP TRIGGER scene_deleted ON scenes_scene;
DROP TRIGGER links_inserted ON scenes_scenetag;
DROP TRIGGER links_updated ON scenes_scenetag;
DROP TRIGGER links_deleted ON scenes_scenetag;
DROP TRIGGER drive_renamed ON scenes_drive;
DROP TRIGGER tag_renamed ON scenes_tag;
DROP TRIGGER label_sets_inserted ON scenes_labelset;
DROP TRIGGER label_sets_deleted ON scenes_labelset;
DROP FUNCTION scenes_scene_inserted, scenes_scene_updated, scenes_scene_deleted, scenes_links_written,
    scenes_drive_renamed, scenes_tag_renamed, scenes_label_sets_written, scenes_write_links,
    scenes_write_search_text, scenes_search_lines, scenes_search_line, scenes_write_class_ids, scenes_class_lines;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0011_bulk_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "scene",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_text",
                        serialize=False,
                        to="scenes.scene",
                    ),
                ),
                ("text", models.TextField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.RemoveIndex(
            model_name="scene",
            name="scene_by_capture_time",
        ),
        migrations.AddField(
            model_name="scene",
            name="class_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                db_default=models.Value(
                    [],
                    output_field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                default=list,
                editable=False,
                size=None,
                verbose_name="classes present",
            ),
        ),
        migrations.AddField(
            model_name="scene",
            name="max_frame_uncertainty",
            field=models.FloatField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="scene",
            name="mean_frame_uncertainty",
            field=models.FloatField(blank=True, editable=False, null=True, verbose_name="avg. frame uncertainty"),
        ),
        migrations.AddField(
            model_name="scene",
            name="uncertainty_evaluation",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="scene",
            name="uncertainty_measure",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name="scene",
            name="uncertainty_source",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=200,
                verbose_name="uncertainty source model",
            ),
        ),
        migrations.AddField(
            model_name="scene",
            name="used_in_training",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="scenetag",
            name="max_uncertainty",
            field=models.FloatField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="scenetag",
            name="status",
            field=models.CharField(
                choices=[
                    ("unlabeled", "Unlabeled"),
                    ("in_progress", "In Progress"),
                    ("in_review", "In Review"),
                    ("labeled", "Labeled"),
                ],
                db_default="unlabeled",
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="scene",
            name="drive",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="scenes",
                to="scenes.drive",
            ),
        ),
        migrations.AlterField(
            model_name="scene",
            name="labeler",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="scenes_to_label",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="scenetag",
            name="tag",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="scene_links", to="scenes.tag"
            ),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["captured_at", "id"], name="scene_by_capture_time"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["status", "id"], name="scene_status_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["drive", "id"], name="scene_drive_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["labeler", "id"], name="scene_labeler_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["duration_seconds", "id"], name="scene_duration_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["position_state", "id"], name="scene_position_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["point_count", "id"], name="scene_points_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["frame_count", "id"], name="scene_frames_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["size_bytes", "id"], name="scene_size_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["priority", "id"], name="scene_priority_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["due_on", "id"], name="scene_due_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["max_frame_uncertainty", "id"], name="scene_max_uncertainty_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["mean_frame_uncertainty", "id"], name="scene_mean_uncertainty_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["uncertainty_source", "id"], name="scene_source_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(fields=["used_in_training", "id"], name="scene_training_order"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=django.contrib.postgres.indexes.GinIndex(fields=["class_ids"], name="scene_classes"),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(
                condition=models.Q(("quarantined_count__gt", 0)), fields=["id"], name="scene_quarantined"
            ),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(
                condition=models.Q(("thumbnail__isnull", True)), fields=["id"], name="scene_without_picture"
            ),
        ),
        migrations.AddIndex(
            model_name="scene",
            index=models.Index(
                condition=models.Q(("position_state", "known")),
                fields=["start_latitude", "start_longitude"],
                name="scene_by_start",
            ),
        ),
        migrations.AddIndex(
            model_name="scenetag",
            index=models.Index(
                models.F("tag"),
                models.F("status"),
                models.OrderBy(models.F("max_uncertainty"), descending=True, nulls_last=True),
                models.OrderBy(models.F("content_object"), descending=True),
                name="tag_by_status_uncertainty",
            ),
        ),
        migrations.AddIndex(
            model_name="scenetag",
            index=models.Index(
                models.F("tag"),
                models.OrderBy(models.F("max_uncertainty"), descending=True, nulls_last=True),
                models.OrderBy(models.F("content_object"), descending=True),
                name="tag_by_uncertainty",
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("max_frame_uncertainty__isnull", True),
                        ("mean_frame_uncertainty__isnull", True),
                        ("uncertainty_evaluation__isnull", True),
                        ("uncertainty_measure", ""),
                        ("uncertainty_source", ""),
                    ),
                    models.Q(
                        ("max_frame_uncertainty__gte", 0),
                        ("max_frame_uncertainty__lt", float("inf")),
                        ("mean_frame_uncertainty__gte", 0),
                        ("mean_frame_uncertainty__lt", float("inf")),
                        ("uncertainty_measure__gt", ""),
                        ("uncertainty_source__gt", ""),
                    ),
                    _connector="OR",
                ),
                name="scene_uncertainty_names_its_source",
            ),
        ),
        migrations.AddIndex(
            model_name="searchtext",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["text"], name="scene_search_substrings", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
