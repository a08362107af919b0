"""Who may do what with datasets; every service asks here first."""

from django.contrib.auth.models import User

from datasets.models import DatasetVersion
from scenes.errors import NotAllowedError

BUILD, FREEZE = "datasets.change_datasetversion", "datasets.freeze_datasetversion"
EXPORT = "datasets.add_datasetexport"
# What goes out with a dataset.
EXPORTED_DATA = ("datasets.view_datasetversion", "scenes.view_frame", "scenes.view_framelabels")
WORDS = {
    BUILD: "Your account may not build datasets. Ask a curator or an engineer.",
    FREEZE: "Your account may not freeze or deprecate datasets. Ask a curator or an engineer.",
}


def check(by: User | None, permission: str) -> None:
    """Raises NotAllowedError; nobody (`None`) is the machine itself, which may."""
    if by is not None and not by.has_perm(permission):
        raise NotAllowedError(WORDS[permission])


def locked_draft(version: DatasetVersion, by: User | None) -> DatasetVersion:
    """The version as it is now, its row locked against other changes of the plan. Raises unless it is a draft."""
    check(by, BUILD)
    found = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).select_related("dataset")
    locked = found.get(pk=version.pk)
    locked.refuse_unless_draft()
    return locked
