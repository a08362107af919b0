"""Points and buckets have no foreign key that is checked: a trigger removes them when their series go."""

from django.db import migrations

TRIGGER = """
CREATE FUNCTION experiments_metrics_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM experiments_metricpoint WHERE series_id IN (SELECT id FROM gone);
    DELETE FROM experiments_metricbucket WHERE series_id IN (SELECT id FROM gone);
    RETURN NULL;
END $$;
CREATE TRIGGER metrics_go AFTER DELETE ON experiments_metricseries
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION experiments_metrics_go();
"""
NO_TRIGGER = """
DROP TRIGGER metrics_go ON experiments_metricseries;
DROP FUNCTION experiments_metrics_go;
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0001_initial")]
    operations = [migrations.RunSQL(TRIGGER, NO_TRIGGER)]
