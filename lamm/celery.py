"""The Celery application: `celery -A lamm worker`, `celery -A lamm beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lamm.settings")
os.environ.setdefault("LAMM_DOOR", "worker")

app = Celery("lamm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
