"""Reads across the models of this app; each costs a constant number of queries."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Prefetch, Q, QuerySet

from experiments.models import Run
from registry.models import (
    Alias,
    GateResult,
    ModelVersion,
    Move,
    PromotionRequest,
    RegisteredModel,
    Stage,
    StageTransition,
    Waiver,
)
from scenes.errors import MissingError

LABEL_START = re.compile(r"v[0-9]")


def in_production_at(model: RegisteredModel, at: datetime) -> ModelVersion | None:
    """The version that was in Production at that time, by the record of transitions; one query."""
    moves = StageTransition.objects.filter(model=model, at__lte=at)
    moves = moves.filter(Q(to_stage=Stage.PRODUCTION) | Q(from_stage=Stage.PRODUCTION))
    last = moves.select_related("version__model").order_by("-at", "-id").first()
    return last.version if last is not None and last.to_stage == Stage.PRODUCTION else None


def production_stack(model: RegisteredModel) -> list[int]:
    """Version ids: those that led to what is in Production now, the present one last; one query.

    A promotion goes on top; a roll back takes the top away; a version that stepped down is no place to go back to.
    """
    stack: list[int] = []
    moves = StageTransition.objects.filter(model=model).filter(
        Q(to_stage=Stage.PRODUCTION) | Q(from_stage=Stage.PRODUCTION, move__in=[Move.ROLLED_BACK, Move.STEPPED_DOWN])
    )
    for version_id, move in moves.order_by("at", "id").values_list("version_id", "move"):
        if move == Move.PROMOTED:
            stack = [*(pk for pk in stack if pk != version_id), version_id]
        elif move in (Move.ROLLED_BACK, Move.STEPPED_DOWN):
            stack = [pk for pk in stack if pk != version_id]
    return stack


def resolve(name: str) -> ModelVersion:
    """The version that `model@reference` means; without a reference the one in Production.

    A reference is a label (`v3.2`), an alias, `production`, `staging` (the newest there), `development` (the same) or
    `latest` (the newest that is not archived). Raises MissingError with what is there. At most four queries.
    """
    model_name, _, reference = name.strip().partition("@")
    model = RegisteredModel.objects.filter(name=model_name).first() if "\0" not in name else None
    if model is None:
        raise MissingError(f"There is no model {model_name[:100]!r}.")
    reference = reference or Stage.PRODUCTION
    rows = ModelVersion.objects.for_listing().filter(model=model).order_by("-number")
    if LABEL_START.match(reference):
        found = rows.filter(label=reference).first()
    elif reference in Stage.values:
        found = rows.filter(stage=reference, archived_at=None).first()
    elif reference == "latest":
        found = rows.filter(archived_at=None).first()
    else:
        found = rows.filter(aliases__name=reference).first()
    if found is None:
        raise MissingError(f"{model.name} has no {reference[:60]!r}.{_there(model)}")
    return found


def runs_of_members(ensemble: ModelVersion) -> list[Run]:
    """The runs behind the members of an ensemble, in their order; empty for a single model. One query."""
    members = ensemble.members.select_related("run", "version__run").order_by("position")
    found = [member.run or (member.version.run if member.version else None) for member in members]
    return list(dict.fromkeys(run for run in found if run is not None))


def _there(model: RegisteredModel, most: int = 10) -> str:
    labels = list(model.versions.order_by("-number").values_list("label", flat=True)[:most])
    aliases = list(model.aliases.values_list("name", flat=True)[:most])
    return f" It has {', '.join([*labels, *aliases])}." if labels else " It has no version yet."


def models_with_versions() -> QuerySet[RegisteredModel]:
    """Models with how many versions they have, and when the newest was registered."""
    return RegisteredModel.objects.select_related("created_by").annotate(
        version_count=Count("versions", distinct=True), newest_at=Max("versions__created_at")
    )


def versions_with_aliases(rows: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """The rows with the aliases that point at each (`aliases`) and with members (`members`)."""
    return rows.prefetch_related(
        Prefetch("aliases", queryset=Alias.objects.order_by("name")),
        Prefetch("members__run"),
        Prefetch("members__version__model"),
    )


def transitions_of(model: RegisteredModel) -> QuerySet[StageTransition]:
    """How versions moved, the newest first."""
    return model.transitions.select_related("version", "person", "request__version").order_by("-at", "-id")


@dataclass(frozen=True)
class Verdict:
    """What the last check said of a gate, and its waiver if there is one."""

    result: GateResult
    waiver: Waiver | None

    @property
    def settled(self) -> bool:
        """Whether the gate stands in nobody's way."""
        return self.result.passed or self.waiver is not None


def verdicts(requests: Iterable[PromotionRequest]) -> dict[int, list[Verdict]]:
    """By request id: the results of its last check with their waivers, in two queries for any number of requests."""
    numbers = {request.pk: request.check_number for request in requests}
    found: dict[int, list[Verdict]] = {pk: [] for pk in numbers}
    waivers = {
        (waiver.request_id, waiver.gate_id): waiver
        for waiver in Waiver.objects.filter(request__in=numbers).select_related("person")
    }
    results = GateResult.objects.filter(request__in=numbers).select_related("gate__dataset_version__dataset")
    for result in results.order_by("request_id", "id"):
        if result.check_number == numbers[result.request_id]:
            found[result.request_id].append(Verdict(result, waivers.get((result.request_id, result.gate_id))))
    return found


def versions_of_runs(run_ids: Iterable[int]) -> dict[int, list[ModelVersion]]:
    """By run id: the versions that were registered from it, newest first; one query."""
    ids = list(run_ids)
    found: dict[int, list[ModelVersion]] = {pk: [] for pk in ids}
    rows = ModelVersion.objects.filter(run__in=ids).select_related("model").defer("metrics").order_by("-pk")
    for version in rows:
        found[version.run_id or 0].append(version)
    return found
