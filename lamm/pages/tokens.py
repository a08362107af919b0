"""API tokens: a person makes them for scripts, sees each one once, and revokes them. Only their own."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_POST

from scenes import services
from scenes.errors import DomainError
from scenes.models import ApiToken, TokenScope
from scenes.services.tokens import LIFETIMES_DAYS, TOKENS_PER_PERSON

DEFAULT_DAYS = 30


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, error_messages={"required": "Give the token a name."})
    days = forms.TypedChoiceField(choices=[(days, f"{days} days") for days in LIFETIMES_DAYS], coerce=int)
    scope = forms.ChoiceField(choices=TokenScope.choices)


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The person's tokens. A POST makes one, and its answer is the only place where its value is ever shown."""
    if request.method != "POST":
        return _answer(request, TokenForm(initial={"days": DEFAULT_DAYS, "scope": TokenScope.READ}))
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _answer(request, form)
    try:
        token, value = services.make_token(by=cast(User, request.user), **form.cleaned_data)
    except DomainError as error:
        form.add_error("name", str(error))
        return _answer(request, form)
    fresh = TokenForm(initial={"days": DEFAULT_DAYS, "scope": TokenScope.READ})
    return _answer(request, fresh, made=token, value=value, address=request.build_absolute_uri(reverse("scene-list")))


@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user)
    services.revoke_token(token=token, by=cast(User, request.user))
    messages.success(request, f"{token.name} is revoked: scripts that use it are refused from now on.")
    return redirect("tokens")


def _answer(request: HttpRequest, form: TokenForm, **made: Any) -> HttpResponse:
    mine = list(ApiToken.objects.filter(user=request.user)[:TOKENS_PER_PERSON])
    context = {"form": form, "tokens": mine, "owner": request.user, **made}
    whole = not request.htmx  # type: ignore[attr-defined]
    response = render(request, "pages/tokens.html" if whole else "parts/_tokens.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response
