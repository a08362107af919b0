"""Ontologies with their classes, and label sets, which are facts to look at."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from scenes.admin.base import HistoryAdmin, ReadOnly
from scenes.models import FrameLabels, LabelSet, Ontology, SemanticClass


def swatch(colour: str) -> SafeString:
    """A small square of the colour; an attribute of SVG, because styles in attributes may be refused."""
    return format_html(
        '<svg width="18" height="18" viewBox="0 0 18 18" role="img" aria-label="{0}">'
        '<rect width="18" height="18" rx="4" fill="{0}"/></svg>',
        colour,
    )


class ClassFormSet(BaseInlineFormSet):
    """The classes of an ontology as they are typed together: a raw id stands for one of them."""

    def clean(self) -> None:
        super().clean()
        seen: dict[int, str] = {}
        for form in self.forms:
            facts = getattr(form, "cleaned_data", {})
            if facts.get("DELETE"):
                continue
            for raw in facts.get("raw_ids") or []:
                if raw in seen:
                    raise ValidationError(f"The raw id {raw} stands for {seen[raw]} and {facts.get('name')}.")
                seen[raw] = facts.get("name", "")


class SemanticClassInline(TabularInline):
    model = SemanticClass
    formset = ClassFormSet
    fields = ["show_colour", "index", "name", "colour", "ignored", "raw_ids"]
    meaning = ["index", "ignored", "raw_ids"]
    ordering = ["index"]
    extra = 0
    hide_title = True

    @display(description="")
    def show_colour(self, entry: SemanticClass) -> SafeString | str:
        return swatch(entry.colour) if entry.pk else ""

    def get_readonly_fields(self, request: HttpRequest, obj: Ontology | None = None) -> list[str]:
        return ["show_colour", *(self.meaning if obj and obj.in_use else [])]

    def has_add_permission(self, request: HttpRequest, obj: Ontology | None = None) -> bool:
        return super().has_add_permission(request, obj) and not (obj and obj.in_use)

    def has_delete_permission(self, request: HttpRequest, obj: Ontology | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.in_use)


@admin.register(Ontology)
class OntologyAdmin(HistoryAdmin):
    list_display = ["name", "palette", "show_classes", "show_label_sets", "created_at"]
    search_fields = ["name", "description", "classes__name"]
    fields = ["name", "description", "source", "use"]
    readonly_fields = ["use"]
    inlines = [SemanticClassInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ontology]:
        counted = super().get_queryset(request).annotate(label_set_count=Count("label_sets", distinct=True))
        return counted.prefetch_related("classes")

    @display(description="Colours")
    def palette(self, ontology: Ontology) -> SafeString:
        """All colours in one picture, in the order of the indices."""
        colours = [entry.colour for entry in ontology.classes.all()]
        bars = format_html_join(
            "",
            '<rect x="{}" width="8" height="16" fill="{}"/>',
            ((8 * place, colour) for place, colour in enumerate(colours)),
        )
        return format_html('<svg width="{}" height="16" aria-hidden="true">{}</svg>', 8 * len(colours), bars)

    @display(description="Classes")
    def show_classes(self, ontology: Ontology) -> int:
        return len(ontology.classes.all())

    @display(description="Label sets", ordering="label_set_count")
    def show_label_sets(self, ontology: Any) -> int:
        return ontology.label_set_count

    @display(description="Use")
    def use(self, ontology: Any) -> str:
        if not ontology.pk or not ontology.label_set_count:
            return "No label set refers to it: everything may change."
        return (
            f"{ontology.label_set_count} label sets refer to it: names and colours may change; index, raw ids and "
            "use in metrics stay. For other meanings make a new ontology."
        )


@admin.register(LabelSet)
class LabelSetAdmin(HistoryAdmin):
    """What a label set says stays; its note may be written better."""

    list_display = [
        "scene",
        "version",
        "ontology",
        "kind",
        "frame_count",
        "points",
        "unknown_ids",
        "author",
        "created_at",
    ]
    list_display_links = ["scene", "version"]
    list_filter = ["ontology", "kind"]
    search_fields = ["scene__name", "note"]
    list_select_related = ["scene", "ontology", "author"]
    facts = [
        "scene", "version", "ontology", "kind", "author", "frame_count", "classes", "unknown_ids", "frames_link",
        "created_at",
    ]  # fmt: skip
    fields = [*facts, "note"]
    readonly_fields = facts

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Labels come with their files: `manage.py ingest_labels` brings them in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LabelSet | None = None) -> bool:
        """A version stays, and its number is never given again; labelling again supersedes it."""
        return False

    @display(description="Points")
    def points(self, label_set: LabelSet) -> str:
        return f"{label_set.point_count:,}"

    @display(description="Unknown raw ids")
    def unknown_ids(self, label_set: LabelSet) -> str:
        return ", ".join(f"{raw} ({points:,})" for raw, points in label_set.unknown) or "-"

    @display(description="Points of each class")
    def classes(self, label_set: LabelSet) -> SafeString:
        counted = ((entry, _count(label_set, entry)) for entry in label_set.ontology.classes.all())
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            ((swatch(entry.colour), entry.name, f"{count:,}") for entry, count in counted if count),
        )
        return format_html('<table class="lamm-classes">{}</table>', rows)

    @display(description="Frames")
    def frames_link(self, label_set: LabelSet) -> SafeString:
        address = reverse("admin:scenes_framelabels_changelist")
        return format_html('<a href="{}?label_set__id__exact={}">Labels of each frame</a>', address, label_set.pk)


def _count(label_set: LabelSet, entry: SemanticClass) -> int:
    return label_set.class_counts[entry.index] if entry.index < len(label_set.class_counts) else 0


@admin.register(FrameLabels)
class FrameLabelsAdmin(ReadOnly, ModelAdmin):
    list_display = ["frame", "label_set", "point_count", "unknown"]
    search_fields = ["frame__name", "label_set__scene__name"]
    list_select_related = ["frame", "label_set__scene"]
    show_full_result_count = False
    list_per_page = 50


class LabelSetInline(ReadOnly, TabularInline):
    model = LabelSet
    fields = ["version", "ontology", "kind", "frame_count", "author", "note", "created_at"]
    readonly_fields = fields
    ordering = ["-version"]
    per_page = 10
    extra = 0
    show_change_link = True
    tab = True
