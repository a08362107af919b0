"""A frozen version stays as it is: the database itself refuses every change, whoever asks.

Statement-level triggers with transition tables look at each statement once. Each first holds the rows of the versions
it touches, so that nothing slips in while a version is being frozen. TRUNCATE is refused while a frozen version is
there; only databases made for tests (test_...) may be emptied, unless they set lamm.guard_truncate to on.
"""

from django.db import migrations

TRIGGERS = """
CREATE FUNCTION datasets_refuse_unless_draft(versions bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept bigint;
BEGIN
    IF versions IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM datasets_datasetversion WHERE id = ANY(versions) ORDER BY id FOR KEY SHARE;
    SELECT id INTO kept FROM datasets_datasetversion WHERE id = ANY(versions) AND state <> 'draft' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Dataset version % is frozen: nothing of it changes. Make a new version.', kept
            USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

CREATE FUNCTION datasets_parts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT version_id) INTO touched FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT version_id) INTO touched FROM old_rows;
    ELSE
        SELECT array_agg(version_id) INTO touched
        FROM (SELECT version_id FROM old_rows UNION SELECT version_id FROM new_rows) AS rows;
    END IF;
    PERFORM datasets_refuse_unless_draft(touched);
    RETURN NULL;
END $$;

CREATE FUNCTION datasets_slice_items_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(version_id) INTO touched FROM (
            SELECT version_id FROM datasets_slice WHERE id IN (SELECT slice_id FROM new_rows)
            UNION SELECT version_id FROM datasets_item WHERE id IN (SELECT item_id FROM new_rows)) AS rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(version_id) INTO touched FROM (
            SELECT version_id FROM datasets_slice WHERE id IN (SELECT slice_id FROM old_rows)
            UNION SELECT version_id FROM datasets_item WHERE id IN (SELECT item_id FROM old_rows)) AS rows;
    ELSE
        SELECT array_agg(version_id) INTO touched FROM (
            SELECT version_id FROM datasets_slice
            WHERE id IN (SELECT slice_id FROM old_rows UNION SELECT slice_id FROM new_rows)
            UNION SELECT version_id FROM datasets_item
            WHERE id IN (SELECT item_id FROM old_rows UNION SELECT item_id FROM new_rows)) AS rows;
    END IF;
    PERFORM datasets_refuse_unless_draft(touched);
    RETURN NULL;
END $$;

CREATE FUNCTION datasets_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept bigint;
    may_change text[] := ARRAY['state', 'deprecated_by_id', 'deprecated_at', 'deprecation_reason'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT id INTO kept FROM new_rows WHERE state <> 'draft' LIMIT 1;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT id INTO kept FROM old_rows WHERE state <> 'draft' LIMIT 1;
    ELSE
        SELECT was.id INTO kept FROM old_rows AS was LEFT JOIN new_rows AS is_now ON is_now.id = was.id
        WHERE (was.state = 'draft' AND is_now.state = 'deprecated')
            OR (was.state = 'deprecated' AND (is_now.id IS NULL OR to_jsonb(is_now) <> to_jsonb(was)))
            OR (was.state = 'frozen' AND (is_now.id IS NULL
                OR is_now.state NOT IN ('frozen', 'deprecated')
                OR to_jsonb(is_now) - may_change <> to_jsonb(was) - may_change
                OR (is_now.state = 'frozen' AND to_jsonb(is_now) <> to_jsonb(was))))
        LIMIT 1;
    END IF;
    IF FOUND AND kept IS NOT NULL THEN
        RAISE EXCEPTION 'Dataset version % is frozen, and stays as it is. Deprecate it, or make a new version.', kept
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION datasets_name_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text;
BEGIN
    SELECT was.name INTO kept FROM old_rows AS was LEFT JOIN new_rows AS is_now ON is_now.id = was.id
    WHERE is_now.name IS DISTINCT FROM was.name AND EXISTS (
        SELECT 1 FROM datasets_datasetversion AS version WHERE version.dataset_id = was.id AND version.state <> 'draft')
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Dataset % has frozen versions, so its name stays.', kept USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION datasets_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() LIKE 'test\\_%' AND current_setting('lamm.guard_truncate', true) IS DISTINCT FROM 'on' THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT 1 FROM datasets_datasetversion WHERE state <> 'draft') THEN
        RAISE EXCEPTION '% holds frozen dataset versions and is not emptied.', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
"""
PARTS = ["item", "slice", "acknowledgement"]


def three(table, name, function):
    """Triggers for INSERT, UPDATE and DELETE: transition tables allow one event each."""
    seen = {
        "INSERT": "NEW TABLE AS new_rows",
        "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
    }
    return "".join(
        f"CREATE TRIGGER {name}_on_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}();\n"
        for event, rows in seen.items()
    )


def truncate(table):
    return (
        f"CREATE TRIGGER frozen_not_emptied BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION datasets_not_emptied();\n"
    )


TABLES = ["dataset", "datasetversion", "item", "slice", "sliceitem", "acknowledgement"]
ATTACHED = (
    "".join(three(f"datasets_{part}", "frozen_stays", "datasets_parts_stay") for part in PARTS)
    + three("datasets_sliceitem", "frozen_stays", "datasets_slice_items_stay")
    + three("datasets_datasetversion", "frozen_stays", "datasets_version_stays")
    + "CREATE TRIGGER name_stays AFTER UPDATE ON datasets_dataset REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
    " FOR EACH STATEMENT EXECUTE FUNCTION datasets_name_stays();\n"
    + "".join(truncate(f"datasets_{table}") for table in TABLES)
)
NO_TRIGGERS = """
DROP FUNCTION datasets_parts_stay, datasets_slice_items_stay, datasets_version_stays, datasets_name_stays,
    datasets_not_emptied CASCADE;
DROP FUNCTION datasets_refuse_unless_draft;
"""


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]
    operations = [migrations.RunSQL(TRIGGERS + ATTACHED, NO_TRIGGERS)]
