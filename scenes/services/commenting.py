"""What people do with comments: say, reply, say better, resolve and reopen. Nothing is deleted: history keeps all.

Who may see scenes may read; `scenes.add_comment` lets a person write, resolve and reopen; a text is its author's.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Comment, Frame, Scene

COMMENT = "scenes.add_comment"
MOST_TEXT, MOST_CAMERA_BYTES, MOST_REPLIES = 4000, 2000, 200
TOLD = 80


@transaction.atomic
def comment(
    *,
    scene: Scene,
    text: str,
    by: User,
    frame: Frame | None = None,
    position: Sequence[float] | None = None,
    point_index: int | None = None,
    camera: Mapping[str, Any] | None = None,
) -> Comment:
    """Say something about a scene, one of its frames, or a point at x, y, z (metres) of a frame.

    `point_index` is the point's index in the frame's file; `camera` what the viewer's camera says of itself. Raises
    NotAllowedError, and RefusedError that names what does not fit.
    """
    _may(by)
    if frame is not None and frame.scene_id != scene.pk:
        raise RefusedError(f"Frame {frame.pk} belongs to another scene than {scene.name}.", field="frame")
    said = Comment(
        scene=scene,
        frame=frame,
        author=by,
        text=_text(text),
        position=_position(position, frame),
        point_index=_point(point_index, position, frame),
        camera=_camera(camera),
    )
    save_audited(said, by=by, reason=f"Said: {_told(said.text)}")
    return said


@transaction.atomic
def reply(*, comment: Comment, text: str, by: User) -> Comment:
    """Answer in a thread. Raises RefusedError to a reply: threads go one level deep; ConflictError when it is full."""
    _may(by)
    thread = Comment.objects.select_for_update(of=("self",)).select_related("scene").get(pk=comment.pk)
    if thread.parent_id is not None:
        raise RefusedError(
            f"Comment {thread.pk} is a reply. Reply to comment {thread.parent_id} instead.", field="parent"
        )
    if thread.replies.count() >= MOST_REPLIES:
        raise ConflictError(f"The thread has {MOST_REPLIES} replies. Start another one.")
    said = Comment(scene=thread.scene, parent=thread, author=by, text=_text(text))
    save_audited(said, by=by, reason=f"Replied: {_told(said.text)}")
    return said


@transaction.atomic
def edit(*, comment: Comment, text: str, by: User) -> Comment:
    """Say it better: the author alone may. What was said before stays in the history."""
    _may(by)
    said = Comment.objects.select_for_update(of=("self",)).select_related("author", "scene").get(pk=comment.pk)
    if said.author_id != by.pk:
        raise NotAllowedError(f"Only {said.author.get_username()}, who wrote it, may change this comment.")
    text = _text(text)
    if text != said.text:
        said.text, said.edited_at = text, timezone.now()
        save_audited(said, by=by, reason=f"Edited: {_told(text)}")
    return said


@transaction.atomic
def resolve(*, comment: Comment, by: User) -> Comment:
    """Settle a thread. Raises ConflictError when it is settled, RefusedError for a reply."""
    thread = _thread(comment, by)
    if thread.resolved_at is not None:
        raise ConflictError(f"Comment {thread.pk} is resolved already.", resolved=True)
    thread.resolved_by, thread.resolved_at = by, timezone.now()
    save_audited(thread, by=by, reason="Resolved")
    return thread


@transaction.atomic
def reopen(*, comment: Comment, by: User) -> Comment:
    """Open a settled thread again. Raises ConflictError when it is open, RefusedError for a reply."""
    thread = _thread(comment, by)
    if thread.resolved_at is None:
        raise ConflictError(f"Comment {thread.pk} is open.", resolved=False)
    thread.resolved_by, thread.resolved_at = None, None
    save_audited(thread, by=by, reason="Reopened")
    return thread


def _thread(comment: Comment, by: User) -> Comment:
    _may(by)
    thread = Comment.objects.select_for_update(of=("self",)).select_related("author", "scene").get(pk=comment.pk)
    if thread.parent_id is not None:
        raise RefusedError(f"Comment {thread.pk} is a reply: it is resolved with comment {thread.parent_id}.")
    return thread


def _may(person: User) -> None:
    if not person.has_perm(COMMENT):
        raise NotAllowedError("Your account may only read comments. Ask an administrator for a role that may write.")


def _text(text: str) -> str:
    text = text.strip()
    if not text:
        raise RefusedError("Write something first.", field="text")
    if len(text) > MOST_TEXT:
        raise RefusedError(f"The comment has {len(text):,} characters, {MOST_TEXT:,} are enough.", field="text")
    return text


def _position(position: Sequence[float] | None, frame: Frame | None) -> list[float] | None:
    if position is None:
        return None
    if frame is None:
        raise RefusedError("A position lies in a frame. Name the frame.", field="frame")
    if len(position) != 3 or not all(math.isfinite(value) for value in position):
        raise RefusedError("A position is three finite numbers: x, y, z in metres.", field="position")
    return [float(value) for value in position]


def _point(index: int | None, position: Sequence[float] | None, frame: Frame | None) -> int | None:
    if index is None:
        return None
    if position is None or frame is None:
        raise RefusedError("A point has a position, too. Give both.", field="position")
    if not 0 <= index < frame.point_count:
        raise RefusedError(
            f"Frame {frame.name} has {frame.point_count:,} points, and none with index {index}.", field="point_index"
        )
    return index


def _camera(camera: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if camera is None:
        return None
    if len(json.dumps(dict(camera))) > MOST_CAMERA_BYTES:
        raise RefusedError(f"The camera takes more than {MOST_CAMERA_BYTES:,} characters.", field="camera")
    return dict(camera)


def _told(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TOLD else f"{line[: TOLD - 1]}…"
