"""Addresses of a run's page for the walk over all routes, and who may use them."""

from experiments.models import Artifact, Run
from scenes import storage
from scenes.models import StoredFile

PAGE = "runs/<int:run_id>/"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
RUN_PAGE_DECISIONS = {
    **dict.fromkeys(("run", "run-page-live", "run-configuration-file", "run-patch"), "experiments.view_run"),
    **dict.fromkeys(("run-report", "run-picture", "run-evaluation-live"), "experiments.view_run"),
    **dict.fromkeys(("run-page-archive", "run-page-restore", "run-page-kill", "run-evaluate"), "experiments.add_run"),
}


def run_page_address(pattern: str, run: Run) -> str:
    """The address for a pattern of the page of the walked run; nothing for others."""
    if pattern.startswith("files/runs/"):
        artifact = a_picture(run)
        numbers = {"run_id": run.pk, "artifact_id": artifact.pk}
        for name, number in numbers.items():
            pattern = pattern.replace(f"<int:{name}>", str(number))
        return "/" + pattern.replace("<str:digest>", artifact.file.digest)
    if not pattern.startswith(PAGE):
        return ""
    return "/" + pattern.replace("<int:run_id>", str(run.pk)).replace("<str:form>", "json")


def a_picture(run: Run) -> Artifact:
    """An artifact that is a picture by its first bytes."""
    kept = StoredFile.objects.row_for(storage.save_bytes(PNG, storage=storage.ORIGINALS))
    return Artifact.objects.get_or_create(run=run, path="plot.png", defaults={"file": kept})[0]
