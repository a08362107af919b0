"""The roles: which group may do what. `docs/curate.md` shows the same as a table.

A role is a group that `sync_roles` writes; whatever is changed in these groups by hand is undone by the next sync.
Nobody has a permission that no role of theirs names: the default is to deny. Who manages people is a superuser.
"""

from collections.abc import Mapping
from typing import Any

VIEWER, LABELER, CURATOR = "viewer", "labeler", "curator"
ENGINEER, TRAINER, OPERATOR, APPROVER = "engineer", "trainer", "operator", "approver"

# What a training script reads: the recorded data and their ground truth.
TRAINING_DATA = frozenset(
    f"scenes.view_{model}"
    for model in ("drive", "scene", "frame", "tag", "ontology", "semanticclass", "labelset", "framelabels", "comment")
)
DATASETS = frozenset(
    f"datasets.view_{model}"
    for model in ("dataset", "datasetversion", "item", "slice", "acknowledgement", "verification", "datasetexport")
)
BUILDING = frozenset(
    f"datasets.{name}"
    for name in ("change_dataset", "change_datasetversion", "freeze_datasetversion", "add_verification")
)
# Who may take datasets out, as archives or to a place that operators set up.
EXPORTING = frozenset({"datasets.add_datasetexport"})
RUNS = frozenset({"experiments.view_experiment", "experiments.view_run"})
# Own experiments and runs; whose runs change_run opens are everybody's.
LOGGING = RUNS | {"experiments.add_experiment", "experiments.add_run"}
REGISTRY = frozenset(
    f"registry.view_{model}" for model in ("registeredmodel", "modelversion", "promotionrequest", "gate")
)
UNCERTAINTY = frozenset({"uncertainty.view_evaluation"})
# Own evaluations; whose evaluations change_evaluation opens are everybody's.
EVALUATING = UNCERTAINTY | {"uncertainty.add_evaluation"}
WEBHOOKS = frozenset({"registry.view_webhook", "registry.change_webhook"})
LOOKING = (
    TRAINING_DATA | DATASETS | RUNS | REGISTRY | UNCERTAINTY | {"scenes.view_ingestjob", "scenes.view_statuschange"}
)


def everything(*models: str) -> frozenset[str]:
    """View, add, change and delete."""
    return frozenset(f"scenes.{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in models)


ROLES: Mapping[str, frozenset[str]] = {
    VIEWER: LOOKING,
    LABELER: LOOKING | {"scenes.label_scene", "scenes.add_comment"},
    CURATOR: LOOKING
    | BUILDING
    | EXPORTING
    | everything("drive", "tag", "ontology", "semanticclass")
    | {
        "scenes.change_scene",
        "scenes.change_labelset",
        "scenes.review_scene",
        "scenes.add_upload",
        "scenes.change_ingestjob",
        "scenes.enter_admin",
        "scenes.view_audit",
        "scenes.view_bulkchange",
        "scenes.add_comment",
    },
    ENGINEER: LOOKING
    | LOGGING
    | EVALUATING
    | {"uncertainty.change_evaluation"}
    | BUILDING
    | EXPORTING
    | {"scenes.add_upload", "scenes.add_comment", "experiments.change_experiment", "experiments.change_run"}
    | {"registry.add_modelversion", "registry.change_modelversion", "registry.change_promotionrequest"},
    # Decides over promotions that others asked for, and what they have to show.
    APPROVER: LOOKING
    | WEBHOOKS
    | {"scenes.add_comment"}
    | {"registry.approve_promotion", "registry.change_promotionrequest", "registry.change_gate"},
    TRAINER: TRAINING_DATA | DATASETS | EXPORTING | REGISTRY | LOGGING | EVALUATING | {"scenes.add_comment"},
    OPERATOR: LOOKING
    | WEBHOOKS
    | EXPORTING
    | {
        "datasets.add_verification",
        "scenes.change_ingestjob",
        "scenes.view_storedfile",
        "scenes.view_apitoken",
        "scenes.delete_apitoken",
        "scenes.enter_admin",
        "scenes.view_audit",
        "scenes.view_bulkchange",
        "scenes.add_comment",
    },
}


def write_roles(roles: Mapping[str, frozenset[str]], *, groups: Any, permissions: Any, content_types: Any) -> None:
    """Make each group have exactly the permissions of its role; changes nothing that is right already.

    Takes the three model classes, so that migrations can pass the historical ones. Permissions that are not there
    yet are made: Django makes them only after all migrations.
    """
    for role, names in roles.items():
        group, _ = groups.objects.get_or_create(name=role)
        wanted = {_permission(name, permissions, content_types) for name in names}
        if set(group.permissions.values_list("pk", flat=True)) != wanted:
            group.permissions.set(wanted)


def _permission(name: str, permissions: Any, content_types: Any) -> int:
    app, codename = name.split(".")
    found = permissions.objects.filter(content_type__app_label=app, codename=codename).values_list("pk", flat=True)
    if found:
        return found[0]
    kind, _ = content_types.objects.get_or_create(app_label=app, model=MODELS.get(codename) or codename.split("_")[1])
    words = f"Can {codename.replace('_', ' ')}"
    return permissions.objects.create(content_type=kind, codename=codename, name=words).pk


# Permissions whose codename does not end with the model they belong to.
MODELS = {"enter_admin": "siteaccess", "view_audit": "siteaccess", "approve_promotion": "promotionrequest"}
