"""What a version was made of, and what was decided of it, stays: the database itself refuses every change.

Few rows ever change here, so that triggers look at rows one by one. Each names the columns that may change.
TRUNCATE is refused while there are versions; only databases made for tests (test_...) may be emptied, unless they set
lamm.guard_truncate to on.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION registry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := coalesce(TG_ARGV::text[], '{}');
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION '% % stays: it is a part of the record.', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change THEN
        RAISE EXCEPTION '% % stays as it was written.', TG_TABLE_NAME, OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION registry_artifact_only_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.artifact_id IS NOT NULL THEN
        RAISE EXCEPTION 'Model version % keeps the artifact that it was registered with.', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION registry_members_are_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position > (SELECT member_count FROM registry_modelversion WHERE id = NEW.ensemble_id) THEN
        RAISE EXCEPTION 'Ensemble % was registered with its members, and gets no more.', NEW.ensemble_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION registry_gate_was_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM registry_gateresult WHERE gate_id = NEW.gate_id) THEN
        RAISE EXCEPTION 'Gate % was used, and gets no more scenes.', NEW.gate_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION registry_decision_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Promotion % was decided, and stays as it was.', OLD.id USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION registry_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() LIKE 'test\\_%' AND current_setting('lamm.guard_truncate', true) IS DISTINCT FROM 'on' THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT 1 FROM registry_modelversion) THEN
        RAISE EXCEPTION '% belongs to registered models and is not emptied.', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
"""
# By table: the columns that may change.
MAY_CHANGE = {
    "modelversion": [
        "stage", "artifact_id", "tags", "release_notes", "intended_use", "training_data", "limits", "licence",
        "archived_at",
    ],
    "ensemblemember": [],
    "gate": ["retired_by_id", "retired_at"],
    "gatescene": [],
    "gateresult": [],
    "waiver": [],
    "stagetransition": [],
    "promotionrequest": [
        "state", "check_number", "checked_at", "compared_with_id", "decided_by_id", "decided_at", "withdrawn_at",
        "reason",
    ],
}  # fmt: skip


def stays(table, columns):
    arguments = ", ".join(f"'{column}'" for column in columns)
    return (
        f"CREATE TRIGGER pinned_stays BEFORE UPDATE OR DELETE ON registry_{table} "
        f"FOR EACH ROW EXECUTE FUNCTION registry_stays({arguments});\n"
        f"CREATE TRIGGER pinned_not_emptied BEFORE TRUNCATE ON registry_{table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION registry_not_emptied();\n"
    )


TRIGGERS = (
    "".join(stays(table, columns) for table, columns in MAY_CHANGE.items())
    + """
CREATE TRIGGER artifact_only_goes BEFORE UPDATE OF artifact_id ON registry_modelversion FOR EACH ROW
    WHEN (OLD.artifact_id IS DISTINCT FROM NEW.artifact_id) EXECUTE FUNCTION registry_artifact_only_goes();
CREATE TRIGGER members_are_complete BEFORE INSERT ON registry_ensemblemember FOR EACH ROW
    EXECUTE FUNCTION registry_members_are_complete();
CREATE TRIGGER gate_was_used BEFORE INSERT ON registry_gatescene FOR EACH ROW
    EXECUTE FUNCTION registry_gate_was_used();
CREATE TRIGGER decision_stays BEFORE UPDATE ON registry_promotionrequest FOR EACH ROW
    WHEN (OLD.state <> 'open') EXECUTE FUNCTION registry_decision_stays();
"""
)
GONE = """
DROP FUNCTION registry_stays, registry_artifact_only_goes, registry_members_are_complete, registry_gate_was_used,
    registry_decision_stays, registry_not_emptied CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, GONE)]
