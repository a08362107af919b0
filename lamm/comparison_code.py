"""The code of two runs side by side: their commits and the difference of the patches that they recorded."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.models import Run, RunEnvironment

MOST_LINES = 5000
MOST_SHOWN = 2000
CONTEXT = 3


@dataclass(frozen=True)
class PatchLine:
    """A line of the difference: "added" is in the second patch only, "removed" in the first, "place" names a place."""

    kind: str
    text: str


@dataclass(frozen=True)
class CodeDiff:
    """The code of two runs: what can be said of it in words, and the lines that differ."""

    left: Run
    right: Run
    words: str
    lines: list[PatchLine]
    left_lines: int
    right_lines: int
    cut: bool = False

    @property
    def same_commit(self) -> bool:
        return bool(self.left.commit) and self.left.commit == self.right.commit


def code_diff(left: Run, right: Run) -> CodeDiff:
    """The difference of two runs' patches; one query. Patches are compared up to 5000 lines each."""
    found = {row.run_id: row for row in RunEnvironment.objects.filter(run__in=[left.pk, right.pk])}
    patches = [found[run.pk].diff.splitlines() if run.pk in found else [] for run in (left, right)]
    lines = patch_lines(patches[0][:MOST_LINES], patches[1][:MOST_LINES])
    cut_before = any(row.diff_cut for row in found.values())
    cut = cut_before or len(lines) > MOST_SHOWN or any(len(patch) > MOST_LINES for patch in patches)
    return CodeDiff(
        left, right, _words(left, right, *patches), lines[:MOST_SHOWN], len(patches[0]), len(patches[1]), cut
    )


def patch_lines(left: Sequence[str], right: Sequence[str]) -> list[PatchLine]:
    """What the second patch has otherwise than the first, with three lines around each change."""
    kinds = {"+": "added", "-": "removed", "@": "place", " ": "same"}
    found = difflib.unified_diff(left, right, lineterm="", n=CONTEXT)
    # The first two lines name files; here they would both be "the patch".
    return [
        PatchLine(kinds[line[:1] or " "], line if line.startswith("@@") else line[1:])
        for place, line in enumerate(found)
        if place > 1
    ]


def _words(left: Run, right: Run, first: list[str], second: list[str]) -> str:
    if not left.commit or not right.commit:
        which = " and ".join(str(run) for run in (left, right) if not run.commit)
        return f"{which} told no commit: nothing is sure of the code."
    if left.commit != right.commit:
        return "The commits differ: the patches below are only what came on top of each of them."
    if first == second:
        return "The same code: one commit, " + ("the same uncommitted changes." if first else "nothing uncommitted.")
    return "One commit with different uncommitted changes."
