"""What the tests of the explorer share: scenes as rows, and reading the page."""

import re

from django.urls import reverse

from scenes.models import Drive, Scene

HTMX = {"HX-Request": "true"}
UNCERTAIN = {
    "max_frame_uncertainty": 0.8314,
    "mean_frame_uncertainty": 0.25,
    "uncertainty_source": "ensemble-v2",
    "uncertainty_measure": "predictive entropy",
    "uncertainty_evaluation": 7,
}


def a_scene(name: str, **facts) -> Scene:
    """A row that nobody ingested: enough for filters and columns."""
    tags = facts.pop("tags", ())
    drive = facts.pop("drive", None)
    if drive:
        facts["drive"], _ = Drive.objects.get_or_create(name=drive)
    scene = Scene.objects.create(name=name, **facts)
    scene.tags.add(*tags)
    return scene


def page(client, query="", **headers) -> str:
    response = client.get(reverse("explorer") + query, headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()


def names_in(html: str) -> list[str]:
    return re.findall(r'class="scene-link"[^>]*>([^<]+)</a>', html)
