"""Drives and tags."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from scenes.admin.base import HistoryAdmin
from scenes.models import Drive, Tag


@admin.register(Drive)
class DriveAdmin(HistoryAdmin):
    list_display = ["name", "vehicle", "date", "location"]
    search_fields = ["name", "vehicle", "location"]
    list_filter = ["date"]


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    list_display = ["name", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
