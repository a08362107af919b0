"""Every route of the site decides who may use it; a new route without a decision fails here."""

from http.cookies import SimpleCookie

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.urls import resolve, reverse

from datasets.models import DatasetExport
from datasets.services.permissions import EXPORTED_DATA
from lamm.tests.evaluation_addresses import EVALUATION_DECISIONS
from lamm.tests.model_addresses import MODEL_DECISIONS, MODEL_WHO
from lamm.tests.route_addresses import ROUTES, a_walked_scene, address
from lamm.tests.run_addresses import RUN_DECISIONS
from scenes import services
from scenes.models import TokenScope, Upload
from scenes.roles import ROLES

# What a route needs beside its decision: an archive holds clouds and labels.
NEEDED_BESIDE = {"dataset-export-file": EXPORTED_DATA}
PUBLIC, MEMBERS = "anyone", "anyone who is logged in"
DECISIONS = {
    "login": PUBLIC,
    "logout": MEMBERS,
    "tokens": MEMBERS,
    "token-revoke": MEMBERS,
    "home": MEMBERS,
    "schema": MEMBERS,
    "api-docs": MEMBERS,
    "api-root": MEMBERS,
    "api-version": MEMBERS,
    "explorer": "scenes.view_scene",
    "explorer-map": "scenes.view_scene",
    "explorer-facets": "scenes.view_scene",
    "explorer-preferences": "scenes.view_scene",
    "scene": "scenes.view_scene",
    "scene-thumbnail": "scenes.view_scene",
    "scene-label-thumbnail": "scenes.view_scene",
    "scene-filmstrip": "scenes.view_scene",
    "frame-labels": "scenes.view_framelabels",
    "frame-label-file": "scenes.view_framelabels",
    "frame-files": "scenes.view_frame",
    "frame-cloud": "scenes.view_frame",
    "frame-display": "scenes.view_frame",
    "frame-points": "scenes.view_frame",
    **{f"frame-{part}": "scenes.view_frame" for part in ("octree", "nodes", "order", "kept", "field", "field-slice")},
    **{f"frame-{part}": "scenes.view_framelabels" for part in ("overlay", "overlay-slice")},
    "scene-playback": "scenes.view_scene",
    **{f"runs-compare{part}": "experiments.view_run" for part in ("", "-importance", "-bands")},
    "comment-list": {"GET": "scenes.view_comment", "POST": "scenes.add_comment"},
    "comment-detail": {"GET": "scenes.view_comment", "PATCH": "scenes.add_comment"},
    "comment-resolve": {"GET": "scenes.view_comment", "POST": "scenes.add_comment"},
    "comment-reopen": {"GET": "scenes.view_comment", "POST": "scenes.add_comment"},
    "comment-history": "scenes.view_comment",
    "drive-list": "scenes.view_drive",
    "drive-detail": "scenes.view_drive",
    "scene-list": "scenes.view_scene",
    "scene-detail": "scenes.view_scene",
    "frame-list": "scenes.view_frame",
    "frame-detail": "scenes.view_frame",
    "ontology-list": "scenes.view_ontology",
    "ontology-detail": "scenes.view_ontology",
    "labelset-list": "scenes.view_labelset",
    "labelset-detail": "scenes.view_labelset",
    "framelabels-list": "scenes.view_framelabels",
    "framelabels-detail": "scenes.view_framelabels",
    "ingestjob-list": "scenes.view_ingestjob",
    "ingestjob-detail": "scenes.view_ingestjob",
    "ingestjob-retry": "scenes.change_ingestjob",
    "ingestjob-cancel": "scenes.change_ingestjob",
    "scene-reingest": "scenes.change_ingestjob",
    "frame-replace": "scenes.change_ingestjob",
    "queue": "scenes.label_scene",
    "queue-next": "scenes.label_scene",
    "review": "scenes.review_scene",
    **{f"work-{step}": "scenes.label_scene" for step in ("take", "labels", "submit", "give-back")},
    **{f"work-{step}": "scenes.review_scene" for step in ("accept", "send-back")},
    **{f"work-{step}": "scenes.change_scene" for step in ("reopen", "plan")},
    **{f"scene-{step}": "scenes.label_scene" for step in ("take", "submit")},
    **{f"scene-{step}": "scenes.review_scene" for step in ("accept", "send-back")},
    **{f"scene-{step}": "scenes.change_scene" for step in ("assign", "reopen")},
    "assignment-list": "scenes.view_scene",
    **{f"bulkchange-{part}": "scenes.view_bulkchange" for part in ("list", "detail")},
    "bulkchange-undo": "scenes.change_scene",
    **{f"savedview-{part}": "scenes.view_scene" for part in ("list", "detail", "make-default")},
    **{f"saved-view-{part}": "scenes.view_scene" for part in ("save", "default", "edit", "change", "remove")},
    **{f"sceneexport-{part}": "scenes.view_scene" for part in ("list", "detail")},
    "scene-export-file": "scenes.view_scene",
    **{f"explorer-bulk-{part}": "scenes.view_scene" for part in ("matching", "ask", "export", "export-state")},
    **{f"explorer-bulk{part}": "scenes.change_scene" for part in ("", "-state", "-undo", "-mine")},
    "explorer-bulk-dataset": "datasets.change_datasetversion",
    "dataset-list": {"GET": "datasets.view_dataset", "POST": "datasets.change_datasetversion"},
    "dataset-detail": "datasets.view_dataset",
    **{
        f"datasetversion-{part}": "datasets.view_datasetversion"
        for part in ("list", "statistics", "certificate", "diff", "manifest", "frames")
    },
    "datasetversion-detail": {"GET": "datasets.view_datasetversion", "DELETE": "datasets.change_datasetversion"},
    **{
        f"datasetversion-{part}": "datasets.change_datasetversion"
        for part in ("add", "remove", "set-split", "plan", "draw", "new-version")
    },
    **{f"datasetversion-{part}": "datasets.freeze_datasetversion" for part in ("freeze", "deprecate")},
    "datasetversion-verify": "datasets.add_verification",
    **{f"item-{part}": "datasets.view_item" for part in ("list", "detail")},
    "slice-list": {"GET": "datasets.view_slice", "POST": "datasets.change_datasetversion"},
    "slice-detail": {"GET": "datasets.view_slice", "DELETE": "datasets.change_datasetversion"},
    **{f"verification-{part}": "datasets.view_verification" for part in ("list", "detail")},
    **dict.fromkeys(
        ("datasets", "dataset", "dataset-diff", "dataset-verification", "builder"), "datasets.view_datasetversion"
    ),
    **{f"builder-{part}": "datasets.view_datasetversion" for part in ("staged", "plan-form")},
    **{f"dataset-{step}": "datasets.change_datasetversion" for step in ("create", "new-version", "discard")},
    **{
        f"builder-{step}": "datasets.change_datasetversion"
        for step in ("plan", "add", "remove", "split", "draw", "notes", "slice", "slice-remove")
    },
    "dataset-deprecate": "datasets.freeze_datasetversion",
    **{f"builder-{step}": "datasets.freeze_datasetversion" for step in ("freeze", "freeze-now")},
    "dataset-verify": "datasets.add_verification",
    "datasetexport-detail": "datasets.view_datasetexport",
    "datasetexport-list": {"GET": "datasets.view_datasetexport", "POST": "datasets.add_datasetexport"},
    "dataset-import-labels": "scenes.change_labelset",
    "datasetexport-cancel": "datasets.add_datasetexport",
    **{f"dataset-export{part}": "datasets.add_datasetexport" for part in ("", "-cancel", "-file")},
    "upload": "scenes.add_upload",
    "upload-list": "scenes.add_upload",
    "upload-detail": "scenes.add_upload",
    "upload-commit": "scenes.add_upload",
    "upload-ingest": "scenes.add_upload",
    "uploadedfile-list": "scenes.add_upload",
    "uploadedfile-detail": "scenes.add_upload",
    "uploadedfile-content": "scenes.add_upload",
    "audit": "scenes.view_audit",
    "audit-csv": "scenes.view_audit",
    "jobs": "scenes.view_ingestjob",
    "job-retry": "scenes.change_ingestjob",
    "job-cancel": "scenes.change_ingestjob",
    **RUN_DECISIONS,
    **EVALUATION_DECISIONS,
    **MODEL_DECISIONS,
}


