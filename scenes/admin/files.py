"""Stored files: what is kept, where it is used, and whether it is still what it was."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from scenes import services
from scenes.admin.base import ReadOnly
from scenes.models import StoredFile
from scenes.references import FileUse, file_uses, in_use

HEXADECIMAL = frozenset("0123456789abcdef")
# What is read while a person waits; more than this is for the command.
VERIFIED_BYTES = 2_000_000_000
PLACES_SHOWN = 200


class SoundFilter(admin.SimpleListFilter):
    title = "verification"
    parameter_name = "verification"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("damaged", "Damaged"), ("sound", "Verified"), ("never", "Never verified")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StoredFile]) -> QuerySet[StoredFile]:
        match self.value():
            case "damaged":
                return queryset.exclude(problem="")
            case "sound":
                return queryset.filter(problem="", verified_at__isnull=False)
            case "never":
                return queryset.filter(verified_at__isnull=True)
        return queryset


@admin.register(StoredFile)
class StoredFileAdmin(ReadOnly, ModelAdmin):
    list_display = ["short_digest", "size_bytes", "storage", "path", "created_at", "show_verified", "used"]
    list_filter = [SoundFilter, "storage"]
    search_fields = ["digest"]
    search_help_text = "The beginning of a sha256"
    fields = ["digest", "size_bytes", "storage", "path", "created_at", "verified_at", "problem", "where_used"]
    readonly_fields = fields
    ordering = ["-id"]
    actions = ["verify"]
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredFile]:
        used = ExpressionWrapper(in_use(), output_field=BooleanField())
        return super().get_queryset(request).annotate(used=used)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Files whose sha256 begins with the term; a range, so that the index serves it."""
        term = search_term.strip().lower().removeprefix("sha256:")
        if not term:
            return queryset, False
        if not set(term) <= HEXADECIMAL:
            return queryset.none(), False
        return queryset.filter(digest__gte=term, digest__lt=f"{term}g"), False

    @display(description="sha256", ordering="digest")
    def short_digest(self, file: StoredFile) -> SafeString:
        return format_html('<code title="{}">{}…</code>', file.digest, file.digest[:16])

    @display(description="Bytes", ordering="size")
    def size_bytes(self, file: StoredFile) -> str:
        return f"{file.size:,}"

    @display(
        description="Verified",
        ordering="verified_at",
        label={"never": "default", "sound": "success", "damaged": "danger"},
    )
    def show_verified(self, file: StoredFile) -> tuple[str, str]:
        if file.problem:
            return "damaged", file.problem
        if file.verified_at is None:
            return "never", "Never"
        return "sound", f"{file.verified_at:%Y-%m-%d %H:%M}"

    @display(description="In use", boolean=True)
    def used(self, file: Any) -> bool:
        return bool(file.used)

    @display(description="Where it is used")
    def where_used(self, file: StoredFile) -> SafeString | str:
        uses = file_uses([file.pk])[file.pk]
        if not uses:
            return "Nothing refers to it: prune_orphans removes it."
        lines = format_html_join("", "<li>{}</li>", ((_linked(use),) for use in uses[:PLACES_SHOWN]))
        more = f"and {len(uses) - PLACES_SHOWN:,} more" if len(uses) > PLACES_SHOWN else ""
        return format_html("<ul>{}</ul>{}", lines, more)

    @admin.action(description="Verify: read and compare", permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: QuerySet[StoredFile]) -> None:
        files = StoredFile.objects.filter(pk__in=queryset.order_by().values("pk"))
        size = files.aggregate(bytes=Sum("size", default=0))["bytes"]
        if size > VERIFIED_BYTES:
            words = f"{size:,} bytes are too many to read while you wait: use manage.py verify_files, or select fewer."
            self.message_user(request, words, messages.WARNING)
            return
        count, damaged = files.count(), list(services.verify_files(files=files))
        for found in damaged[:PLACES_SHOWN]:
            self.message_user(request, str(found), messages.ERROR)
        if not damaged:
            self.message_user(request, f"{count:,} files are what they were.", messages.SUCCESS)

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("scenes.change_ingestjob")


def _linked(use: FileUse) -> SafeString | str:
    if use.scene_id is None:
        return str(use)
    return format_html('<a href="{}">{}</a>', reverse("scene", args=[use.scene_id]), use)
