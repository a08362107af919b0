"""The groups of the roles."""

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from scenes.roles import ROLES, write_roles


@transaction.atomic
def sync_roles() -> None:
    """Give every role's group exactly the permissions that `scenes.roles` names."""
    write_roles(ROLES, groups=Group, permissions=Permission, content_types=ContentType)