ALL = "viewer labeler curator engineer trainer operator approver"
STAFF = "viewer labeler curator engineer operator approver"
# The written matrix: which roles hold a permission that DECISIONS or an admin list asks for. Not derived from
# scenes/roles.py, so that a change there is a decision here, too.
WHO = {
    **MODEL_WHO,
    "uncertainty.view_evaluation": ALL,
    "uncertainty.add_evaluation": "engineer trainer",
    "experiments.view_experiment": ALL,
    "experiments.view_run": ALL,
    "experiments.add_experiment": "engineer trainer",
    "experiments.add_run": "engineer trainer",
    "scenes.view_comment": ALL,
    "scenes.add_comment": "labeler curator engineer trainer operator approver",
    "scenes.view_scene": ALL,
    "scenes.view_frame": ALL,
    "scenes.view_drive": ALL,
    "scenes.view_tag": ALL,
    "scenes.view_ontology": ALL,
    "scenes.view_labelset": ALL,
    "scenes.view_framelabels": ALL,
    "scenes.view_ingestjob": STAFF,
    "scenes.view_statuschange": STAFF,
    "scenes.view_bulkchange": "curator operator",
    "scenes.view_audit": "curator operator",
    "scenes.label_scene": "labeler",
    "scenes.review_scene": "curator",
    "scenes.change_scene": "curator",
    "scenes.add_upload": "curator engineer",
    "scenes.change_ingestjob": "curator operator",
    "scenes.view_storedfile": "operator",
    "scenes.view_apitoken": "operator",
    "scenes.add_drive": "curator",
    "scenes.add_tag": "curator",
    "scenes.add_ontology": "curator",
    "scenes.view_savedview": "",
    **dict.fromkeys(("experiments.view_artifact", "experiments.view_predictionset"), ""),
    **dict.fromkeys(("experiments.view_frameprediction", "experiments.view_runevaluation"), ""),
    "scenes.view_sceneexport": "",
    **{
        f"datasets.view_{model}": ALL
        for model in ("dataset", "datasetversion", "item", "slice", "acknowledgement", "verification", "datasetexport")
    },
    "scenes.change_labelset": "curator",
    "datasets.add_datasetexport": "curator engineer trainer operator",
    **{f"datasets.{name}_datasetversion": "curator engineer" for name in ("change", "freeze")},
    "datasets.add_verification": "curator engineer operator",
    "auth.view_user": "",
    "auth.view_group": "",
}
ADMIN_ROLES = "curator operator"
MEMBER, ADMINISTRATOR, STRANGER, DISABLED = "member of no role", "administrator", "stranger", "disabled curator"


