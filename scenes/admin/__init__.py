"""The curators' door."""

from scenes.admin import access, bulk, drives, files, ingest, labels, people, scenes

__all__ = ["access", "bulk", "drives", "files", "ingest", "labels", "people", "scenes"]
