"""The steps of the labelling workflow from a button: done by the services, answered in place or on the page."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from lamm.addresses import without_blanks
from lamm.errors import domain_status, words
from lamm.pages.queue import queue_tabs
from lamm.pages.review import review_count
from lamm.received_labels import received, receiving
from lamm.work_rows import label_choices, work_rows
from scenes import services
from scenes.clouds.cloud import CloudError
from scenes.errors import DomainError, RefusedError, TooLargeError
from scenes.models import LabelKind, Scene
from scenes.services.workflow import CURATE, LABEL, REVIEW, check_may_label

COUNTS: dict[str, Callable[[QueryDict, User], dict[str, Any]]] = {
    "queue": queue_tabs,
    "review": lambda parameters, person: review_count(parameters),
}
ROWS = {"queue": "parts/_queue_row.html", "review": "parts/_review_row.html"}
NAMES_TOLD = 3
Work = Callable[[HttpRequest, Scene, User], str]


def answered(work: Work) -> Callable[[HttpRequest, int], HttpResponse]:
    """A view of one step: the row as it is then with what was done, or the words of the refusal."""

    @wraps(work)
    def view(request: HttpRequest, scene_id: int) -> HttpResponse:
        scene, person = get_object_or_404(Scene, pk=scene_id), cast(User, request.user)
        try:
            said, status = work(request, scene, person), 200
        except (DomainError, CloudError) as error:
            said, status = words(error), domain_status(error) or 400
        return _answer(request, scene_id, said, status)

    return view


def step(permission: str) -> Callable[[Work], Callable[..., HttpResponse]]:
    """A button's view: POST only, for people with the permission."""

    def decorate(work: Work) -> Callable[..., HttpResponse]:
        return permission_required(permission, raise_exception=True)(require_POST(answered(work)))

    return decorate


