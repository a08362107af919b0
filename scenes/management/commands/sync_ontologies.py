"""`manage.py sync_ontologies`: adds the ontologies that ship and are not there."""

from typing import Any

from django.core.management.base import BaseCommand

from scenes.services.labeling import sync_shipped_ontologies


class Command(BaseCommand):
    help = "Add the ontologies that ship with LAMM and whose names are missing; existing ones stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        added = sync_shipped_ontologies(by=None)
        self.stdout.write("\n".join(f"Added {ontology.name}." for ontology in added) or "All of them are there.")
