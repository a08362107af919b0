"""What the address of the compare page asks for: which runs, which metrics, grouped and drawn how."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict

from experiments.models import MetricSeries, Run
from experiments.selectors import series_of
from lamm.run_metrics import is_iou, is_learning_rate, is_loss, is_mean_iou, is_validation, less_is_better, words_of

FEWEST, MOST = 2, 20
KEYS_AT_FIRST, MOST_KEYS = 8, 24
TABS = {
    "overview": "Overview",
    "curves": "Curves",
    "relations": "Relations",
    "groups": "Groups",
    "evaluation": "Evaluation",
    "code": "Code",
}
NEITHER = frozenset({"epoch", "epochs", "step", "steps", "time", "seconds", "norm", "memory", "temperature"})
LAST, BEST = "last", "best"
VALUES = {LAST: "Last value", BEST: "Best value"}


@dataclass(frozen=True)
class Choice:
    """The address, read: `runs` in its order, `keys` the chosen metrics or [], `turned` those whose direction is
    the other way round.
    """

    parameters: QueryDict
    runs: list[int]
    keys: list[str]
    turned: frozenset[str]
    baseline: int | None
    tab: str
    value: str
    everything: bool

    def lower_is_better(self, key: str) -> bool:
        """Loss-like keys are better when lower, others when higher; a click turns it round."""
        return less_is_better(key) != (key in self.turned)

    def is_judged(self, key: str) -> bool:
        """Whether any value of a metric is the best: a learning rate or a number of steps is what was asked for."""
        return key in self.turned or not (is_learning_rate(key) or words_of(key) & NEITHER)

    def without(self, run: int) -> str:
        """The query without a run."""
        kept = self.parameters.copy()
        kept.setlist("run", [str(one) for one in self.runs if one != run])
        if kept.get("baseline") == str(run):
            del kept["baseline"]
        return kept.urlencode()

    def with_turned(self, key: str) -> str:
        """The query with a metric's direction turned round."""
        kept = self.parameters.copy()
        kept.setlist("turned", sorted(self.turned ^ {key}))
        return kept.urlencode()


def whole_number(text: str | None) -> int | None:
    """A run's number as people write it, "run-12" or "12"; None for anything else."""
    digits = (text or "").strip().lower().removeprefix("run-")
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < len(digits) < 19 else None


def choice_of(parameters: QueryDict) -> Choice:
    """The choice of an address; what nobody understands counts as not said."""
    numbers = [whole_number(text) for text in parameters.getlist("run")]
    runs = list(dict.fromkeys(number for number in numbers if number))[:MOST]
    baseline = whole_number(parameters.get("baseline"))
    tab, value = parameters.get("tab", ""), parameters.get("value", "")
    return Choice(
        parameters=parameters,
        runs=runs,
        keys=list(dict.fromkeys(parameters.getlist("key")))[:MOST_KEYS],
        turned=frozenset(parameters.getlist("turned")[:100]),
        baseline=baseline if baseline in runs else None,
        tab=tab if tab in TABS else "overview",
        value=value if value in VALUES else LAST,
        everything=parameters.get("all") == "1",
    )


def runs_of(choice: Choice) -> list[Run]:
    """The runs there are, in the order of the address; two queries."""
    found = {run.pk: run for run in Run.objects.for_listing().filter(pk__in=choice.runs)}
    return [found[pk] for pk in choice.runs if pk in found]


def metrics_of(runs: Iterable[Run]) -> dict[str, dict[int, MetricSeries]]:
    """By key and run id: the rolled-up metrics of the runs, in one query; the usual ones first."""
    found: dict[str, dict[int, MetricSeries]] = {}
    for series in series_of([run.pk for run in runs]):
        found.setdefault(series.key, {})[series.run_id] = series
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), _rank(item[0]), item[0])))


def _rank(key: str) -> tuple[bool, ...]:
    """What people ask for first comes first: of validation, the loss and the mean IoU before the rest."""
    return not is_validation(key), not is_loss(key), not is_mean_iou(key), not is_iou(key)


def chosen_keys(choice: Choice, metrics: dict[str, dict[int, MetricSeries]]) -> list[str]:
    """The metrics that charts show: the chosen ones that there are, else the first ones with more than one point."""
    chosen = [key for key in choice.keys if key in metrics]
    if chosen:
        return chosen
    drawn = [key for key, series in metrics.items() if any(one.count > 1 for one in series.values())]
    return (drawn or list(metrics))[:KEYS_AT_FIRST]
