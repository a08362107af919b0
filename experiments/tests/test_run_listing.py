"""The tracker's list: every order both ways, pages that meet, counts that are capped, and plans that walk indexes."""

import json
import math

import pytest
from django.db import connection
from django.http import QueryDict

from experiments import run_listing as listing_module
from experiments import services
from experiments.models import Experiment, MetricSeries, Run, RunParameter, RunTag
from experiments.run_fields import METRIC, PARAMETER, Field
from experiments.run_figures import better, figure_keys
from experiments.run_listing import matching, run_listing, run_values
from experiments.run_orders import COLUMN_ORDERS, order_of, read_cursor
from experiments.tests.stories import a_batch, a_person, a_run, a_version

pytestmark = pytest.mark.django_db
NAN = math.nan


@pytest.fixture
def library() -> list[Run]:
    """Twelve runs: losses with ties, NaN and gaps; rates as numbers and text; tags of some."""
    losses = [0.5, 0.5, NAN, 0.1, None, math.inf, 0.5, -1.0, NAN, None, 2.0, 0.1]
    a_version("Urban")
    made = []
    for place, loss in enumerate(losses):
        wishes = {"parameters": {"lr": place % 3} if place % 2 else {"lr": "auto"}, "name": f"n{place % 5}"}
        if place % 4 == 0:
            wishes |= {"tags": {"team": f"t{place % 8}"}, "dataset": "Urban@v1", "seed": place % 8}
        run = a_run(queued=place % 6 == 5, experiment=f"e{place % 2}", architecture=f"a{place % 3}", **wishes)
        if loss is not None and place % 6 != 5:
            services.record_metrics(run=run, batch=a_batch("loss", steps=[1, 2], values=[9.0, loss]), by=a_person())
        made.append(run)
    return made


def pages(sort: str, rows: int = 5, backwards: bool = False, **more) -> list[int]:
    """The ids of all pages, walked from one end by the cursors."""
    found: list[int] = []
    listing = run_listing(QueryDict(), sort=sort, rows=rows, **more)
    while True:
        found += [run.pk for run in listing.runs]
        if not listing.next:
            break
        listing = run_listing(QueryDict(), sort=sort, rows=rows, after=listing.next, **more)
    if not backwards:
        return found
    back = [run.pk for run in listing.runs]
    while listing.previous:
        listing = run_listing(QueryDict(), sort=sort, rows=rows, before=listing.previous, **more)
        back = [run.pk for run in listing.runs] + back
    return back


ORDERS = [*COLUMN_ORDERS, "metrics.loss", "metrics.loss.min", "metrics.loss.max", "params.lr", "tags.team", "figure"]
FIGURES = {"figure": ("loss", "other")}


class TestOrders:
    @pytest.mark.parametrize("name", ORDERS)
    def test_pages_meet_and_lose_nothing_in_both_directions(self, library, name):
        everyone = {run.pk for run in library}
        for sort in (name, f"-{name}"):
            forwards = pages(sort, figures=FIGURES)
            assert sorted(forwards) == sorted(everyone), sort
            assert pages(sort, rows=100, figures=FIGURES) == forwards, sort
            assert pages(sort, backwards=True, figures=FIGURES) == forwards, sort

    @pytest.mark.parametrize("capped", [False, True])
    def test_a_metric_sorts_by_its_last_value_with_what_has_none_last(self, library, monkeypatch, capped):
        monkeypatch.setattr(listing_module, "COUNT_CAP", 3 if capped else 1000)
        told = dict(MetricSeries.objects.filter(key="loss").values_list("run", "last_value"))
        for sort, falling in (("metrics.loss", False), ("-metrics.loss", True)):
            found = [told.get(pk, NAN) for pk in pages(sort)]
            numbers = [value for value in found if not math.isnan(value)]
            assert numbers == sorted(numbers, reverse=falling)
            assert all(math.isnan(value) for value in found[len(numbers) :])
            assert len(numbers) == 6

    def test_the_lowest_and_highest_values_sort_too(self, library):
        told = dict(MetricSeries.objects.filter(key="loss").values_list("run", "minimum"))
        first = pages("metrics.loss.min")[0]
        assert told[first] == min(told.values())
        assert pages("-metrics.loss.max")[0] in MetricSeries.objects.filter(maximum=9.0).values_list("run", flat=True)

    def test_numbers_of_parameters_sort_before_words(self, library):
        numbers = dict(RunParameter.objects.filter(number__isnull=False).values_list("run", "number"))
        found = [numbers.get(pk) for pk in pages("-params.lr")]
        assert found[: len(numbers)] == sorted(numbers.values(), reverse=True)
        assert found[len(numbers) :] == [None] * (12 - len(numbers))

    def test_a_figure_is_the_first_of_its_metrics_that_a_run_has(self, library):
        tara, bare = a_person(), library[9]
        services.record_metrics(run=bare, batch=a_batch("other", steps=[1], values=[-5.0]), by=tara)
        services.record_metrics(run=library[0], batch=a_batch("other", steps=[1], values=[-9.0]), by=tara)
        assert pages("figure", figures=FIGURES)[0] == bare.pk
        assert sorted(pages("figure", figures=FIGURES)) == [run.pk for run in library]

    def test_an_order_that_nobody_knows_means_the_newest_first(self, library):
        assert pages("banana") == [run.pk for run in reversed(library)]
        assert order_of("notes") is None

    @pytest.mark.parametrize("text", ["", "[", "[1]", "[1,2,3]", '["x",1]', "[NaN,1]", "[1,-1]", "[[1],2]", "5"])
    def test_a_cursor_that_was_cut_is_none(self, text):
        order = order_of("metrics.loss")
        assert read_cursor(text, order) is None
        assert run_listing(QueryDict(), sort="metrics.loss", after=text).runs == []


