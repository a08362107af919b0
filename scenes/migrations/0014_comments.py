"""Comments on scenes, frames and points, and the colour scales of fields."""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import scenes.audit

READERS = ["viewer", "labeler", "curator", "engineer", "trainer", "operator"]
MAY = {"view_comment": READERS, "add_comment": READERS[1:]}


def let_them_speak(apps, schema_editor):
    """Who sees scenes reads comments; all but viewers write. Permissions come only after all migrations, else."""
    groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="scenes", model="comment")
    for codename, roles in MAY.items():
        words = f"Can {codename.replace('_', ' ')}"
        found, _ = permissions.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": words})
        for group in groups.objects.filter(name__in=roles):
            group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("scenes", "0013_saved_views_and_exports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="scene",
            name="field_scales",
            field=models.JSONField(blank=True, editable=False, null=True, verbose_name="colour scales of fields"),
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                (
                    "position",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), blank=True, null=True, size=3
                    ),
                ),
                ("point_index", models.BigIntegerField(blank=True, null=True)),
                ("camera", models.JSONField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("edited_at", models.DateTimeField(blank=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scene_comments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "frame",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="comments",
                        to="scenes.frame",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replies",
                        to="scenes.comment",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resolved_comments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="scenes.scene"
                    ),
                ),
            ],
            options={
                "ordering": ["scene", "-id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalComment",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("door", models.CharField(default=scenes.audit.current_door, max_length=16)),
                ("request_id", models.CharField(blank=True, default=scenes.audit.current_request_id, max_length=36)),
                (
                    "bulk",
                    models.BigIntegerField(
                        blank=True, default=scenes.audit.current_bulk, null=True, verbose_name="bulk change"
                    ),
                ),
                ("text", models.TextField()),
                (
                    "position",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), blank=True, null=True, size=3
                    ),
                ),
                ("point_index", models.BigIntegerField(blank=True, null=True)),
                ("camera", models.JSONField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(blank=True, editable=False)),
                ("edited_at", models.DateTimeField(blank=True, null=True)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "frame",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.frame",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.comment",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "scene",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="scenes.scene",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical comment",
                "verbose_name_plural": "historical comments",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(
                condition=models.Q(("parent__isnull", True), ("resolved_at__isnull", True)),
                fields=["scene", "-id"],
                name="comment_open_threads",
            ),
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(fields=["scene", "-id"], name="comments_of_scene"),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="comment_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("position__isnull", True),
                    models.Q(("frame__isnull", False), ("position__len", 3)),
                    _connector="OR",
                ),
                name="comment_position_is_in_a_frame",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("point_index__isnull", True),
                    models.Q(("point_index__gte", 0), ("position__isnull", False)),
                    _connector="OR",
                ),
                name="comment_point_has_its_position",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("parent__isnull", True),
                    models.Q(
                        ("camera__isnull", True),
                        ("frame__isnull", True),
                        ("position__isnull", True),
                        ("resolved_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="comment_reply_has_no_anchor",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", True), ("resolved_by__isnull", True)),
                    models.Q(("resolved_at__isnull", False), ("resolved_by__isnull", False)),
                    _connector="OR",
                ),
                name="comment_is_resolved_by_somebody",
            ),
        ),
        migrations.AddIndex(
            model_name="historicalcomment",
            index=models.Index(fields=["-history_date", "-history_id"], name="comment_audit"),
        ),
        migrations.AddIndex(
            model_name="historicalcomment",
            index=models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="comment_bulk"),
        ),
        migrations.RunPython(let_them_speak, migrations.RunPython.noop),
    ]
