"""The Celery application: `celery -A lamm worker`, `celery -A lamm beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lamm.settings")

app = Celery("lamm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="bulk_tasks")
