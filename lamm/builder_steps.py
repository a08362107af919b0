"""What people do in the builder: each step is one service, and the staging area as it is then as the answer.

Without scripts the same forms lead back to the page, with a notice.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from datasets import services
from datasets.models import DatasetVersion, Slice
from datasets.rules import scenes_matching
from datasets.services.permissions import BUILD
from datasets.services.staging import MOST_SCENES
from lamm.errors import domain_status, words
from lamm.pages.builder import live_part, the_version
from lamm.plan_form import wishes
from scenes.errors import DomainError, RefusedError

# So many scenes are added in one transaction; more come in several, with their progress shown.
AT_ONCE = 20_000
MOST_IDS = 100_000
Said = dict[str, Any]
Work = Callable[..., Said]


def step(work: Work) -> Callable[..., HttpResponse]:
    """A form's view: POST only, for people who build. `work` returns what is said of it."""

    @wraps(work)
    def view(request: HttpRequest, version_id: int, **given: Any) -> HttpResponse:
        version = the_version(version_id)
        try:
            said, status = work(request, version, cast(User, request.user), **given), 200
        except (DomainError, ValidationError) as error:
            said, status = _refusal(error), domain_status(error) or 400
        return _answer(request, version, said, status)

    return permission_required(BUILD, raise_exception=True)(require_POST(view))


def _refusal(error: Exception) -> Said:
    return {"problem": words(error), "facts": getattr(error, "facts", {})}


def _answer(request: HttpRequest, version: DatasetVersion, said: Said, status: int) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        text = said.get("problem") or said.get("words", "")
        if text:
            (messages.success if status == 200 else messages.error)(request, text)
        return redirect(reverse("builder", args=[version.pk]))
    if status != 200 or "going" in said:
        context = {"said": said, "version": version, "submitted": request.POST}
        response = render(request, "parts/_staging_said.html", context, status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#staging-said", "outerHTML"
        return response
    response = live_part(request, the_version(version.pk), said=said)
    if said.get("scenes_changed"):
        response["HX-Trigger"] = "builder:changed"
    return response


def _ids(request: HttpRequest) -> list[int]:
    """Ids of scenes that were ticked, as one list or as several fields."""
    parts = [part for given in request.POST.getlist("scenes") for part in given.split(",") if part]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise RefusedError("The selection can't be read. Load the page again and select anew.")
    if len(parts) > MOST_IDS:
        raise RefusedError(f"More than {MOST_IDS:,} rows are selected one by one. Take all that match instead.")
    if not parts:
        raise RefusedError("No scene is selected. Tick some first.")
    return [int(part) for part in parts]


def _all_that_match(request: HttpRequest) -> bool:
    return request.POST.get("which") == "all"


@step
def add(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    """Add the ticked scenes, or all that the filters find: of many a part, and the rest by further requests."""
    if not _all_that_match(request):
        added = services.add_scenes(version=version, scenes=_ids(request), by=person)
        return {"words": _added_words(added.added, added.already), "scenes_changed": True}
    if not request.htmx:  # type: ignore[attr-defined]
        found = scenes_matching(request.POST.get("matching", ""))
        added = services.add_scenes(version=version, scenes=found, by=person)
        return {"words": _added_words(added.added, added.already)}
    return _add_some(request, version, person)


def _add_some(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    matching, after = request.POST.get("matching", ""), _whole(request, "after")
    found = scenes_matching(matching)
    ids = list(found.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    total = _whole(request, "total") or (found.count() if len(ids) == AT_ONCE else len(ids))
    if total > MOST_SCENES:
        raise RefusedError(f"{total:,} scenes match, a version takes {MOST_SCENES:,} at once. Filter further.")
    before = {name: _whole(request, name) for name in ("added", "already")}
    if ids or not after:
        more = services.add_scenes(version=version, scenes=ids, by=person)
        before = {"added": before["added"] + more.added, "already": before["already"] + more.already}
    if len(ids) == AT_ONCE:
        done = sum(before.values())
        return {"going": before | {"matching": matching, "after": ids[-1], "total": max(total, done), "done": done}}
    return {"words": _added_words(before["added"], before["already"]), "scenes_changed": True}


def _whole(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _added_words(added: int, already: int) -> str:
    told = f"{added:,} scene{'' if added == 1 else 's'} added"
    return f"{told}, {already:,} {'was' if already == 1 else 'were'} in it already." if already else f"{told}."


@step
def remove(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    """Take out the ticked scenes, or all that the filters find."""
    found = scenes_matching(request.POST.get("matching", "")) if _all_that_match(request) else _ids(request)
    count = services.remove_scenes(version=version, scenes=found, by=person)
    return {"words": f"{count:,} scene{'' if count == 1 else 's'} taken out.", "scenes_changed": True}


@step
def say_split(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    """Say in which split the ticked scenes belong, or leave it to the draw again."""
    split = request.POST.get("split", "")
    count = services.set_split(version=version, scenes=_ids(request), split=split, by=person)
    where = f"said to be in {split}" if split else "left to the draw"
    return {"words": f"{count:,} scene{'' if count == 1 else 's'} {where}."}


@step
def set_plan(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    """Change the plan. Who overwrites what somebody else changed meanwhile is told, and nothing is lost."""
    seen = _whole(request, "seen") or _whole(request, "plan_number")
    services.set_plan(version=version, plan=wishes(request.POST), by=person, plan_number=seen or None)
    return {"words": "", "plan_number": True}


@step
def draw(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    """Draw the splits. It follows by itself on other steps, whose words stay."""
    services.draw_splits(version=version, by=person)
    return {"quiet": True}


@step
def set_notes(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    services.set_notes(version=version, notes=request.POST.get("notes", "")[:10_000], by=person)
    return {"words": "The notes are kept."}


@step
def make_slice(request: HttpRequest, version: DatasetVersion, person: User) -> Said:
    """A slice of what the filters find, as a rule, or of the scenes that are ticked, as a list."""
    name = request.POST.get("name", "")
    if request.POST.get("made_of") == "list":
        services.set_slice(version=version, name=name, scenes=_ids(request), by=person)
    else:
        services.set_slice(version=version, name=name, rule=request.POST.get("matching", ""), by=person)
    return {"words": f"The slice {name.strip()} is kept."}


@step
def remove_slice(request: HttpRequest, version: DatasetVersion, person: User, slice_id: int) -> Said:
    found = get_object_or_404(Slice.objects.select_related("version__dataset"), pk=slice_id, version=version)
    services.remove_slice(slice_=found, by=person)
    return {"words": f"The slice {found.name} is gone. Its scenes stay."}