def _answer(request: HttpRequest, scene_id: int, said: str, status: int) -> HttpResponse:
    page = request.POST.get("page", "")
    if not request.htmx:  # type: ignore[attr-defined]
        (messages.success if status == 200 else messages.error)(request, said)
        return _back(request, scene_id, page)
    if status == 400:  # what was filled in stays: only the words are put beside it
        return render(request, "parts/_work_said.html", {"said": said, "failed": True}, status=status)
    if page not in ROWS:
        (messages.success if status == 200 else messages.error)(request, said)
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    scene = Scene.objects.for_listing().get(pk=scene_id)
    person, back = cast(User, request.user), without_blanks(QueryDict(request.POST.get("back", "")))
    (row,) = work_rows([scene], person)
    context = {"row": row, "scene": scene, "said": said, "failed": status != 200, "back": back.urlencode()}
    context |= label_choices() | COUNTS[page](back, person) | {"in_passing": True}
    response = render(request, ROWS[page], context, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = f"#task-{scene_id}", "outerHTML"
    return response


def _back(request: HttpRequest, scene_id: int, page: str) -> HttpResponse:
    """To the page as it was: the form tells its query, which is read and written anew."""
    if page not in ROWS:
        return redirect("scene", scene_id=scene_id)
    query = without_blanks(QueryDict(request.POST.get("back", ""))).urlencode()
    return redirect(f"{reverse(page)}?{query}" if query else reverse(page))


@step(LABEL)
def take(request: HttpRequest, scene: Scene, person: User) -> str:
    services.take(scene=scene, by=person)
    return "It is yours. Upload its labels, then submit it for review."


@step(LABEL)
def submit(request: HttpRequest, scene: Scene, person: User) -> str:
    services.submit(scene=scene, by=person, without_labels=request.POST.get("reason", ""))
    return "Submitted. A reviewer looks at it next."


@step(LABEL)
def give_back(request: HttpRequest, scene: Scene, person: User) -> str:
    services.unassign(scene=scene, by=person, reason=request.POST.get("reason", ""))
    return "Given back. Anybody may take it now."


@step(REVIEW)
def accept(request: HttpRequest, scene: Scene, person: User) -> str:
    services.accept(scene=scene, by=person)
    return "Accepted. The labels are locked."


@step(REVIEW)
def send_back(request: HttpRequest, scene: Scene, person: User) -> str:
    sent = services.send_back(scene=scene, by=person, reason=request.POST.get("reason", ""))
    return f"Sent back to {sent.labeler}."


@step(CURATE)
def reopen(request: HttpRequest, scene: Scene, person: User) -> str:
    opened = services.reopen(scene=scene, by=person, reason=request.POST.get("reason", ""))
    return f"Reopened. {opened.labeler} goes on with it."


@step(CURATE)
def plan(request: HttpRequest, scene: Scene, person: User) -> str:
    """Labeler, due date and priority from one form; what did not change leaves no trace."""
    name, day = request.POST.get("labeler", "").strip(), request.POST.get("due_on", "").strip()
    labeler = User.objects.filter(username=name).first()
    if name and labeler is None:
        raise RefusedError(f"There is no account {name[:150]}.")
    priority, due_on = request.POST.get("priority", ""), _day(day)
    if not priority.isascii() or not priority.isdigit():
        raise RefusedError("Choose a priority.")
    services.plan(scene=scene, by=person, labeler=labeler, due_on=due_on, priority=int(priority[:3]))
    return f"Assigned to {labeler}." if labeler and labeler.pk != scene.labeler_id else "The plan is changed."


def _day(text: str) -> Any:
    try:
        day = parse_date(text) if text else None
    except ValueError:
        day = None
    if text and day is None:
        raise RefusedError(f"{text[:20]} is no date. Write it as 2026-05-04.")
    return day


def _add_labels(request: HttpRequest, scene: Scene, person: User) -> str:
    """New labels of a scene in progress, from the chosen files."""
    form = request.POST
    ontology = services.ontology_named(form.get("ontology", ""))
    kind, files, left = form.get("kind", ""), None, ""
    if kind not in LabelKind.values:
        raise RefusedError("Choose what the label files are.")
    if kind != LabelKind.FIELD:
        path = received(request, request.upload_handlers[0])  # type: ignore[arg-type]
        matched = _matched(scene, path, kind)
        files, left = matched.files, _left(matched)
    label_set = services.add_label_set(
        scene=scene,
        ontology=ontology,
        kind=kind,
        files=files,
        by=person,
        note=form.get("note", "").strip()[:500],
        accept_unknown="accept_unknown" in form,
    )
    return f"Labels v{label_set.version} are in: {label_set.frame_count:,} of {scene.frame_count:,} frames.{left}"


def _matched(scene: Scene, path: Any, kind: str) -> services.MatchedFiles:
    """As services.match_files; the folder on the server means nothing to people."""
    try:
        return services.match_files(scene=scene, path=path, kind=kind)
    except CloudError as error:
        error.file = "" if error.file == str(path) else error.file
        raise


def _left(matched: services.MatchedFiles) -> str:
    said = ""
    for told, names in (
        ("files belong to no frame and were left out", matched.strangers),
        ("frames are not ready: their labels were left out", matched.left_out),
    ):
        if names:
            more = ", ..." if len(names) > NAMES_TOLD else ""
            said += f" {len(names)} {told}: {', '.join(names[:NAMES_TOLD])}{more}."
    return said


@csrf_exempt
@permission_required(LABEL, raise_exception=True)
@require_POST
def labels(request: HttpRequest, scene_id: int) -> HttpResponse:
    """The form's files are streamed to a folder, so it must be prepared before the token in the form is read."""
    scene = get_object_or_404(Scene, pk=scene_id)
    try:
        with receiving(request, scene):
            return _labels(request, scene_id)
    except TooLargeError as error:  # before the form was read, so that nobody knows which page it came from
        if not request.htmx:  # type: ignore[attr-defined]
            raise
        return render(request, "parts/_work_said.html", {"said": str(error), "failed": True}, status=413)


@csrf_protect
def _labels(request: HttpRequest, scene_id: int) -> HttpResponse:
    def work(request: HttpRequest, scene: Scene, person: User) -> str:
        check_may_label(scene=scene, by=person)
        return _add_labels(request, scene, person)

    return answered(work)(request, scene_id)


@permission_required(LABEL, raise_exception=True)
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    try:
        scene = services.take_next(by=cast(User, request.user))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("queue")
    messages.success(request, f"{scene.name} is yours. Upload its labels, then submit it for review.")
    return redirect(f"{reverse('queue')}#task-{scene.pk}")