class TestListing:
    def test_counts_exactly_up_to_the_cap(self, library, monkeypatch):
        assert str(run_listing(QueryDict()).count) == "12"
        monkeypatch.setattr(listing_module, "COUNT_CAP", 10)
        assert str(run_listing(QueryDict()).count) == "10+"

    def test_archived_runs_are_left_out_unless_asked_for(self, library):
        run = library[0]
        services.finish_run(run=run, by=a_person(), status="completed")
        services.archive_run(run=run, by=a_person())
        assert str(run_listing(QueryDict()).count) == "11"
        for asked in ("archived=all", "query=archived = true or archived = false"):
            assert str(run_listing(QueryDict(asked)).count) == "12"
        assert [one.pk for one in run_listing(QueryDict("query=archived = true")).runs] == [run.pk]

    def test_a_filter_that_is_refused_lists_nothing_and_says_why(self, library):
        for asked, words in (
            ("query=foo = 1", "There is no foo"),
            ("started_by=nobody", "started_by: "),
            ("metric=x", "x"),
        ):
            listing = run_listing(QueryDict(asked))
            assert listing.runs == []
            assert words in " ".join(listing.problems)

    def test_costs_the_same_for_any_number_of_runs(self, library, django_assert_max_num_queries):
        fields = [Field(METRIC, "loss"), Field(PARAMETER, "lr")]
        for rows in (2, 12):
            with django_assert_max_num_queries(8):
                listing = run_listing(QueryDict("query=metrics.loss > 0"), sort="-metrics.loss", rows=rows)
                run_values([run.pk for run in listing.runs], fields)
                assert [str(run.experiment) for run in listing.runs]

    def test_few_that_match_are_sorted_by_themselves(self, library):
        found, _ = matching(QueryDict("query=metrics.loss < 1"))
        assert found.ids == sorted(found.ids, reverse=True)
        assert len(found.ids) == 5


class TestFigures:
    def test_the_usual_names_in_use_stand_for_a_figure_unless_one_is_chosen(self, library):
        usual = figure_keys({})
        assert usual["training_loss"] == ("loss",)
        assert usual["validation_loss"] == ("val/loss",)
        assert figure_keys({"training_loss": "mine"})["training_loss"] == ("mine",)

    @pytest.mark.parametrize(
        ("key", "way"), [("val/loss", "low"), ("val_iou", "high"), ("ece", "low"), ("lr", ""), ("Accuracy", "high")]
    )
    def test_the_name_of_a_metric_tells_which_way_is_better(self, key, way):
        assert better(key) == way


@pytest.fixture
def many(library) -> None:
    """Some thousand runs, written as rows."""
    person, experiment = a_person(), Experiment.objects.first()
    runs = [
        Run(experiment=experiment, started_by=person, status="queued", architecture=f"m{n % 9}") for n in range(4000)
    ]
    ids = [run.pk for run in Run.objects.bulk_create(runs)]
    facts = [(pk, key) for pk in ids for key in ("iou", "acc", "loss")]
    MetricSeries.objects.bulk_create(
        [
            MetricSeries(run_id=pk, key=key, count=1, last_value=(pk * 37 % 1009) / 1009, minimum=0, maximum=1)
            for pk, key in facts
        ]
    )
    RunTag.objects.bulk_create([RunTag(run_id=pk, key="night") for pk in ids if pk % 3 == 0])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE experiments_run, experiments_metricseries, experiments_runtag")


class TestPlans:
    """Which index answers; reading whole tables is what must not come back."""

    def plan(self, runs) -> str:
        with connection.cursor() as cursor:
            text, parameters = runs.query.sql_with_params()
            cursor.execute(f"EXPLAIN (FORMAT JSON) {text}", parameters)
            (told,) = cursor.fetchone()
        return json.dumps(told)

    @pytest.mark.parametrize(
        ("sort", "index"),
        [("-metrics.iou", "metric_by_last_value"), ("metrics.iou", "metric_by_last_value"),
         ("metrics.iou.min", "metric_by_minimum"), ("-metrics.iou.max", "metric_by_maximum")],
    )  # fmt: skip
    def test_an_order_by_a_metric_walks_its_index(self, many, sort, index):
        from experiments.run_orders import _filled

        found, _ = matching(QueryDict('query=metrics.acc > 0.2 and metrics.loss > 0.2 and tag = "night"'))
        order = order_of(sort.removeprefix("-"))
        runs = _filled(found.runs, order, None, sort.startswith("-"), False).values_list("pk", "sort_value")[:50]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        told = self.plan(runs)
        assert index in told
        assert '"Node Type": "Sort"' not in told
        assert "Seq Scan" not in told

    def test_the_newest_are_found_along_the_primary_key(self, many):
        told = self.plan(Run.objects.filter(archived_at=None).order_by("-pk").values_list("pk")[:50])
        assert "experiments_run_pkey" in told
        assert '"Node Type": "Sort"' not in told
