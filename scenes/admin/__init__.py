"""The curators' door."""

from scenes.admin import access, bulk, comments, drives, files, ingest, labels, people, scenes, views

__all__ = ["access", "bulk", "comments", "drives", "files", "ingest", "labels", "people", "scenes", "views"]
