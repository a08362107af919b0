"""Serving chosen files of node_modules as static files.

A whitelist, not whole packages: they hold sources, tests and formats that nobody asked for, and every file
found here is published.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.utils import matches_patterns
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage

REMEDY = "Run `make install`: it installs what package-lock.json names."
FONTS = {
    f"vendor/fonts/{family}-{alphabet}.woff2": (
        f"@fontsource-variable/{family}/files/{family}-{alphabet}-wght-normal.woff2"
    )
    for family in ("inter", "jetbrains-mono")
    for alphabet in ("latin", "latin-ext")
}
TOPOJSON = {
    f"vendor/topojson-client/{name}.js": f"topojson-client/src/{name}.js"
    for name in ("feature", "reverse", "transform", "identity")
}
# Static path -> path below node_modules.
PUBLISHED: dict[str, str] = {
    "vendor/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "vendor/three/three.module.js": "three/build/three.module.js",
    "vendor/three/three.core.js": "three/build/three.core.js",
    "vendor/three/addons/controls/OrbitControls.js": "three/examples/jsm/controls/OrbitControls.js",
    "vendor/uplot/uPlot.esm.js": "uplot/dist/uPlot.esm.js",
    "vendor/uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
    "vendor/echarts/echarts.js": "echarts/dist/echarts.esm.min.js",
    "vendor/leaflet/leaflet.js": "leaflet/dist/leaflet-src.esm.js",
    "vendor/leaflet/leaflet.css": "leaflet/dist/leaflet.css",
    "vendor/world/land.json": "world-atlas/land-50m.json",
    **TOPOJSON,
    **FONTS,
}
# The bare names that modules import by, each with the static path behind it.
BARE_NAMES = {
    "three": "vendor/three/three.module.js",
    "uplot": "vendor/uplot/uPlot.esm.js",
    "echarts": "vendor/echarts/echarts.js",
    "leaflet": "vendor/leaflet/leaflet.js",
    "topojson-client/feature": "vendor/topojson-client/feature.js",
}


def node_modules() -> Path:
    """The folder npm installs into."""
    return Path(settings.BASE_DIR) / "node_modules"


class PublishedStorage(FileSystemStorage):
    """node_modules as a read-only storage whose names are the published paths."""

    def path(self, name: str) -> str:
        return str(node_modules() / PUBLISHED[name])

    def exists(self, name: str) -> bool:
        return name in PUBLISHED and Path(self.path(name)).is_file()


class NodeModulesFinder(BaseFinder):
    """Finds exactly the files of `PUBLISHED`."""

    def __init__(self, app_names: Sequence[str] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.storage = PublishedStorage(location=node_modules())

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file's absolute path, or an empty list; as a list if `find_all` (`all` for older callers)."""
        find_all = find_all or bool(kwargs.get("all"))
        if not self.storage.exists(path):
            return []
        found = self.storage.path(path)
        return [found] if find_all else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """Every published file with the storage it comes from, as collectstatic wants it."""
        for name in PUBLISHED:
            if not matches_patterns(name, ignore_patterns or []):
                yield name, self.storage

    def check(self, **kwargs: Any) -> builtins.list[CheckMessage]:
        """An error for each published file that npm has not installed."""
        return [
            Error(f"{node_modules() / source} is missing.", hint=REMEDY, id="lamm.E001")
            for name, source in PUBLISHED.items()
            if not self.storage.exists(name)
        ]
