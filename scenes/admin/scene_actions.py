"""The bulk actions of the scene list: a page that asks, shows what will change and asks again, then the service.

The page carries the selection as the list does: the ids of the rows that were ticked, or "all that match" with the
list's filters in the address. A million scenes are no more to carry than one.
"""

import hashlib

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from scenes.admin import bulk_forms as forms
from scenes.errors import DomainError
from scenes.exporting import CONTENT_TYPES, export_pieces
from scenes.models import BulkChange, BulkState, Scene
from scenes.services import bulk

SAMPLE = 12
NOT_ANSWERS = {"csrfmiddlewaretoken", "step", "previewed", "_save"}


class BulkActions(admin.ModelAdmin):
    """Mixed into the admin of scenes. Each action asks for its permission."""

    actions = [
        "add_tags", "remove_tags", "assign", "set_status", "set_drive", "reingest", "rebuild_thumbnails",
        "rebuild_display", "export",
    ]  # fmt: skip

    @admin.action(description="Add tags…", permissions=["curate"])
    def add_tags(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.AddTagsForm, "Add tags")

    @admin.action(description="Remove tags…", permissions=["curate"])
    def remove_tags(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.RemoveTagsForm, "Remove tags")

    @admin.action(description="Assign to a labeler…", permissions=["curate"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.AssignForm, "Assign to a labeler")

    @admin.action(description="Change the status…", permissions=["curate"])
    def set_status(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.SetStatusForm, "Change the status")

    @admin.action(description="Set the drive…", permissions=["curate"])
    def set_drive(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.SetDriveForm, "Set the drive")

    @admin.action(description="Read all frames again…", permissions=["operate"])
    def reingest(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.ReingestForm, "Read all frames again")

    @admin.action(description="Rebuild the pictures…", permissions=["operate"])
    def rebuild_thumbnails(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.ThumbnailsForm, "Rebuild the pictures")

    @admin.action(description="Rebuild the display files…", permissions=["operate"])
    def rebuild_display(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.DisplayForm, "Rebuild the display files")

    @admin.action(description="Export…", permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
        return self._ask(request, queryset, forms.ExportForm, "Export", preview=False)

    def has_curate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(bulk.CURATE)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(bulk.OPERATE)

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[Scene],
        form_class: type[forms.BulkForm],
        title: str,
        *,
        preview: bool = True,
    ) -> HttpResponseBase:
        """The page of an action; its answer once what was shown is confirmed. Another selection is shown anew."""
        selection = Scene.objects.filter(pk__in=queryset.order_by().values("pk"))
        count = selection.count()
        step = request.POST.get("step")
        form = form_class(request.POST if step else None, selection=selection, by=request.user)  # type: ignore[arg-type]
        shown = bool(step) and form.is_valid()
        digest = _digest(request, count)
        confirmed = step == "confirm" and (not preview or request.POST.get("previewed") == digest)
        if shown and confirmed:
            answer = self._answer(request, form)
            if answer is not None:
                return answer
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": title,
            "form": form,
            "count": count,
            "sample": _sample(form, shown=shown),
            "unsampled": count - SAMPLE,
            "effects": list(form.effects()) if shown else [],
            "shown": shown,
            "preview": preview,
            "digest": digest,
            "changed_since": step == "confirm" and shown and not confirmed,
            "action": request.POST.getlist("action")[_index(request)],
            "across": request.POST.get("select_across") == "1",
            "ticked": _ticked(request),
            "back": request.get_full_path(),
            "media": self.media + form.media,
            "in_background": count > bulk.AT_ONCE,
        }
        return TemplateResponse(request, "admin/scenes/scene/bulk_action.html", context)

    def _answer(self, request: HttpRequest, form: forms.BulkForm) -> HttpResponseBase | None:
        if isinstance(form, forms.ExportForm):
            return _exported(form)
        try:
            change = form.start()
        except DomainError as error:
            form.add_error(None, str(error))
            return None
        if change.state != BulkState.DONE:
            return HttpResponseRedirect(reverse("admin:scenes_bulkchange_change", args=[change.pk]))
        self.message_user(request, told(change), messages.SUCCESS if change.changed else messages.WARNING)
        return HttpResponseRedirect(request.get_full_path())


def told(change: BulkChange) -> SafeString:
    """What became of a change that has ended, with the ways to look closer and to undo it."""
    left = "; ".join(f"{reason} ({entry['count']:,})" for reason, entry in change.skipped.items())
    words = f"{change.get_kind_display()}: {change.changed:,} of {change.total:,} scenes changed."
    words += f" Left alone: {left}." if left else ""
    page = reverse("admin:scenes_bulkchange_change", args=[change.pk])
    if not change.can_undo:
        return format_html('{} <a href="{}" class="lamm-link">Details</a>', words, page)
    undo = reverse("admin:scenes_bulkchange_undo", args=[change.pk])
    return format_html(
        '{} <a href="{}" class="lamm-link">Undo</a> <a href="{}" class="lamm-link">Details</a>', words, undo, page
    )


def _exported(form: forms.BulkForm) -> StreamingHttpResponse:
    kind = form.cleaned_data["format"]
    answer = StreamingHttpResponse(export_pieces(form.selection, kind), content_type=CONTENT_TYPES[kind])
    answer["Content-Disposition"] = f'attachment; filename="scenes-{timezone.now():%Y%m%d-%H%M%S}.{kind}"'
    return answer


def _sample(form: forms.BulkForm, *, shown: bool) -> list[tuple[Scene, str, str]]:
    scenes = form.selection.select_related("labeler", "drive", "thumbnail").prefetch_related("tags").order_by("-pk")  # type: ignore[misc]
    return [(scene, form.before(scene), form.after(scene) if shown else "") for scene in scenes[:SAMPLE]]


def _digest(request: HttpRequest, count: int) -> str:
    """What was answered for how many scenes: a confirmation counts for what was shown only."""
    answers = sorted((name, *values) for name, values in request.POST.lists() if name not in NOT_ANSWERS)
    return hashlib.sha256(repr((answers, count)).encode()).hexdigest()[:32]


def _ticked(request: HttpRequest) -> list[str]:
    """With "all that match" one tick stands for all: the list's own view asks for at least one."""
    ticked = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    return ticked[:1] if request.POST.get("select_across") == "1" else ticked


def _index(request: HttpRequest) -> int:
    given = request.POST.get("index", "0")
    places = len(request.POST.getlist("action"))
    return int(given) if given.isdigit() and int(given) < places else 0
