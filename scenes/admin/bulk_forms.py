"""What each bulk action of the scene list asks for, what it would do, and the service it calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from unfold.widgets import (
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from scenes.exporting import CSV, JSON_LINES, PARQUET
from scenes.models import BulkChange, Drive, IngestKind, LabelingStatus, Priority, Scene, Tag
from scenes.services import curating
from scenes.services.assigning import ASSIGNABLE
from scenes.services.bulk_sets import STEPS

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
KEPT = "as it is"
STATUS_STEPS = {
    LabelingStatus.UNLABELED: "Unlabeled: take scenes from their labelers",
    LabelingStatus.IN_PROGRESS: "In Progress: send back from review, or reopen",
    LabelingStatus.LABELED: "Labeled: accept what is in review",
}


@dataclass(frozen=True)
class Effect:
    """So many of the selected scenes, and what becomes of them."""

    count: int
    words: str
    changes: bool = True


class BulkForm(forms.Form):
    """What is asked for; subclasses say what would become of scenes. `selection` is a queryset of scenes."""

    fact: ClassVar[str] = ""
    needs_reason: ClassVar[bool] = False
    reason = forms.CharField(
        required=False,
        max_length=curating.MOST_REASON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Everybody who looks at the history reads it.",
    )

    def __init__(self, data: Any, *, selection: QuerySet[Scene], by: User) -> None:
        super().__init__(data)
        self.selection, self.by = selection, by
        self.fields["reason"].required = self.needs_reason
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def before(self, scene: Scene) -> str:
        raise NotImplementedError

    def after(self, scene: Scene) -> str:
        """The same fact afterwards; the form is valid."""
        raise NotImplementedError

    def effects(self) -> Iterable[Effect]:
        """What becomes of the whole selection, counted; the form is valid."""
        return ()

    def start(self) -> BulkChange:
        raise NotImplementedError

    def _statuses(self) -> list[tuple[LabelingStatus, int]]:
        counted = self.selection.order_by().values_list("status").annotate(scenes=Count("pk"))
        return [(LabelingStatus(status), count) for status, count in sorted(counted)]


class AddTagsForm(BulkForm):
    fact = "Tags"
    tags = forms.ModelMultipleChoiceField(
        Tag.objects.order_by("name"), required=False, widget=UnfoldAdminSelect2MultipleWidget
    )
    new_tags = forms.CharField(
        required=False, max_length=1000, widget=UnfoldAdminTextInputWidget, help_text="Separated by commas."
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.names(cleaned):
            raise forms.ValidationError("Choose a tag, or type a new one.")
        return cleaned

    def names(self, cleaned: dict[str, Any]) -> list[str]:
        typed = (name.strip() for name in cleaned.get("new_tags", "").split(","))
        return [*(tag.name for tag in cleaned.get("tags", ())), *filter(None, typed)]

    def before(self, scene: Scene) -> str:
        return ", ".join(sorted(tag.name for tag in scene.tags.all()))

    def after(self, scene: Scene) -> str:
        new = {name.lower(): name for name in self.names(self.cleaned_data)}
        known = {tag.name.lower(): tag.name for tag in scene.tags.all()}
        return ", ".join(sorted((new | known).values()))

    def effects(self) -> Iterable[Effect]:
        for name in self.names(self.cleaned_data):
            have = self.selection.filter(tags__name__iexact=name).values("pk").distinct().count()
            if have:
                yield Effect(have, f"have the tag {name} already", changes=False)

    def start(self) -> BulkChange:
        return curating.add_tags(
            scenes=self.selection, tags=self.names(self.cleaned_data), by=self.by, reason=self.cleaned_data["reason"]
        )


class RemoveTagsForm(BulkForm):
    fact = "Tags"
    tags = forms.ModelMultipleChoiceField(Tag.objects.none(), widget=UnfoldAdminSelect2MultipleWidget)

    def __init__(self, data: Any, *, selection: QuerySet[Scene], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        used = Tag.objects.filter(scene_links__content_object__in=selection.order_by().values("pk"))
        field: Any = self.fields["tags"]
        field.queryset = used.distinct().order_by("name")
        field.help_text = "Only tags that the selected scenes have."

    def before(self, scene: Scene) -> str:
        return ", ".join(sorted(tag.name for tag in scene.tags.all()))

    def after(self, scene: Scene) -> str:
        removed = set(self.cleaned_data["tags"])
        return ", ".join(sorted(tag.name for tag in scene.tags.all() if tag not in removed))

    def effects(self) -> Iterable[Effect]:
        for tag in self.cleaned_data["tags"]:
            yield Effect(self.selection.filter(tags=tag).count(), f"lose the tag {tag.name}")

    def start(self) -> BulkChange:
        names = [tag.name for tag in self.cleaned_data["tags"]]
        return curating.remove_tags(scenes=self.selection, tags=names, by=self.by, reason=self.cleaned_data["reason"])


class AssignForm(BulkForm):
    fact = "Labeler"
    labeler = forms.ModelChoiceField(User.objects.none(), widget=UnfoldAdminSelect2Widget)
    due_on = forms.DateField(
        label="Due on", required=False, widget=UnfoldAdminSingleDateWidget, help_text="Empty: as it is."
    )
    priority = forms.TypedChoiceField(
        choices=[("", "As it is"), *Priority.choices],
        coerce=int,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, data: Any, *, selection: QuerySet[Scene], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        field: Any = self.fields["labeler"]
        may = User.objects.with_perm("scenes.label_scene", backend=MODEL_BACKEND)
        field.queryset = may.filter(is_active=True).order_by("username")
        field.help_text = "People who may label."

    def before(self, scene: Scene) -> str:
        return scene.labeler.get_username() if scene.labeler else ""

    def after(self, scene: Scene) -> str:
        if scene.status not in ASSIGNABLE:
            return KEPT
        name: str = self.cleaned_data["labeler"].get_username()
        return name

    def effects(self) -> Iterable[Effect]:
        for status, count in self._statuses():
            if status in ASSIGNABLE:
                yield Effect(count, f"{status.label.lower()}: assigned")
            else:
                yield Effect(count, f"{status.label.lower()}: left alone", changes=False)

    def start(self) -> BulkChange:
        return curating.assign(scenes=self.selection, by=self.by, **self.cleaned_data)


class SetDriveForm(BulkForm):
    fact = "Drive"
    drive = forms.ModelChoiceField(
        Drive.objects.order_by("name"), required=False, widget=UnfoldAdminSelect2Widget, empty_label="No drive"
    )

    def before(self, scene: Scene) -> str:
        return scene.drive.name if scene.drive else ""

    def after(self, scene: Scene) -> str:
        drive = self.cleaned_data["drive"]
        return drive.name if drive else "no drive"

    def effects(self) -> Iterable[Effect]:
        drive = self.cleaned_data["drive"]
        so = self.selection.filter(drive=drive).count()
        if so:
            yield Effect(so, "are in this drive already", changes=False)
        others = self.selection.filter(drive__isnull=False).exclude(drive=drive).count()
        if others:
            yield Effect(others, "leave another drive")

    def start(self) -> BulkChange:
        return curating.set_drive(
            scenes=self.selection, drive=self.cleaned_data["drive"], by=self.by, reason=self.cleaned_data["reason"]
        )


class SetStatusForm(BulkForm):
    fact = "Status"
    status = forms.ChoiceField(
        choices=[(status, STATUS_STEPS[status]) for status in curating.BULK_STATUSES], widget=UnfoldAdminSelectWidget
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("status") == LabelingStatus.IN_PROGRESS and not cleaned.get("reason", "").strip():
            self.add_error("reason", "Say why the labels go back: their labelers read it.")
        return cleaned

    def before(self, scene: Scene) -> str:
        return str(scene.get_status_display())

    def after(self, scene: Scene) -> str:
        return self._target(LabelingStatus(scene.status)) or KEPT

    def _target(self, status: LabelingStatus) -> str:
        to = LabelingStatus(self.cleaned_data["status"])
        given_back = to == LabelingStatus.UNLABELED and status == LabelingStatus.IN_PROGRESS
        return to.label if given_back or (status, to) in STEPS else ""

    def effects(self) -> Iterable[Effect]:
        for status, count in self._statuses():
            target = self._target(status)
            words = f"become {target.lower()}" if target else "left alone"
            yield Effect(count, f"{status.label.lower()}: {words}", changes=bool(target))

    def start(self) -> BulkChange:
        facts = self.cleaned_data
        return curating.set_status(scenes=self.selection, status=facts["status"], by=self.by, reason=facts["reason"])


class WorkForm(BulkForm):
    """Jobs of one kind; nothing is asked for but the reason."""

    fact = "Frames"
    job: ClassVar[IngestKind]

    def before(self, scene: Scene) -> str:
        return f"{scene.frame_count:,}"

    def after(self, scene: Scene) -> str:
        return f"a job: {self.job.label.lower()}"

    def start(self) -> BulkChange:
        return curating.work_again(scenes=self.selection, kind=self.job, by=self.by, reason=self.cleaned_data["reason"])


class ReingestForm(WorkForm):
    job = IngestKind.REINGEST


class ThumbnailsForm(WorkForm):
    job = IngestKind.THUMBNAILS


class DisplayForm(WorkForm):
    job = IngestKind.DISPLAY


class ExportForm(BulkForm):
    fact = "Points"
    format = forms.ChoiceField(
        choices=[
            (CSV, "CSV, for spreadsheets"),
            (JSON_LINES, "JSON Lines, for scripts"),
            (PARQUET, "Parquet, for analysis"),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, data: Any, *, selection: QuerySet[Scene], by: User) -> None:
        super().__init__(data, selection=selection, by=by)
        del self.fields["reason"]

    def before(self, scene: Scene) -> str:
        return f"{scene.point_count:,}"

    def after(self, scene: Scene) -> str:
        return "as it is"
