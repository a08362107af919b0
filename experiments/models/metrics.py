"""Metrics: one series per run and key with its summary, its points, and buckets for charts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from experiments.models.runs import Run


class MetricSeries(models.Model):
    """The values of one key in one run, rolled up; changed in the transaction that writes the points.

    Times are milliseconds since 1970. `last_*` is the point with the greatest step, among those the greatest time, then
    value; `first_step`, `earliest_timestamp` and `latest_timestamp` are those of all points. `minimum` and `maximum`
    leave NaN out and take infinities; they are empty when every value is NaN. `late_count` points came after the
    run had ended. `bucket_width` is the number of steps of a bucket, once the series is long enough to have any.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    key = models.CharField(max_length=250)
    count = models.BigIntegerField(default=0)
    nan_count = models.BigIntegerField(default=0)
    late_count = models.BigIntegerField(default=0)
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    last_value = models.FloatField(null=True, blank=True)
    last_step = models.BigIntegerField(null=True, blank=True)
    last_timestamp = models.BigIntegerField(null=True, blank=True)
    last_epoch = models.FloatField(null=True, blank=True)
    first_step = models.BigIntegerField(null=True, blank=True)
    earliest_timestamp = models.BigIntegerField(null=True, blank=True)
    latest_timestamp = models.BigIntegerField(null=True, blank=True)
    bucket_width = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["run_id", "key"]
        verbose_name = "metric"
        indexes = [
            models.Index("key", F("last_value").desc(nulls_last=True), "run", name="metric_by_last_value"),
            models.Index("key", F("minimum").asc(nulls_last=True), "run", name="metric_by_minimum"),
            models.Index("key", F("maximum").desc(nulls_last=True), "run", name="metric_by_maximum"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="metric_once_per_run"),
            models.CheckConstraint(condition=Q(count__gte=F("nan_count")), name="metric_counts_add_up"),
        ]

    def __str__(self) -> str:
        return self.key


class MetricPoint(models.Model):
    """One value at one step and time (ms since 1970). All but the epoch are its identity, so it is there once.

    No foreign key that the database checks: checking every point costs more than writing it (docs/adr, on metrics).
    """

    pk = models.CompositePrimaryKey("series", "step", "timestamp", "value")
    series = models.ForeignKey(
        MetricSeries, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="points"
    )
    step = models.BigIntegerField()
    timestamp = models.BigIntegerField()
    value = models.FloatField()
    epoch = models.FloatField(null=True, blank=True)

    class Meta:
        verbose_name = "metric point"

    def __str__(self) -> str:
        return f"{self.step}: {self.value}"


class MetricBucket(models.Model):
    """The extremes of some steps of a long series, from which charts are drawn.

    `low`, `high` and `odd` are points as [value, step, timestamp, epoch or null]: the smallest and the greatest
    finite value, and the first one that is not finite.
    """

    pk = models.CompositePrimaryKey("series", "bucket")
    series = models.ForeignKey(
        MetricSeries, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="buckets"
    )
    bucket = models.BigIntegerField()
    points = models.IntegerField()
    low = ArrayField(models.FloatField(null=True), size=4, null=True)
    high = ArrayField(models.FloatField(null=True), size=4, null=True)
    odd = ArrayField(models.FloatField(null=True), size=4, null=True)

    class Meta:
        verbose_name = "metric bucket"

    def __str__(self) -> str:
        return f"{self.bucket}: {self.points}"
