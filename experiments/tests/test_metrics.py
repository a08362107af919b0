"""Metrics: kept once, whole batches, summaries and buckets that say what the points say."""

import math

import numpy as np
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import charts, metric_store, services
from experiments.metric_history import history
from experiments.models import MetricBucket, MetricPoint, MetricSeries
from experiments.services import MetricBatch
from experiments.tests.stories import a_batch, a_person, a_run
from scenes.errors import ConflictError, RefusedError

pytestmark = pytest.mark.django_db
SPECIAL = [math.nan, math.inf, -math.inf]
FLOATS = st.one_of(st.sampled_from([0.0, 1.0, -1.0, *SPECIAL]), st.floats(-1e6, 1e6))
POINTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(-50, 400), st.integers(0, 3), FLOATS), min_size=1, max_size=60
)


def log(run, *batches, **wishes):
    return [services.record_metrics(run=run, batch=batch, by=run.started_by, **wishes) for batch in batches]


def batch_of(points):
    keys = sorted({point[0] for point in points})
    columns = list(zip(*points, strict=True))
    return MetricBatch(
        keys,
        np.array([keys.index(key) for key in columns[0]], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.float64),
        np.full(len(points), np.nan),
    )


def identity(value):
    return "NaN" if math.isnan(value) else value + 0.0


def order(point):
    """As the database orders points: NaN is the greatest value."""
    return point[0], point[1], math.isnan(point[2]), 0 if math.isnan(point[2]) else point[2]


