"""The house rules as functions: each takes what it judges and returns the violations it finds, as sentences."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db import models
from django.urls import URLPattern, URLResolver

APP_ORDER = ["scenes", "datasets", "experiments", "registry", "uncertainty", "lamm"]
FILE_LINES, FUNCTION_LINES = 400, 50
HOMELESS_NAMES = {"core", "common", "utils", "util", "helpers", "helper", "misc"}


def python_files(root: Path) -> list[Path]:
    """Our own modules below the checkout: apps, client, benches and the files at the top."""
    places = [*APP_ORDER, "client", "bench", "deploy"]
    found = [path for place in places for path in (root / place).rglob("*.py")]
    return sorted([*root.glob("*.py"), *(path for path in found if "migrations" not in path.parts)])


def long_files(files: Iterable[tuple[str, str]]) -> list[str]:
    counted = ((name, len(source.splitlines())) for name, source in files)
    return [f"{name} has {lines} lines, {FILE_LINES} are allowed" for name, lines in counted if lines > FILE_LINES]


def long_functions(files: Iterable[tuple[str, str]]) -> list[str]:
    found = []
    for name, source in files:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    found.append(f"{name}:{node.lineno} {node.name} has {lines} lines")
    return found


def star_imports(files: Iterable[tuple[str, str]]) -> list[str]:
    return [
        f"{name}:{node.lineno} imports *"
        for name, source in files
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]


def homeless_modules(names: Iterable[str]) -> list[str]:
    return [f"{name} has no home: shared code sinks to the lowest app that needs it"
            for name in names if HOMELESS_NAMES & set(Path(name).with_suffix("").parts)]  # fmt: skip


def signal_receivers(files: Iterable[tuple[str, str]]) -> list[str]:
    """Signals are no workflow: nothing of ours connects a receiver."""
    found = []
    for name, source in files:
        for node in ast.walk(ast.parse(source)):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "receiver":
                found.append(f"{name}:{called.lineno} receives a signal")
    return found


def upward_foreign_keys(all_models: Iterable[type[models.Model]]) -> list[str]:
    found = []
    for model in all_models:
        for field in _own_relations(model):
            here, there = model._meta.app_label, field.related_model._meta.app_label
            if there in APP_ORDER and APP_ORDER.index(there) > APP_ORDER.index(here):
                found.append(f"{model.__name__}.{field.name} points up, from {here} to {there}")
    return found


def nameless_foreign_keys(all_models: Iterable[type[models.Model]]) -> list[str]:
    return [
        f"{model.__name__}.{field.name} has no related_name"
        for model in all_models
        for field in _own_relations(model)
        if not field.remote_field.related_name and not model.__name__.startswith("Historical")
    ]


def _own_relations(model: type[models.Model]) -> list[Any]:
    relations = [field for field in model._meta.local_fields if field.is_relation]
    return [field for field in relations if isinstance(field.related_model, type)]


def limitless_tasks(tasks: Iterable[Any]) -> list[str]:
    return [
        f"the task {task.name} has no time limits of its own"
        for task in tasks
        if not (task.time_limit and task.soft_time_limit and task.soft_time_limit < task.time_limit)
    ]


def nameless_constraints(all_models: Iterable[type[models.Model]]) -> list[str]:
    return [f"{model.__name__} uses unique_together; name the constraint"
            for model in all_models if model._meta.unique_together and model._meta.app_label in APP_ORDER]  # fmt: skip


def untracked_models(all_models: Iterable[type[models.Model]], reasons: dict[str, str]) -> list[str]:
    """Models without history and without a written reason, and reasons that are out of date."""
    names = {model.__name__: model for model in all_models if not model.__name__.startswith("Historical")}
    tracked = {name for name, model in names.items() if hasattr(model, "history")}
    found = [f"{name} has no history and no reason why not" for name in sorted(set(names) - tracked - set(reasons))]
    found += [f"{name} has a history and a reason not to have one" for name in sorted(tracked & set(reasons))]
    return found + [f"{name} has a reason and is no model" for name in sorted(set(reasons) - set(names))]


def plain_histories(all_models: Iterable[type[models.Model]]) -> list[str]:
    """History without the columns and indexes that the audit needs (scenes.audit.AuditedRecords)."""
    return [
        f"{model.__name__} is tracked by HistoricalRecords; use scenes.audit.AuditedRecords"
        for model in all_models
        if hasattr(model, "history") and "bulk" not in {field.name for field in model.history.model._meta.fields}
    ]


def routes(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> list[tuple[str, str]]:
    """Every (name, pattern) of the site; a nested list is named by its namespace."""
    found = []
    for entry in patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += routes(entry.url_patterns, pattern)
        else:
            found.append((entry.name or pattern, pattern))
    return found


def pages_without_their_parts(root: Path) -> list[str]:
    """One name for a page: lamm/pages/NAME.py, templates/pages/NAME.html, tests named after it."""
    found = []
    for page in sorted((root / "lamm/pages").glob("*.py")):
        if page.stem in ("__init__", "navigation"):
            continue
        wanted = [f"templates/pages/{page.stem}.html", f"lamm/tests/test_{page.stem}_page.py"]
        found += [f"the page {page.stem} has no {path}" for path in wanted if not (root / path).exists()]
    return found
