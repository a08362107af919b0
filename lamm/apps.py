"""The roof above the apps: settings, urls and pages, no domain models."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class LammConfig(AppConfig):
    name = "lamm"
    verbose_name = "LAMM"
    default = True


class CurationAdminConfig(AdminConfig):
    """Django's admin with our door (lamm/admin_site.py)."""

    default = False
    default_site = "lamm.admin_site.CurationSite"
