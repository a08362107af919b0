"""A page that holds nothing but the 3D viewer, fed by the test: no site, no session, every request counted."""

from __future__ import annotations

import base64
import json
import mimetypes
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from playwright.sync_api import Page, Route, ViewportSize

from lamm.static_files import BARE_NAMES, PUBLISHED, node_modules

# Small, because software draws it.
SIZE: ViewportSize = {"width": 800, "height": 500}
ORIGIN = "http://viewer.test"
NAMES = json.dumps({"imports": {name: f"/static/{path}" for name, path in BARE_NAMES.items()}})
PAGE = f"""<!doctype html><html data-theme="dark"><head><meta charset="utf-8"><title>Viewer</title>
<link rel="icon" href="data:,">
<style>html, body {{ margin: 0; height: 100% }} #host {{ width: 100%; height: 100% }}</style>
<script type="importmap">{NAMES}</script></head><body><div id="host"></div><script type="module">
import * as chunk from "/static/js/viewer/chunk.js";
import * as octree from "/static/js/viewer/octree.js";
import * as colours from "/static/js/viewer/colours.js";
import {{ PointCloudViewer }} from "/static/js/viewer/viewer.js";
const bytes = async (name) => (await fetch(`/data/${{name}}`)).arrayBuffer();
function renew() {{
  window.viewer?.dispose();
  const told = {{ picks: [], cameras: [], statistics: [], problems: [], distances: [] }};
  const viewer = new PointCloudViewer(document.getElementById("host"), {{
    onPick: (picked) => told.picks.push(picked),
    onCamera: (camera) => told.cameras.push(camera),
    onStatistics: (statistics) => told.statistics.push(statistics),
    onProblem: (problem) => told.problems.push(problem.message),
    onMeasure: (measured) => told.distances.push(measured),
  }});
  document.documentElement.dataset.theme = "dark";
  Object.assign(window, {{ viewer, told, ready: true }});
}}
async function pixels() {{
  const picture = await createImageBitmap(await viewer.screenshot());
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const {{ data, width, height }} = context.getImageData(0, 0, picture.width, picture.height);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return {{ width, height, data: btoa(text) }};
}}
Object.assign(window, {{ chunk, octree, colours, bytes, pixels, renew }});
renew();
</script></body></html>"""


class ViewerPage:
    """The viewer in a browser page.

    Attributes:
        page: Playwright's page.
        files: what `bytes(name)` of the page fetches.
        requests: the names that were fetched, in order; of files only.
        faults: what scripts threw or complained of.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.route(f"{ORIGIN}/**", self._answer)

    def open(self) -> ViewerPage:
        """Loads the page and waits until the viewer stands."""
        self.page.goto(f"{ORIGIN}/")
        self.page.wait_for_function("window.ready === true")
        return self

    def renew(self) -> None:
        """Puts a new viewer in the place of the old one, at the ordinary size."""
        self.page.set_viewport_size(SIZE)
        self.requests.clear()
        self.faults.clear()
        self.page.evaluate("renew()")

    def run(self, script: str, argument: Any = None) -> Any:
        """What `script`, the body of an async function of `given`, returns."""
        return self.page.evaluate(f"async (given) => {{ {script} }}", argument)

    def show(self, chunk: bytes, kept: npt.NDArray[np.int64] | None = None) -> None:
        """Shows a display chunk, and waits for the refined picture."""
        self.files["chunk"] = chunk
        self.files["kept"] = b"" if kept is None else kept.astype("<u4").tobytes()
        self.run(
            "viewer.setGeometry({ kind: 'chunk', chunk: chunk.parseChunk(await bytes('chunk')), "
            "leftOut: given ? new Uint32Array(await bytes('kept')) : null }); await viewer.whenSettled()",
            kept is not None,
        )

    def set_values(self, name: str, values: npt.NDArray[Any], *, kind: str, low: float = 0, high: float = 1) -> None:
        """Gives the viewer an attribute, uint8 or uint16 in display order."""
        self.files[name] = values.tobytes()
        array = "Uint8Array" if values.itemsize == 1 else "Uint16Array"
        self.run(
            f"viewer.setAttribute(given.name, {{ ...given, values: new {array}(await bytes(given.name)) }})",
            {"name": name, "kind": kind, "low": low, "high": high},
        )

    def picture(self) -> npt.NDArray[np.uint8]:
        """The settled picture, shape (height, width, 3)."""
        answer = self.run("return pixels()")
        flat = np.frombuffer(base64.b64decode(answer["data"]), np.uint8)
        return flat.reshape(answer["height"], answer["width"], 4)[:, :, :3]

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
        if path == "/":
            return route.fulfill(body=PAGE, content_type="text/html")
        if path.startswith("/data/"):
            name = path.removeprefix("/data/")
            self.requests.append(name)
            return route.fulfill(body=self.files[name], content_type="application/octet-stream")
        file = static_file(path.removeprefix("/static/"))
        return route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])


def static_file(name: str) -> Path:
    """A file of the site's own, or of a library's, by its static path."""
    if name in PUBLISHED:
        return node_modules() / PUBLISHED[name]
    return Path(settings.BASE_DIR) / "static" / name
