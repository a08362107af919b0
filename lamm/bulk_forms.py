"""What each bulk action of the explorer asks for, and the service that does it."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.db.models.expressions import RawSQL

from datasets.models import DatasetVersion, VersionState
from lamm.tables import SceneTable
from scenes.exporting import COLUMNS
from scenes.models import BulkChange, ExportFormat, LabelingStatus, Priority, Scene, Tag
from scenes.services import curating
from scenes.services.workflow import CURATE

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
SEE, BUILD = "scenes.view_scene", "datasets.change_datasetversion"
SUGGESTIONS = 300
MOST_DRAFTS = 200
STEPS = {
    LabelingStatus.UNLABELED: "Unlabeled: take them from their labelers",
    LabelingStatus.IN_PROGRESS: "In Progress: send back from review, or reopen",
    LabelingStatus.LABELED: "Labeled: accept what is in review",
}


class ActionForm(forms.Form):
    """One action's questions. `selection` is a queryset of scenes or their ids, `by` who asks."""

    title: ClassVar[str]
    button: ClassVar[str]
    permission: ClassVar[str] = CURATE
    statuses_matter: ClassVar[bool] = False

    def __init__(self, data: Any, *, selection: QuerySet[Scene] | list[int], by: User) -> None:
        super().__init__(data)
        self.selection, self.by = selection, by
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
                field.widget.attrs.setdefault("class", "field")
        first = next(iter(self.fields.values()), None)
        if first is not None and not isinstance(first.widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
            first.widget.attrs["autofocus"] = True

    @property
    def scenes(self) -> QuerySet[Scene]:
        """The selection as a queryset."""
        if isinstance(self.selection, QuerySet):
            return self.selection
        return Scene.objects.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [self.selection]))

    def statuses(self) -> list[tuple[str, str, int]]:
        """How many of the selection are in which status: value, label, scenes. One query."""
        if not self.statuses_matter:
            return []
        found = self.scenes.order_by().values_list("status").annotate(scenes=Count("pk", distinct=True))
        labels = dict(LabelingStatus.choices)
        return [(status, str(labels[status]), count) for status, count in sorted(found)]

    def start(self) -> BulkChange:
        raise NotImplementedError


class ReasonForm(ActionForm):
    reason = forms.CharField(
        required=False,
        max_length=curating.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Reason (not needed)",
    )


class AddTags(ReasonForm):
    title, button = "Add tags", "Add"
    tags = forms.CharField(max_length=2000, widget=forms.TextInput(attrs={"list": "bulk-tags", "autocomplete": "off"}))
    field_order = ["tags", "reason"]
    tags.help_text = "Several are separated by commas. New ones are made."

    @property
    def suggestions(self) -> list[str]:
        return list(Tag.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS])

    def start(self) -> BulkChange:
        names = self.cleaned_data["tags"].split(",")
        return curating.add_tags(scenes=self.selection, tags=names, by=self.by, reason=self.cleaned_data["reason"])


