"""Who comes in without a browser, and who may enter the admin."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from scenes.audit import AuditedRecords


class TokenScope(models.TextChoices):
    READ = "read", "Read only"
    WRITE = "write", "Read and write"


class ApiToken(AbstractAuthToken):
    """What a script sends instead of a password: it may do what its owner may, or only the reading part of it.

    Only the hash of a token is kept. `token_key` is its beginning, by which people tell their tokens apart.
    The library's hash is its primary key; here it is not, because keys show up in addresses and history.
    """

    digest = models.CharField("hash", max_length=128, unique=True, editable=False)
    token_key = models.CharField("begins with", max_length=25, db_index=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="auth_token_set")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=8, choices=TokenScope, default=TokenScope.READ)
    expiry = models.DateTimeField("expires")
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    history = AuditedRecords(excluded_fields=["digest", "last_used_at"])

    class Meta:
        verbose_name = "API token"
        ordering = ["-created", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="token_name_once_per_person"),
            models.CheckConstraint(condition=models.Q(scope__in=TokenScope.values), name="token_scope_is_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def expired(self) -> bool:
        return self.expiry <= timezone.now()


class SiteAccess(models.Model):
    """No rows: the home of permissions that are about a door and not about a model."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("enter_admin", "Can enter the admin"),
            ("view_audit", "Can see who changed what, on all objects"),
        ]

    def __str__(self) -> str:
        return "site access"
