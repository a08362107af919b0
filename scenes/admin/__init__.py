"""The curators' door."""

from scenes.admin import drives, ingest, people, scenes

__all__ = ["drives", "ingest", "people", "scenes"]