class RemoveTags(ReasonForm):
    title, button = "Remove tags", "Remove"
    tags = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    field_order = ["tags", "reason"]

    def __init__(self, data: Any, *, selection: QuerySet[Scene] | list[int], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        used = Tag.objects.filter(scene_links__content_object__in=self.scenes.order_by().values("pk"))
        counted = used.annotate(scenes=Count("scene_links")).order_by("name").values_list("name", "scenes")
        field: Any = self.fields["tags"]
        field.choices = [(name, f"{name} ({scenes:,})") for name, scenes in counted[:SUGGESTIONS]]
        if not field.choices:
            field.help_text = "None of these scenes has a tag."

    def start(self) -> BulkChange:
        facts = self.cleaned_data
        return curating.remove_tags(scenes=self.selection, tags=facts["tags"], by=self.by, reason=facts["reason"])


class Assign(ReasonForm):
    title, button = "Assign to a labeler", "Assign"
    statuses_matter = True
    labeler = forms.ModelChoiceField(User.objects.none(), to_field_name="username", empty_label="Choose a labeler")
    due_on = forms.DateField(label="Due on (empty: as it is)", required=False, widget=forms.DateInput({"type": "date"}))
    priority = forms.TypedChoiceField(
        choices=[("", "As it is"), *Priority.choices], coerce=int, empty_value=None, required=False
    )
    field_order = ["labeler", "due_on", "priority", "reason"]

    def __init__(self, data: Any, *, selection: QuerySet[Scene] | list[int], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        field: Any = self.fields["labeler"]
        may = User.objects.with_perm("scenes.label_scene", backend=MODEL_BACKEND)
        field.queryset = may.filter(is_active=True).order_by("username")
        if not field.queryset.exists():
            field.help_text = "Nobody may label yet. An administrator gives accounts the role labeler."

    def start(self) -> BulkChange:
        return curating.assign(scenes=self.selection, by=self.by, **self.cleaned_data)


class ChangeStatus(ReasonForm):
    title, button = "Change the status", "Change"
    statuses_matter = True
    status = forms.ChoiceField(
        choices=[(status, STEPS[status]) for status in curating.BULK_STATUSES], widget=forms.RadioSelect
    )
    field_order = ["status", "reason"]

    def __init__(self, data: Any, *, selection: QuerySet[Scene] | list[int], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        self.fields["reason"].label = "Reason (needed when labels go back: their labelers read it)"

    def start(self) -> BulkChange:
        facts = self.cleaned_data
        return curating.set_status(scenes=self.selection, status=facts["status"], by=self.by, reason=facts["reason"])


class AddToDataset(ActionForm):
    title, button, permission = "Add to a dataset", "Add", BUILD
    version = forms.ModelChoiceField(
        DatasetVersion.objects.none(), label="Draft", required=False, empty_label="A new dataset"
    )
    name = forms.CharField(
        label="Name of the new dataset",
        required=False,
        max_length=100,
        widget=forms.TextInput({"autocomplete": "off", "placeholder": "Urban_Night_Scenes"}),
        help_text="Letters, digits, dots, dashes and underscores.",
    )

    def __init__(self, data: Any, *, selection: QuerySet[Scene] | list[int], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        field: Any = self.fields["version"]
        drafts = DatasetVersion.objects.filter(state=VersionState.DRAFT).select_related("dataset").order_by("-pk")
        field.queryset = drafts
        field.widget.choices = [("", "A new dataset"), *((draft.pk, str(draft)) for draft in drafts[:MOST_DRAFTS])]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("version") and not cleaned.get("name", "").strip():
            self.add_error("name", "Choose a draft, or name a new dataset.")
        return cleaned


class Export(ActionForm):
    title, button, permission = "Export", "Export", SEE
    format = forms.ChoiceField(
        choices=[
            (ExportFormat.CSV, "CSV, for spreadsheets"),
            (ExportFormat.JSON_LINES, "JSON Lines, for scripts"),
            (ExportFormat.PARQUET, "Parquet, for analysis"),
        ],
        widget=forms.RadioSelect,
        initial=ExportFormat.CSV,
    )
    which = forms.ChoiceField(
        label="Columns",
        choices=[("shown", "As the list shows them now"), ("all", f"All {len(COLUMNS)}")],
        widget=forms.RadioSelect,
        initial="shown",
    )
    shown = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)

    @property
    def columns(self) -> list[str]:
        """The columns of the list that are there; unknown ones of old addresses are left out. None: all."""
        if self.cleaned_data["which"] == "all":
            return []
        return [name for name in self.cleaned_data["shown"].split(",") if name in SceneTable.base_columns]


ACTIONS: dict[str, type[ActionForm]] = {
    "add-tags": AddTags,
    "remove-tags": RemoveTags,
    "assign": Assign,
    "status": ChangeStatus,
    "dataset": AddToDataset,
    "export": Export,
}
