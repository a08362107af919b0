"""The curators' door to datasets: drafts can be planned and discarded, frozen versions only be looked at."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from datasets import services
from datasets.models import Acknowledgement, Dataset, DatasetVersion, Item, Slice, Verification, VersionState
from datasets.services.drafting import PLAN
from datasets.services.permissions import BUILD
from scenes.admin.base import HistoryAdmin, ReadOnly
from scenes.errors import DomainError
from scenes.models import Scene

STATE_COLOURS = {VersionState.DRAFT: "info", VersionState.FROZEN: "success", VersionState.DEPRECATED: "warning"}
SAMPLE = 12


class VersionInline(ReadOnly, TabularInline):
    model = DatasetVersion
    fields = ["number", "state", "parent", "digest", "frozen_by", "frozen_at"]
    readonly_fields = fields
    extra = 0
    per_page = 25
    show_change_link = True


@admin.register(Dataset)
class DatasetAdmin(HistoryAdmin):
    list_display = ["name", "version_count", "created_by", "created_at"]
    search_fields = ["name"]
    list_select_related = ["created_by"]
    fields = ["name", "description", "created_by", "created_at"]
    readonly_fields = ["name", "created_by", "created_at"]
    inlines = [VersionInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        return super().get_queryset(request).annotate(versions_there=Count("versions"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A dataset begins in the builder."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It goes with its last draft."""
        return False

    def save_model(self, request: HttpRequest, obj: Dataset, form: Any, change: bool) -> None:
        services.describe_dataset(dataset=obj, description=obj.description, by=cast(User, request.user))

    @display(description="Versions")
    def version_count(self, dataset: Any) -> int:
        return int(dataset.versions_there)


class ItemInline(ReadOnly, TabularInline):
    model = Item
    fields = ["scene", "split", "fixed_split", "label_set", "content_digest"]
    readonly_fields = fields
    extra = 0
    per_page = 25
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Item]:
        return super().get_queryset(request).select_related("scene", "label_set__scene")


class SliceInline(ReadOnly, TabularInline):
    model = Slice
    fields = ["name", "rule", "digest"]
    readonly_fields = fields
    extra = 0
    tab = True


class AcknowledgementInline(ReadOnly, TabularInline):
    model = Acknowledgement
    fields = ["warning", "person", "created_at"]
    readonly_fields = fields
    extra = 0
    tab = True


