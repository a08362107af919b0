"""What people do with an evaluation: finish or discard a draft, withdraw what is finished."""

from collections.abc import Callable
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from lamm.errors import words
from scenes.errors import DomainError
from uncertainty import services
from uncertainty.models import Evaluation

ADD = "uncertainty.add_evaluation"
Work = Callable[[HttpRequest, Evaluation, User], tuple[str, str]]


def step(work: Work) -> Callable[..., HttpResponseBase]:
    """A form's view: POST only. `work` returns what to say and where to go on; a refusal goes back to the page.

    Whose evaluation it may be is for the services to say.
    """

    @wraps(work)
    def view(request: HttpRequest, evaluation_id: int) -> HttpResponseBase:
        evaluation = get_object_or_404(Evaluation.objects.select_related("dataset_version__dataset"), pk=evaluation_id)
        try:
            said, address = work(request, evaluation, cast(User, request.user))
        except DomainError as error:
            messages.error(request, words(error))
            return redirect("evaluation", evaluation_id)
        messages.success(request, said)
        return redirect(address)

    return permission_required(ADD, raise_exception=True)(require_POST(view))


@step
def finish(request: HttpRequest, evaluation: Evaluation, person: User) -> tuple[str, str]:
    done = services.finish_evaluation(evaluation=evaluation, by=person)
    said = f"{done} is finished: {done.frame_count:,} of {done.frame_total:,} frames are scored."
    return said, reverse("evaluation", args=[done.pk])


@step
def withdraw(request: HttpRequest, evaluation: Evaluation, person: User) -> tuple[str, str]:
    services.withdraw_evaluation(evaluation=evaluation, reason=request.POST.get("reason", ""), by=person)
    return f"{evaluation} is withdrawn and counts for no scene any more.", reverse("evaluation", args=[evaluation.pk])


@step
def discard(request: HttpRequest, evaluation: Evaluation, person: User) -> tuple[str, str]:
    said = f"{evaluation} is discarded with its scores."
    services.discard_draft(evaluation=evaluation, by=person)
    return said, reverse("evaluations")