def decision_of(name: str, method: str) -> str:
    """Who may use a route: one permission, or one for each method where they differ."""
    decision = DECISIONS[name]
    return decision if isinstance(decision, str) else decision[method]


def may(visitor: str, decision: str) -> bool:
    if decision == PUBLIC or visitor == ADMINISTRATOR:
        return True
    if visitor in (STRANGER, DISABLED):
        return False
    return decision == MEMBERS or visitor in WHO[decision].split()


class Visitor:
    """Somebody in a role with a browser and a token that may write; every request is undone after its answer."""

    def __init__(self, role: str) -> None:
        self.role, self.person, self.token = role, None, ""
        self.client = Client(raise_request_exception=False)
        if role == STRANGER:
            return
        group = {DISABLED: "curator"}.get(role, role)
        self.person = User.objects.create_user(role, is_superuser=role == ADMINISTRATOR)
        self.person.groups.set(Group.objects.filter(name=group))
        _, self.token = services.make_token(by=self.person, name="walk", days=7, scope=TokenScope.WRITE)
        self.client.force_login(self.person)
        if role == DISABLED:
            User.objects.filter(pk=self.person.pk).update(is_active=False)
        self.cookies = self.client.cookies.output(header="", sep=";")

    def status(self, method: str, path: str, *, by_token: bool = False) -> int:
        """The answer's status; 401 also where a page sends the visitor to log in."""
        client = Client(raise_request_exception=False)
        headers = {"Authorization": f"Bearer {self.token}"} if by_token and self.token else {}
        if not by_token:
            client.cookies = SimpleCookie(self.client.cookies.output(header="", sep=";"))
        with transaction.atomic():
            answer = client.generic(method, path, headers=headers)
            transaction.set_rollback(True)
        sent_away = answer.status_code == 302 and answer.headers["Location"].startswith(("/login/?", "/admin/login/?"))
        return 401 if sent_away else answer.status_code


