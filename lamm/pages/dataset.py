"""The data card of a version: what it holds, what was promised of it, where it comes from and where it was used."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from datasets import selectors
from datasets.models import DatasetVersion, Verification
from experiments.models import Run
from lamm.certificate_rows import checks
from lamm.dataset_exports import panel
from lamm.dataset_pictures import lineage_picture, start_map
from lamm.pages.builder import LOOK
from lamm.staging import builder_of, figures, slice_rows
from lamm.training_runs import run_page

DRIVES_SHOWN = 12
RUNS_SHOWN = 20
DIFFERENCES_SHOWN = 100
OTHERS_SHOWN = 200
REFRESH_SECONDS = 2
KIND_WORDS = {
    "added": ("Added", "plus"),
    "removed": ("Removed", "minus"),
    "moved": ("Moved between splits", "arrow-right-left"),
    "relabelled": ("Relabelled", "tags"),
}
GAPS = (
    ("unlabelled", "without labels"),
    ("without_position", "without a usable GPS position"),
    ("without_frames", "without frames"),
)


@dataclass(frozen=True)
class Changes:
    """What kind of difference, in words; how many scenes, and the first of them."""

    kind: str
    label: str
    icon: str
    count: int
    some: list[selectors.Difference]

    @property
    def more(self) -> int:
        return self.count - len(self.some)


def version_at(name: str, number: int) -> DatasetVersion:
    people = ["created_by", "frozen_by", "deprecated_by", "plan_changed_by"]
    found = DatasetVersion.objects.select_related("dataset", "parent__dataset", "ontology", "manifest", *people)
    found = found.defer("parent__certificate", "parent__statistics")
    return get_object_or_404(found, dataset__name=name, number=number)


@require_safe
@permission_required(LOOK, raise_exception=True)
def dataset(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_at(name, number)
    versions = selectors.lineage(version.dataset)
    context = figures(version) | _sources(version) | verification_context(version) | panel(version, request.user)
    context |= {
        "version": version,
        "builder": builder_of(version, request.user),
        "current": selectors.splits_are_current(version),
        "gaps": [(context["total"][key], words) for key, words in GAPS if context["total"][key]],
        "map": start_map(version),
        "lineage": lineage_picture(versions),
        "others": [one for one in reversed(versions) if one.id != version.pk][:OTHERS_SHOWN],
        "slices": slice_rows(version),
        "uses": _uses(version, request.user),
    }
    if not version.is_draft:
        told = selectors.certificate(version)
        context |= {"certificate": told, "checks": checks(told)}
    context |= diff_context(version, request.GET.get("against", ""))
    return render(request, "pages/dataset.html", context)


@require_safe
@permission_required(LOOK, raise_exception=True)
def diff(request: HttpRequest, version_id: int) -> HttpResponse:
    """What the version has otherwise than the one that `against` names by its id."""
    version = get_object_or_404(DatasetVersion.objects.select_related("dataset", "parent__dataset"), pk=version_id)
    return render(
        request,
        "parts/_dataset_diff.html",
        {"version": version} | diff_context(version, request.GET.get("against", "")),
    )


def diff_context(version: DatasetVersion, against: str) -> dict[str, Any]:
    """The difference to a version, else to the parent; nothing for a first version."""
    if against and not (against.isascii() and against.isdigit() and len(against) < 19):
        raise Http404("There is no such version.")
    other = version.parent
    if against:
        other = get_object_or_404(DatasetVersion.objects.select_related("dataset"), pk=int(against))
    if other is None:
        return {"other": None, "changes": []}
    found = selectors.diff(other, version, most=DIFFERENCES_SHOWN)
    changes = [Changes(kind, *KIND_WORDS[kind], found.counts[kind], found.some[kind]) for kind in selectors.KINDS]
    return {"other": other, "changes": changes, "equal": not any(found.counts.values())}


@require_safe
@permission_required(LOOK, raise_exception=True)
def verification(request: HttpRequest, version_id: int) -> HttpResponse:
    """The last verification, while it is under way and when it has ended."""
    version = get_object_or_404(DatasetVersion.objects.select_related("dataset"), pk=version_id)
    response = render(request, "parts/_verification.html", {"version": version} | verification_context(version))
    patch_cache_control(response, private=True, no_store=True)
    return response


def verification_context(version: DatasetVersion) -> dict[str, Any]:
    newest: Verification | None = version.verifications.select_related("requested_by").order_by("-pk").first()
    return {"verification": newest, "refresh_seconds": REFRESH_SECONDS}


@dataclass(frozen=True)
class Use:
    """What refers to the version: how many of a kind, and the first of them, each with its page, "" without one."""

    kind: str
    count: int
    some: list[tuple[str, str]]


def _uses(version: DatasetVersion, person: Any) -> list[Use]:
    """The runs that the person may see, and whatever else refers to the version; two queries for each kind."""
    found = []
    for use in selectors.uses(version):
        if use.kind != Run._meta.verbose_name:
            found.append(Use(use.kind, use.count, [(name, _card_of(name)) for name in use.some]))
    if person.has_perm("experiments.view_run"):
        runs = list(version.runs.order_by("-pk")[:RUNS_SHOWN])
        if runs:
            found.insert(0, Use("run", version.runs.count(), [(str(run), run_page(run.pk)) for run in runs]))
    return found


def _card_of(name: str) -> str:
    """The card of a version that is called `NAME@v2`; "" for other names."""
    dataset, _, number = name.rpartition("@v")
    return reverse("dataset", args=[dataset, int(number)]) if dataset and number.isdigit() else ""


def _sources(version: DatasetVersion) -> dict[str, Any]:
    """When the scenes were captured, and the drives that most of them are from. Two queries."""
    days = version.items.aggregate(first=Min("scene__captured_at"), last=Max("scene__captured_at"))
    drives = (
        version.items.filter(scene__drive__isnull=False)
        .order_by()
        .values_list("scene__drive__name", "scene__drive__vehicle", "scene__drive__location")
    )
    most = drives.annotate(count=Count("pk")).order_by("-count", "scene__drive__name")[:DRIVES_SHOWN]
    return {"first_captured": days["first"], "last_captured": days["last"], "drives": list(most)}
