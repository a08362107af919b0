"""What a run was told and where it ran: parameters beside another run's, the patch by lines, documents to copy."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from experiments.models import ParameterKind, Run, RunEnvironment
from experiments.selectors import parameters_of

MOST_PATCH_LINES, MOST_LINE = 3000, 500
# A longer configuration is downloaded and not copied: a page carries it twice.
MOST_COPIED = 200_000
MOST_PACKAGES = 2000
MARKS = {"+": "added", "-": "removed", "@": "hunk"}
# Lines in front of the changes of a file, by how they begin.
HEADINGS = ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "similarity ", "rename ", "old mode",
            "new mode", "Binary ")  # fmt: skip


@dataclass(frozen=True)
class ParameterLine:
    """A parameter, and what another run has instead. `state`: same, changed, added or removed."""

    key: str
    kind: str
    text: str
    other: str
    state: str


def parameter_lines(run: Run, other: Run | None) -> list[ParameterLine]:
    """Every parameter of a run and, beside another one, those that only that one has; one query."""
    found = parameters_of([run] if other is None else [run, other])
    mine, theirs = found[run.pk], found[other.pk] if other else {}
    lines = []
    for key in sorted({*mine, *theirs}):
        row, old = mine.get(key), theirs.get(key)
        one = row or old
        if one is None:
            continue
        state = "same"
        if other is not None:
            state = "added" if old is None else "removed" if row is None else _compared(row.text, old.text)
        kind = ParameterKind(one.kind).label
        lines.append(ParameterLine(key, kind, row.text if row else "", old.text if old else "", state))
    return lines


def _compared(text: str, other: str) -> str:
    return "same" if text == other else "changed"


def state_counts(lines: Sequence[Any]) -> dict[str, int]:
    """How many lines there are of each state but "same"."""
    return {state: sum(line.state == state for line in lines) for state in ("changed", "added", "removed")}


@dataclass(frozen=True)
class PatchLine:
    """A line of a patch: its kind (heading, file, hunk, added, removed, context) and its numbers before and after."""

    kind: str
    text: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Patch:
    """A patch as far as a page shows it: at most 3000 lines of at most 500 characters."""

    lines: list[PatchLine]
    files: int
    added: int
    removed: int
    hidden: int


def patch_of(text: str) -> Patch:
    """A unified diff by lines. Whatever else the text is, its lines stay lines of text."""
    rows = text.splitlines()
    files = sum(row.startswith("diff ") for row in rows)
    added = sum(row.startswith("+") and not row.startswith("+++ ") for row in rows)
    removed = sum(row.startswith("-") and not row.startswith("--- ") for row in rows)
    lines: list[PatchLine] = []
    before = after = 0
    inside = False
    for row in rows[:MOST_PATCH_LINES]:
        kind = _kind(row, inside)
        inside = kind not in ("file", "heading") and (inside or kind == "hunk")
        if kind == "hunk":
            before, after = _begins(row)
        numbered = kind in ("added", "removed", "context") and inside
        at_before = before if numbered and kind != "added" else None
        at_after = after if numbered and kind != "removed" else None
        before, after = before + (at_before is not None), after + (at_after is not None)
        lines.append(PatchLine(kind, row[:MOST_LINE], at_before, at_after))
    return Patch(lines, files, added, removed, max(0, len(rows) - MOST_PATCH_LINES))


def _kind(row: str, inside: bool) -> str:
    if row.startswith("diff "):
        return "file"
    if not inside and row.startswith(HEADINGS):
        return "heading"
    if row.startswith("@") and not row.startswith("@@"):
        return "context"
    return MARKS.get(row[:1], "context")


def _begins(row: str) -> tuple[int, int]:
    """The first line numbers of "@@ -12,7 +12,9 @@"; zeros where it says something else."""
    numbers = []
    for part in row.split()[1:3]:
        digits = part[1:].partition(",")[0]
        numbers.append(int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0)
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


@dataclass(frozen=True)
class PackageLine:
    """A package with its version here and, beside another run, there."""

    name: str
    version: str
    other: str
    state: str


def package_lines(mine: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> list[PackageLine]:
    names = sorted({*mine, *(theirs or {})}, key=str.lower)[:MOST_PACKAGES]
    lines = []
    for name in names:
        version, other = str(mine.get(name, "")), str((theirs or {}).get(name, ""))
        state = "same"
        if theirs is not None and version != other:
            state = "added" if not other else "removed" if not version else "changed"
        lines.append(PackageLine(name, version, other, state))
    return lines


FACTS = ("repository", "commit", "command", "host", "seed", "architecture")


@dataclass(frozen=True)
class FactLine:
    """A fact of where a run ran, and what another run has instead, where that is another."""

    name: str
    value: str
    other: str


def environment_lines(run: Run, other: Run | None) -> list[FactLine]:
    """What is known of code and machine, then the other facts that the script told, in their words."""
    mine, theirs = _facts(run), _facts(other) if other else {}
    names = [*mine, *(name for name in theirs if name not in mine)]
    return [
        FactLine(name, mine.get(name, ""), theirs.get(name, "") if other and theirs.get(name) != mine.get(name) else "")
        for name in names
    ]


def _facts(run: Run) -> dict[str, str]:
    told = {str(name): value for name, value in environment_of(run).facts.items()}
    return {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in
            told.items()}  # fmt: skip


def environment_of(run: Run) -> RunEnvironment:
    """The environment that came with a run, empty for one that told none. Loaded with the run, or one query."""
    try:
        return run.environment
    except RunEnvironment.DoesNotExist:
        return RunEnvironment(run=run)


def configuration_document(run: Run) -> dict[str, Any]:
    """Everything that another run needs to do the same, as JSON and YAML carry it; two queries."""
    parameters = {key: row.value for key, row in parameters_of([run])[run.pk].items()}
    version = run.dataset_version
    found: dict[str, Any] = {
        "run": str(run),
        "experiment": run.experiment.name,
        "architecture": run.architecture,
        "dataset": str(version) if version else "",
        "train_splits": run.train_splits,
        "validation_splits": run.validation_splits,
        "seed": run.seed,
        "repository": run.repository,
        "commit": run.commit,
        "dirty": run.dirty,
        "command": run.command,
        "host": run.host,
        "parameters": parameters,
        "environment": environment_of(run).facts,
        "packages": environment_of(run).packages,
    }
    return found


def as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=120)
