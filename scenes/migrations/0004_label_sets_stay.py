"""Label sets roll up unknown raw ids, and what they say stays: the database itself refuses changes."""

from django.db import migrations, models

TRIGGERS = """
CREATE FUNCTION scenes_label_set_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - ARRAY['note', 'author_id'] IS DISTINCT FROM to_jsonb(OLD) - ARRAY['note', 'author_id']
        OR (NEW.author_id IS NOT NULL AND NEW.author_id IS DISTINCT FROM OLD.author_id)
    THEN
        RAISE EXCEPTION 'Label set % is fixed: label the scene again.', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER label_set_stays BEFORE UPDATE ON scenes_labelset
    FOR EACH ROW EXECUTE FUNCTION scenes_label_set_stays();

CREATE FUNCTION scenes_frame_labels_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Frame labels % are fixed: label the scene again.', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER frame_labels_stay BEFORE UPDATE ON scenes_framelabels
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION scenes_frame_labels_stay();

CREATE FUNCTION scenes_class_keeps_its_meaning() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint := CASE WHEN TG_OP = 'INSERT' THEN NEW.ontology_id ELSE OLD.ontology_id END;
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - ARRAY['name', 'colour'] = to_jsonb(OLD) - ARRAY['name', 'colour'] THEN
        RETURN NEW;
    END IF;
    -- A label set that is being written holds this row until it is there to be found.
    PERFORM 1 FROM scenes_ontology WHERE id = touched FOR UPDATE;
    IF EXISTS (SELECT 1 FROM scenes_labelset WHERE ontology_id = touched) THEN
        RAISE EXCEPTION 'Label sets use ontology %: its classes keep their meaning.', touched
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER class_keeps_its_meaning BEFORE INSERT OR UPDATE OR DELETE ON scenes_semanticclass
    FOR EACH ROW EXECUTE FUNCTION scenes_class_keeps_its_meaning();
"""
NO_TRIGGERS = """
DROP TRIGGER label_set_stays ON scenes_labelset;
DROP TRIGGER frame_labels_stay ON scenes_framelabels;
DROP TRIGGER class_keeps_its_meaning ON scenes_semanticclass;
DROP FUNCTION scenes_label_set_stays, scenes_frame_labels_stay, scenes_class_keeps_its_meaning;
"""


class Migration(migrations.Migration):
    dependencies = [("scenes", "0003_labels_uploads_places")]
    operations = [
        *(
            migrations.AddField(
                model,
                "unknown",
                models.JSONField("unknown raw ids", default=list, blank=True),
            )
            for model in ("labelset", "historicallabelset")
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
