"""The roof of LAMM: settings, urls, pages. Holds no domain models."""

from lamm.celery import app as celery_app

__all__ = ["celery_app"]
