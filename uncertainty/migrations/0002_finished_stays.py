"""What is finished stays: triggers that guard evaluations against everybody, whoever they are and however they come.

Statement triggers with transition tables. A draft takes anything; once an evaluation is finished, its members, its
scores and its numbers stay, and all that may still change is that it is superseded or withdrawn.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION uncertainty_parts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
    kept bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT evaluation_id) INTO touched FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT evaluation_id) INTO touched FROM old_rows;
    ELSE
        SELECT array_agg(evaluation_id) INTO touched
        FROM (SELECT evaluation_id FROM old_rows UNION SELECT evaluation_id FROM new_rows) AS rows;
    END IF;
    IF touched IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM uncertainty_evaluation WHERE id = ANY(touched) ORDER BY id FOR KEY SHARE;
    SELECT id INTO kept FROM uncertainty_evaluation WHERE id = ANY(touched) AND state <> 'draft' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Evaluation % is finished: nothing of it changes. Make a new one.', kept
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION uncertainty_evaluation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept bigint;
    may_change text[] := ARRAY['state', 'superseded_by_id', 'withdrawn_at', 'withdrawal_reason'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT id INTO kept FROM new_rows WHERE state <> 'draft' LIMIT 1;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT id INTO kept FROM old_rows WHERE state <> 'draft' LIMIT 1;
    ELSE
        SELECT was.id INTO kept FROM old_rows AS was LEFT JOIN new_rows AS is_now ON is_now.id = was.id
        WHERE (was.state = 'draft' AND is_now.state NOT IN ('draft', 'finished'))
            OR (was.state IN ('superseded', 'withdrawn')
                AND (is_now.id IS NULL OR to_jsonb(is_now) <> to_jsonb(was)))
            OR (was.state = 'finished' AND (is_now.id IS NULL OR is_now.state = 'draft'
                OR to_jsonb(is_now) - may_change <> to_jsonb(was) - may_change
                OR (is_now.state = 'finished' AND to_jsonb(is_now) <> to_jsonb(was))))
        LIMIT 1;
    END IF;
    IF FOUND AND kept IS NOT NULL THEN
        RAISE EXCEPTION 'Evaluation % is finished, and stays as it is. Withdraw it, or make a new one.', kept
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION uncertainty_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() LIKE 'test\\_%' AND current_setting('lamm.guard_truncate', true) IS DISTINCT FROM 'on' THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT 1 FROM uncertainty_evaluation WHERE state <> 'draft') THEN
        RAISE EXCEPTION '% holds finished evaluations and is not emptied.', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
"""
SEEN = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def three(table, function):
    """Triggers for INSERT, UPDATE and DELETE: transition tables allow one event each."""
    return "".join(
        f"CREATE TRIGGER finished_stays_on_{event.lower()} AFTER {event} ON uncertainty_{table} REFERENCING {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}();\n"
        for event, rows in SEEN.items()
    )


PARTS = ["evaluationmember", "scenescores", "pointscores"]
ATTACHED = (
    "".join(three(part, "uncertainty_parts_stay") for part in PARTS)
    + three("evaluation", "uncertainty_evaluation_stays")
    + "".join(
        f"CREATE TRIGGER finished_not_emptied BEFORE TRUNCATE ON uncertainty_{table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION uncertainty_not_emptied();\n"
        for table in ["evaluation", *PARTS]
    )
)
DETACHED = """
DROP FUNCTION uncertainty_parts_stay, uncertainty_evaluation_stays, uncertainty_not_emptied CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("uncertainty", "0001_evaluations")]
    operations = [migrations.RunSQL(FUNCTIONS + ATTACHED, DETACHED)]
