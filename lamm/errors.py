"""Domain errors become answers here, once, for pages and API alike."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from scenes.clouds.cloud import CloudError

DOMAIN_ERRORS: dict[type[Exception], int] = {CloudError: 400, ValidationError: 400}


def domain_status(error: Exception) -> int | None:
    return next((status for kind, status in DOMAIN_ERRORS.items() if isinstance(error, kind)), None)


def words(error: Exception) -> str:
    return "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)


class DomainErrorMiddleware:
    """A domain error on a page answers with its status and its words instead of a server error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        status = domain_status(error)
        if status is None:
            return None
        return render(request, "error.html", {"status": status, "words": words(error)}, status=status)


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every error of the API has an object as its body."""
    status = domain_status(error)
    if status is not None:
        return Response({"detail": words(error)}, status=status)
    response = exception_handler(error, context)
    if response is not None and not isinstance(response.data, dict):
        response.data = {"detail": response.data}
    return response


class StrictFilterBackend(DjangoFilterBackend):
    """Refuses parameters that no filter knows, so that a typo is not a filter that silently matches all."""

    ALWAYS_KNOWN = frozenset({"cursor", "page_size", "format"})

    def filter_queryset(self, request: Any, queryset: Any, view: APIView) -> Any:
        filterset = self.get_filterset(request, queryset, view)
        known = set(filterset.get_form_class().base_fields) if filterset else set()
        unknown = sorted(set(request.query_params) - known - self._suffixed(known) - self.ALWAYS_KNOWN)
        if unknown:
            raise exceptions.ValidationError(
                {"detail": f"Unknown parameters: {', '.join(unknown)}.", "known": sorted(known)}
            )
        return super().filter_queryset(request, queryset, view)

    @staticmethod
    def _suffixed(names: set[str]) -> set[str]:
        return {f"{name}_{suffix}" for name in names for suffix in ("min", "max", "after", "before")}


class ErrorBody(serializers.Serializer):
    """The body of every error answer."""

    detail = serializers.CharField()


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    words = "Your account may not see this. Ask an administrator for the right role."
    return render(request, "error.html", {"status": 403, "words": words}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    words = "There is nothing at this address. It may have been removed, or the link is mistyped."
    return render(request, "error.html", {"status": 404, "words": words}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    words = "Something broke on our side. The failure is logged; trying again may help."
    return render(request, "error.html", {"status": 500, "words": words}, status=500)