@pytest.fixture
def scene(db):
    return a_walked_scene()


@pytest.fixture(params=[*ROLES, MEMBER, ADMINISTRATOR, STRANGER, DISABLED])
def visitor(request, scene):
    visitor = Visitor(request.param)
    if visitor.person:
        hand_over(visitor.person)
    return visitor


def hand_over(person: User) -> None:
    """What only its owner may touch is theirs."""
    Upload.objects.update(owner=person)
    DatasetExport.objects.update(owner=person)


DECIDED = [(name, pattern) for name, pattern in ROUTES if name in DECISIONS]


def methods_of(path: str) -> list[str]:
    actions = getattr(resolve(path.partition("?")[0]).func, "actions", None)
    if actions is not None:
        return [method.upper() for method in actions if method != "head"]
    return ["GET"] if path.startswith(("/api/", "/files/")) else ["GET", "POST"]


def test_every_route_has_a_decision_and_every_decision_a_route():
    assert {name for name, _ in ROUTES} == set(DECISIONS)


def test_every_role_of_the_site_is_in_the_matrix():
    assert set(ALL.split()) == set(ROLES)


def wrong(visitor: Visitor, name: str, method: str, status: int) -> bool:
    """Whether the answer is not what the matrix says. 405: the view has no such method, whoever asks."""
    if status == 405:
        return False
    if not may(visitor.role, decision_of(name, method)):
        return status not in (401, 403)
    return status not in (200, 302) if method == "GET" else status in (401, 403) or status >= 500


def test_every_role_at_every_route(visitor, scene):
    found = []
    for name, pattern in DECIDED:
        path = address(pattern, scene, visitor.person)
        for method in methods_of(path):
            status = visitor.status(method, path)
            if wrong(visitor, name, method, status):
                found.append(f"{method} {path} ({name}) answers {status}")
    assert found == []


@pytest.mark.parametrize("visitor", ["engineer", "labeler", STRANGER, DISABLED], indirect=True)
def test_a_token_opens_what_its_owners_browser_opens(visitor, scene):
    found = []
    for name, pattern in DECIDED:
        path = address(pattern, scene, visitor.person)
        if path.startswith(("/api/", "/files/")):
            status = visitor.status("GET", path, by_token=True)
            if wrong(visitor, name, "GET", status):
                found.append(f"GET {path} ({name}) answers {status}")
    assert found == []


def test_every_role_at_every_list_of_the_admin(visitor):
    found = []
    enters = visitor.role in [*ADMIN_ROLES.split(), ADMINISTRATOR]
    places = [(reverse("admin:index"), enters), (reverse("admin:search"), enters)]
    for model in admin.site._registry:
        app, name = model._meta.app_label, model._meta.model_name
        seen = enters and may(visitor.role, f"{app}.view_{name}")
        places.append((reverse(f"admin:{app}_{name}_changelist"), seen))
        if not enters or visitor.role not in WHO.get(f"{app}.add_{name}", ADMINISTRATOR):
            places.append((reverse(f"admin:{app}_{name}_add"), False if visitor.role != ADMINISTRATOR else None))
    for path, allowed in places:
        status = visitor.status("GET", path)
        if (allowed is not None and (status == 200) != allowed) or status >= 500:
            found.append(f"{path} answers {status}")
    assert found == []


def permission_named(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def test_one_permission_is_enough_for_its_route_and_needed(scene):
    """A person in no role who is given just what DECISIONS names is let in, and nobody without it."""
    found = []
    person = Visitor(MEMBER)
    hand_over(person.person)
    for name, pattern in DECIDED:
        decision = decision_of(name, "GET")
        if "." not in decision:
            continue
        path = address(pattern, scene, person.person)
        others = [permission_named(one) for one in NEEDED_BESIDE.get(name, ())]
        person.person.user_permissions.set(others)
        without = person.status("GET", path)
        person.person.user_permissions.set([permission_named(decision), *others])
        with_it = person.status("GET", path)
        person.person.user_permissions.clear()
        if without not in (401, 403, 405) or with_it not in (200, 405):
            found.append(f"GET {path} ({name}) answers {without} without {decision} and {with_it} with it")
    assert found == []
