"""The explorer's filter in the admin's list of scenes: the same parameters find the same scenes."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from scenes.filters import SceneFilterSet, known_parameters
from scenes.models import Scene
from scenes.queries import canonical


class ExplorerFilter(admin.ListFilter):
    """Takes every parameter of the explorer, `?tag=rain&max_uncertainty_min=0.5`, beside the admin's own filters."""

    title = "the explorer's filters"

    def __init__(self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.names = known_parameters(SceneFilterSet())
        self.asked = QueryDict(mutable=True)
        for name in sorted(self.names & set(params)):
            self.asked.setlist(name, params.pop(name))

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return sorted(self.names)  # type: ignore[return-value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Scene]) -> QuerySet[Scene]:
        """What matches; a refused value is told and finds nothing."""
        if not self.asked:
            return queryset
        filterset = SceneFilterSet(self.asked, queryset=queryset)
        for problems in filterset.form.errors.values():
            messages.error(request, " ".join(map(str, problems)))
        return filterset.qs

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        every = changelist.get_query_string(dict.fromkeys(self.asked))
        yield {"selected": not self.asked, "query_string": every, "display": "All"}
        if self.asked:
            words = ", ".join(f"{name} {' '.join(values)}" for name, values in self.asked.lists())
            yield {"selected": True, "query_string": changelist.get_query_string(), "display": words}
        there = f"{reverse('explorer')}?{canonical(self.asked)}"
        yield {"selected": False, "query_string": there, "display": "Choose in the explorer"}
