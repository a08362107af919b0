"""`manage.py sync_roles`: the groups of the roles as scenes/roles.py has them."""

from typing import Any

from django.core.management.base import BaseCommand

from scenes import services
from scenes.roles import ROLES


class Command(BaseCommand):
    help = "Give each role's group exactly its permissions again; other groups are left alone."

    def handle(self, *args: Any, **options: Any) -> None:
        services.sync_roles()
        self.stdout.write(f"In order: {', '.join(ROLES)}.")
