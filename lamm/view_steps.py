"""What the steps of menus of saved views share: work that says what was done, and a menu that answers."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from lamm.errors import domain_status, words
from scenes.errors import DomainError

Work = Callable[..., str]
# Of a request, the question that it came from, what is said and the status: the menu as it is now.
Menu = Callable[[HttpRequest, QueryDict, str, int], HttpResponse]


def steps(permission: str, page: str, menu: Menu) -> Callable[[Work], Callable[..., HttpResponse]]:
    """Makes a form's view of work: POST only, for people with the permission; without a script it leads to `page`."""

    def step(work: Work) -> Callable[..., HttpResponse]:
        @wraps(work)
        def view(request: HttpRequest, **given: int) -> HttpResponse:
            try:
                said, status = work(request, cast(User, request.user), **given), 200
            except DomainError as error:
                said, status = words(error), domain_status(error) or 400
            here = QueryDict(request.POST.get("here", ""))
            if request.htmx:  # type: ignore[attr-defined]
                return menu(request, here, said, status)
            (messages.success if status == 200 else messages.error)(request, said)
            return redirect(f"{reverse(page)}?{here.urlencode()}")

        return permission_required(permission, raise_exception=True)(require_POST(view))

    return step


def problem(request: HttpRequest, said: str) -> dict[str, Any]:
    """What the menu needs to tell that a name was refused."""
    return {"view_problem": said, "view_name": request.POST.get("name", "")}


def dialog(
    permission: str, kind: type[Model], canonical: Callable[[str], str], *, change: str, remove: str
) -> Callable[..., HttpResponse]:
    """The view of what an owner may do with a view; `change` and `remove` are the names of the routes that do it."""

    @require_safe
    @permission_required(permission, raise_exception=True)
    def edit(request: HttpRequest, view_id: int) -> HttpResponse:
        view = get_object_or_404(kind, pk=view_id, owner=request.user)
        here = canonical(request.GET.get("here", ""))
        facts = {"view": view, "here": here, "change": change, "remove": remove}
        return render(request, "parts/_saved_view_dialog.html", facts)

    return edit