class TestWriting:
    def test_keeps_values_steps_times_and_epochs_as_they_came(self):
        run = a_run()
        batch = a_batch(steps=[5, 1], values=[0.1, math.pi])
        batch.epoch[:] = [2.5, np.nan]
        log(run, batch)
        rows = MetricPoint.objects.order_by("step").values_list("step", "timestamp", "value", "epoch")
        assert list(rows) == [(1, 1_001_000, math.pi, None), (5, 1_005_000, 0.1, 2.5)]

    def test_a_repeated_batch_adds_nothing(self):
        run = a_run()
        batch = a_batch(values=[math.nan, math.inf, 1.0])
        first, second = log(run, batch, batch)
        assert (first.received, first.added) == (3, 3)
        assert (second.received, second.added) == (3, 0)
        series = MetricSeries.objects.get()
        assert (series.count, series.nan_count) == (3, 1)

    def test_a_point_twice_in_one_batch_is_one(self):
        (told,) = log(a_run(), a_batch(steps=[1, 1, 1], values=[2.0, 2.0, 3.0]))
        assert (told.received, told.added) == (3, 2)

    def test_the_last_value_is_that_of_the_greatest_step_then_time(self):
        run = a_run()
        log(run, a_batch(steps=[9], values=[0.9]), a_batch(steps=[3], values=[0.3], first_ms=10**9))
        assert MetricSeries.objects.get().last_value == 0.9
        log(run, a_batch(steps=[9], values=[0.8], first_ms=2_000_000))
        assert MetricSeries.objects.get().last_value == 0.8

    def test_minimum_and_maximum_leave_nan_out_and_take_infinities(self):
        run = a_run()
        log(run, a_batch(steps=[1], values=[math.nan]))
        series = MetricSeries.objects.get()
        assert (series.minimum, series.maximum, series.nan_count) == (None, None, 1)
        assert math.isnan(series.last_value)
        log(run, a_batch(steps=[2, 3, 4], values=[1.0, -math.inf, 2.0]))
        series = MetricSeries.objects.get()
        assert (series.minimum, series.maximum, series.count) == (-math.inf, 2.0, 4)

    def test_late_points_are_kept_and_counted_as_late(self):
        run = a_run()
        log(run, a_batch(steps=[1]))
        services.finish_run(run=run, by=run.started_by, status="completed")
        (told,) = log(run, a_batch(steps=[1, 2]))
        assert told.late
        series = MetricSeries.objects.get()
        assert (series.count, series.late_count) == (2, 1)

    def test_an_archived_run_takes_none(self):
        run = a_run()
        services.finish_run(run=run, by=run.started_by, status="killed")
        services.archive_run(run=run, by=run.started_by)
        with pytest.raises(ConflictError, match="archived"):
            log(run, a_batch())
        assert not MetricPoint.objects.exists()

    def test_a_queued_run_takes_none(self):
        with pytest.raises(ConflictError, match="queued"):
            log(a_run(queued=True), a_batch())

    def test_a_bad_key_is_refused_with_its_batch(self):
        with pytest.raises(RefusedError, match="is no key"):
            log(a_run(), a_batch("a\0b"))
        assert not MetricSeries.objects.exists()

    def test_metrics_of_a_run_that_is_removed_go_with_it(self):
        run = a_run()
        log(run, a_batch(steps=range(3000)))
        other = a_run()
        log(other, a_batch())
        run.delete()
        assert MetricPoint.objects.count() == 3
        assert not MetricBucket.objects.exists()

    def test_writing_costs_the_same_number_of_queries_for_any_number_of_points(self, django_assert_num_queries):
        run = a_run()
        log(run, a_batch())
        for count in (1, 500):
            with django_assert_num_queries(5):  # savepoint twice, run, series, heartbeat; the points go past Django
                log(run, a_batch(steps=range(count)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(POINTS, min_size=1, max_size=4), from_start=st.booleans())
def test_summaries_and_buckets_say_what_the_points_say(batches, from_start, monkeypatch):
    monkeypatch.setattr(metric_store, "_WRITE", metric_store._WRITE.replace("series.count > 2048", "series.count > 20"))
    with transaction.atomic():
        run = a_run()
        for points in batches:
            log(run, batch_of(points))
        for key in {point[0] for points in batches for point in points}:
            kept = {
                (step, ms, identity(value)) for points in batches for name, step, ms, value in points if name == key
            }
            check_series(MetricSeries.objects.get(run=run, key=key), kept)
        transaction.set_rollback(True)


def check_series(series, kept):
    rows = [(step, ms, math.nan if value == "NaN" else value) for step, ms, value in kept]
    numbers = [row[2] for row in rows if not math.isnan(row[2])]
    assert (series.count, series.nan_count) == (len(rows), len(rows) - len(numbers))
    assert series.minimum == min(numbers, default=None)
    assert series.maximum == max(numbers, default=None)
    last = max(rows, key=order)
    assert (series.last_step, series.last_timestamp) == last[:2]
    assert identity(series.last_value) == identity(last[2])
    assert (series.first_step, series.earliest_timestamp) == (min(r[0] for r in rows), min(r[1] for r in rows))
    blocks = list(history(series))
    read = [p for b in blocks for p in zip(b.step.tolist(), b.timestamp.tolist(), b.value.tolist(), strict=True)]
    assert [(*r[:2], identity(r[2])) for r in read] == [(*r[:2], identity(r[2])) for r in sorted(rows, key=order)]
    if series.bucket_width is None:
        assert len(rows) <= 20 or series.count <= 20
        return
    assert sum(bucket.points for bucket in MetricBucket.objects.filter(series=series)) == len(rows)
    for bucket in MetricBucket.objects.filter(series=series):
        inside = [r for r in rows if int(r[0] / series.bucket_width) == bucket.bucket]
        finite = [r for r in inside if math.isfinite(r[2])]
        assert len(inside) == bucket.points
        assert (bucket.low and bucket.low[0]) == (min(r[2] for r in finite) if finite else None)
        assert (bucket.high and bucket.high[0]) == (max(r[2] for r in finite) if finite else None)
        assert (bucket.odd is None) == (len(finite) == len(inside))


class TestCharts:
    @pytest.fixture
    def long_run(self):
        """A noisy curve with one spike, one dip and one NaN that no down-sampling may lose."""
        run, random = a_run(), np.random.default_rng(7)
        values = random.normal(0, 1, 20_000)
        values[[7_777, 12_345, 15_000]] = 100.0, -100.0, np.nan
        for start in range(0, 20_000, 5000):
            steps = np.arange(start, start + 5000)
            log(run, a_batch(steps=steps, values=values[steps]))
        return run

    @pytest.mark.parametrize("by", [charts.STEP, charts.TIME])
    def test_every_extreme_stays(self, long_run, by):
        (curve,) = charts.curves(list(long_run.metrics.all()), charts.Window(by=by, points=200))
        assert 150 < len(curve.step) <= 320
        assert {7_777, 12_345, 15_000} <= set(curve.step.tolist())
        assert np.nanmax(curve.value) == 100.0
        assert np.isnan(curve.value).sum() == 1
        assert (np.diff(curve.step if by == charts.STEP else curve.timestamp) >= 0).all()

    @pytest.mark.parametrize("by", [charts.STEP, charts.TIME])
    def test_a_zoom_brings_the_points_themselves(self, long_run, by):
        ends = (12_300, 12_400) if by == charts.STEP else (13_300_000, 13_400_000)
        (curve,) = charts.curves(list(long_run.metrics.all()), charts.Window(by, *ends, points=1000))
        assert curve.step.tolist() == list(range(12_300, 12_401))
        assert curve.value[45] == -100.0

    def test_buckets_and_points_draw_the_same_extremes(self, long_run, monkeypatch):
        series = list(long_run.metrics.all())
        (quick,) = charts.curves(series, charts.Window(points=100))
        monkeypatch.setattr(charts, "READ_POINTS", 10**9)
        (slow,) = charts.curves(series, charts.Window(points=100))
        assert (np.nanmin(quick.value), np.nanmax(quick.value)) == (np.nanmin(slow.value), np.nanmax(slow.value))
        assert abs(len(quick.step) - len(slow.step)) < 20

    def test_many_runs_take_as_many_queries_as_one(self, long_run, django_assert_num_queries):
        runs = [long_run]
        for _ in range(5):
            runs.append(a_run())
            log(runs[-1], a_batch(steps=range(100)), a_batch("other"))
        series = list(MetricSeries.objects.filter(run__in=runs, key="loss").order_by("run_id"))
        with django_assert_num_queries(1):  # and two that read in binary form, past Django
            curves = charts.curves(series, charts.Window(last=99, points=1000))
        assert [curve.series.run_id for curve in curves] == [run.pk for run in runs]
        assert [len(curve.step) for curve in curves[1:]] == [100] * 5

    def test_nothing_logged_is_no_curve(self):
        assert charts.curves([], charts.Window()) == []

    def test_infinities_only(self):
        run = a_run()
        log(run, a_batch(values=[math.inf, -math.inf, math.nan]))
        (curve,) = charts.curves(list(run.metrics.all()), charts.Window(points=1000))
        assert len(curve.value) == 3


class TestHistory:
    def test_goes_on_over_blocks_and_stays_between_the_ends(self, monkeypatch):
        monkeypatch.setattr("experiments.metric_history.BLOCK", 7)
        run = a_run()
        log(run, a_batch(steps=[*range(50), *range(50)], values=[1.0] * 50 + [math.nan] * 50))
        series = MetricSeries.objects.get()
        steps = np.concatenate([block.step for block in history(series)])
        assert steps.tolist() == sorted([*range(50), *range(50)])
        steps = np.concatenate([block.step for block in history(series, first_step=10, last_step=12)])
        assert steps.tolist() == [10, 10, 11, 11, 12, 12]

    def test_of_an_empty_series_is_empty(self):
        assert list(history(MetricSeries.objects.create(run=a_run(), key="none"))) == []


def test_arrays_are_packed_as_the_database_reads_them():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with metric_store._binary_cursor() as cursor:
        whole = np.array([0, -1, 2**62], np.int64).view(metric_store._Int8Array)
        numbers = np.array([0.5, math.inf, -0.0], np.float64).view(metric_store._Float8Array)
        row = cursor.execute("SELECT %b::int8[], %b::float8[]", [whole, numbers]).fetchone()
        none = np.empty(0, np.int64).view(metric_store._Int8Array)
        assert cursor.execute("SELECT %b::int8[]", [none]).fetchone() == ([],)
    assert row == ([0, -1, 2**62], [0.5, math.inf, -0.0])


def test_somebody_elses_run_takes_nothing():
    from scenes.errors import NotAllowedError

    run = a_run()
    with pytest.raises(NotAllowedError, match="not yours"):
        services.record_metrics(run=run, batch=a_batch(), by=a_person("other"))