@admin.register(DatasetVersion)
class DatasetVersionAdmin(HistoryAdmin):
    list_display = ["name", "show_state", "scene_count", "parent", "frozen_by", "frozen_at", "short_digest"]
    list_filter = ["state", "dataset"]
    search_fields = ["dataset__name", "digest"]
    list_select_related = ["dataset", "parent__dataset", "frozen_by"]
    inlines = [ItemInline, SliceInline, AcknowledgementInline]
    record = [
        "state", "parent", "plan_number", "digest", "frozen_by", "frozen_at", "deprecated_by", "deprecated_at",
        "deprecation_reason", "created_by", "created_at",
    ]  # fmt: skip
    readonly_fields = ["dataset", "number", *record]
    fieldsets = [
        (None, {"fields": ["dataset", "number", "notes"]}),
        ("Plan", {"fields": PLAN}),
        ("Record", {"fields": record}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatasetVersion]:
        found = super().get_queryset(request).defer("certificate", "statistics")
        return found.annotate(scenes_there=Count("items"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Drafts are made in the builder, or from another version."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(BUILD) and (obj is None or obj.is_draft)

    def save_model(self, request: HttpRequest, obj: DatasetVersion, form: Any, change: bool) -> None:
        by = cast(User, request.user)
        plan = {name: getattr(obj, name) for name in form.changed_data if name in PLAN}
        seen = DatasetVersion.objects.get(pk=obj.pk)
        if plan:
            services.set_plan(version=seen, plan=plan, by=by)
        if "notes" in form.changed_data:
            services.set_notes(version=seen, notes=obj.notes, by=by)

    def delete_model(self, request: HttpRequest, obj: DatasetVersion) -> None:
        services.discard_draft(version=obj, by=cast(User, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DatasetVersion]) -> None:
        for version in queryset:
            services.discard_draft(version=version, by=cast(User, request.user))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The services say what can't be deleted; to name every scene of a draft would help nobody."""
        kept = [str(version) for version in objs if not version.is_draft]
        return [str(version) for version in objs], {"versions": len(objs)}, set(), kept

    @display(description="Version")
    def name(self, version: DatasetVersion) -> str:
        return str(version)

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def show_state(self, version: DatasetVersion) -> tuple[str, str]:
        return version.state, version.get_state_display()

    @display(description="Scenes")
    def scene_count(self, version: Any) -> str:
        return f"{version.scenes_there:,}"

    @display(description="Digest")
    def short_digest(self, version: DatasetVersion) -> str:
        return version.digest[:12] or "-"


@admin.register(Verification)
class VerificationAdmin(ReadOnly, ModelAdmin):
    list_display = [
        "id",
        "version",
        "state",
        "done",
        "total",
        "file_count",
        "problem_count",
        "requested_by",
        "created_at",
    ]
    list_filter = ["state"]
    list_select_related = ["version__dataset", "requested_by"]
    show_full_result_count = False
    fields = [*list_display, "byte_count", "problems", "finished_at"]
    readonly_fields = fields


class AddToDatasetForm(forms.Form):
    """A draft that is there, or the name of a new dataset."""

    fact = "Datasets"
    version = forms.ModelChoiceField(
        DatasetVersion.objects.none(), required=False, label="Draft", widget=UnfoldAdminSelect2Widget
    )
    new_name = forms.CharField(
        required=False,
        max_length=100,
        label="Or a new dataset",
        widget=UnfoldAdminTextInputWidget,
        help_text="Letters, digits, dots, dashes and underscores.",
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        drafts = DatasetVersion.objects.filter(state=VersionState.DRAFT).select_related("dataset")
        field: Any = self.fields["version"]
        field.queryset = drafts.order_by("dataset__name", "-number")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("version")) == bool(cleaned.get("new_name")):
            raise forms.ValidationError("Choose a draft, or type the name of a new dataset; one of the two.")
        return cleaned


@admin.action(description="Add to a dataset…", permissions=["build"])
def add_to_dataset(scene_admin: Any, request: HttpRequest, queryset: QuerySet[Scene]) -> HttpResponseBase:
    """Ask for the dataset, then add the selection: the ticked scenes, or all that match."""
    if not request.user.has_perm(BUILD):
        raise PermissionDenied
    selected = Scene.objects.filter(pk__in=queryset.order_by().values("pk"))
    form = AddToDatasetForm(request.POST if request.POST.get("step") else None)
    if form.is_bound and form.is_valid():
        try:
            words = _added(form, selected, cast(User, request.user))
        except (DomainError, forms.ValidationError) as error:
            form.add_error(None, "; ".join(getattr(error, "messages", [str(error)])))
        else:
            scene_admin.message_user(request, words, messages.SUCCESS)
            return HttpResponseRedirect(request.get_full_path())
    return TemplateResponse(
        request, "admin/scenes/scene/bulk_action.html", _context(scene_admin, request, form, selected)
    )


def _added(form: AddToDatasetForm, scenes: QuerySet[Scene], by: User) -> str:
    version = form.cleaned_data["version"]
    if version is None:
        version = services.create_dataset(name=form.cleaned_data["new_name"], by=by)
    done = services.add_scenes(version=version, scenes=scenes, by=by)
    already = f" {done.already:,} were in already." if done.already else ""
    return f"{done.added:,} scenes were added to {version}.{already}"


def _context(scene_admin: Any, request: HttpRequest, form: AddToDatasetForm, scenes: QuerySet[Scene]) -> dict[str, Any]:
    count = scenes.count()
    shown = scenes.select_related("thumbnail").prefetch_related("dataset_items__version__dataset").order_by("-pk")
    across = request.POST.get("select_across") == "1"
    ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
    sample = [
        (scene, ", ".join(str(item.version) for item in scene.dataset_items.all()), "") for scene in shown[:SAMPLE]
    ]
    return {
        **scene_admin.admin_site.each_context(request),
        "opts": scene_admin.model._meta,
        "title": "Add to a dataset",
        "form": form,
        "count": count,
        "sample": sample,
        "unsampled": count - SAMPLE,
        "shown": False,
        "preview": False,
        "action": "add_to_dataset",
        "across": across,
        "ticked": ticked[:1] if across else ticked,
        "back": request.get_full_path(),
        "media": scene_admin.media + form.media,
    }


def _extend_scene_admin() -> None:
    """The admin of scenes knows nothing of datasets; this app brings its action there."""
    scene_admin: Any = admin.site.get_model_admin(Scene)
    scene_admin.has_build_permission = lambda request: request.user.has_perm(BUILD)
    scene_admin.actions = [*scene_admin.actions, add_to_dataset]


_extend_scene_admin()
