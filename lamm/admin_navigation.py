"""The sidebar of the admin: what a curator needs first comes first; what a person may not see is not there."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

# Group, then entries: words, icon of Material Symbols, route, permission.
GROUPS: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    (
        "Curation",
        [
            ("Scenes", "radar", "admin:scenes_scene_changelist", "scenes.view_scene"),
            ("Datasets", "dataset", "admin:datasets_dataset_changelist", "datasets.view_dataset"),
            ("Versions", "inventory_2", "admin:datasets_datasetversion_changelist", "datasets.view_datasetversion"),
            ("Drives", "directions_car", "admin:scenes_drive_changelist", "scenes.view_drive"),
            ("Tags", "sell", "admin:scenes_tag_changelist", "scenes.view_tag"),
            ("Label sets", "layers", "admin:scenes_labelset_changelist", "scenes.view_labelset"),
            ("Ontologies", "palette", "admin:scenes_ontology_changelist", "scenes.view_ontology"),
        ],
    ),
    (
        "Data",
        [
            ("Jobs", "sync", "admin:scenes_ingestjob_changelist", "scenes.view_ingestjob"),
            ("Frames", "view_in_ar", "admin:scenes_frame_changelist", "scenes.view_frame"),
            ("Files", "folder", "admin:scenes_storedfile_changelist", "scenes.view_storedfile"),
            ("Uploads", "upload", "upload", "scenes.add_upload"),
        ],
    ),
    (
        "Training",
        [
            ("Experiments", "science", "admin:experiments_experiment_changelist", "experiments.view_experiment"),
            ("Runs", "model_training", "admin:experiments_run_changelist", "experiments.view_run"),
            (
                "Uncertainty",
                "monitoring",
                "admin:uncertainty_evaluation_changelist",
                "uncertainty.view_evaluation",
            ),
        ],
    ),
    (
        "Models",
        [
            ("Models", "deployed_code", "admin:registry_registeredmodel_changelist", "registry.view_registeredmodel"),
            ("Versions", "package_2", "admin:registry_modelversion_changelist", "registry.view_modelversion"),
            (
                "Promotions",
                "how_to_vote",
                "admin:registry_promotionrequest_changelist",
                "registry.view_promotionrequest",
            ),
            ("Gates", "rule", "admin:registry_gate_changelist", "registry.view_gate"),
            ("Webhooks", "webhook", "admin:registry_webhook_changelist", "registry.view_webhook"),
        ],
    ),
    (
        "Record",
        [
            ("Bulk changes", "checklist", "admin:scenes_bulkchange_changelist", "scenes.view_bulkchange"),
            ("Saved views", "bookmarks", "admin:scenes_savedview_changelist", "scenes.view_savedview"),
            ("Exports", "download", "admin:scenes_sceneexport_changelist", "scenes.view_sceneexport"),
            ("Comments", "forum", "admin:scenes_comment_changelist", "scenes.view_comment"),
            ("Audit", "history", "audit", "scenes.view_audit"),
        ],
    ),
    (
        "People",
        [
            ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            ("Roles", "groups", "admin:auth_group_changelist", "auth.view_group"),
            ("API tokens", "key", "admin:scenes_apitoken_changelist", "scenes.view_apitoken"),
        ],
    ),
    (
        "Site",
        [
            ("Explorer", "travel_explore", "explorer", "scenes.view_scene"),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """In the form that the admin's theme asks for; groups without an entry for this person are left out."""
    may: Callable[[str], bool] = request.user.has_perm
    shown = [(title, [entry for entry in entries if may(entry[3])]) for title, entries in GROUPS]
    return [
        {
            "title": title,
            "separator": place > 0,
            "items": [{"title": words, "icon": icon, "link": reverse_lazy(route)} for words, icon, route, _ in entries],
        }
        for place, (title, entries) in enumerate(shown)
        if entries
    ]
