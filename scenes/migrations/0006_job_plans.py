"""Ingest jobs know how many frames they are to handle, and are listed by state."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0005_shipped_ontologies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="ingestjob",
            name="planned_frames",
            field=models.PositiveIntegerField(default=0, verbose_name="frames to handle"),
        ),
        migrations.AddField(
            model_name="historicalingestjob",
            name="planned_frames",
            field=models.PositiveIntegerField(default=0, verbose_name="frames to handle"),
        ),
        migrations.AddIndex(
            model_name="ingestjob",
            index=models.Index(fields=["state", "-id"], name="ingest_job_by_state"),
        ),
    ]
