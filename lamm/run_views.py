"""The tracker's menu of saved views, and what a person prefers there."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import QueryDict

from experiments.models import RunPreferences, RunView
from experiments.run_addresses import canonical

MOST_LISTED = 300


@dataclass(frozen=True)
class RunViewMenu:
    """The views that a person may open; `here` is the present question, `current` the view that it is, if any."""

    own: Sequence[RunView]
    shared: Sequence[RunView]
    current: RunView | None
    here: str


def run_preferences(person: User) -> RunPreferences:
    """What a person chose for the tracker, in one query; the usual for who has not chosen yet."""
    return RunPreferences.objects.filter(user=person).first() or RunPreferences(user=person)


def views_for(person: User) -> QuerySet[RunView]:
    """The views that a person may open: their own and those that others share."""
    return RunView.objects.filter(Q(owner=person) | Q(shared=True)).select_related("owner")


def run_view_menu(person: User, parameters: QueryDict) -> RunViewMenu:
    """The menu for a page with these parameters; one query."""
    views = list(views_for(person)[:MOST_LISTED])
    here = canonical(parameters)
    same = sorted((view for view in views if view.query == here), key=lambda view: view.owner_id != person.pk)
    own = [view for view in views if view.owner_id == person.pk]
    shared = [view for view in views if view.owner_id != person.pk]
    return RunViewMenu(own, shared, same[0] if same else None, here)
