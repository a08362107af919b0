"""Drives and tags."""

from typing import Any

import taggit.admin  # registers the library's own tags first
import taggit.models
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from scenes.admin.base import HistoryAdmin
from scenes.models import Drive, Tag


@admin.register(Drive)
class DriveAdmin(HistoryAdmin):
    list_display = ["name", "vehicle", "date", "location"]
    search_fields = ["name", "vehicle", "location"]
    list_filter = ["date"]


admin.site.unregister(taggit.models.Tag)  # our own tags replace the library's


@admin.register(Tag)
class TagAdmin(HistoryAdmin):
    list_display = ["name", "show_scenes", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        return super().get_queryset(request).annotate(scene_count=Count("scene_links"))

    @display(description="Scenes", ordering="scene_count")
    def show_scenes(self, tag: Any) -> SafeString:
        address = reverse("admin:scenes_scene_changelist")
        words = f"{tag.scene_count:,}"
        return format_html('<a href="{}?tags__id__exact={}" class="lamm-link">{}</a>', address, tag.pk, words)
