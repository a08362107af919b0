"""What nobody knows is refused by name, so that a typo is not a wish that is silently dropped."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView

    View = APIView
    Base = serializers.BaseSerializer[Any]
else:
    View = Base = object


def refuse_unknown(kind: str, given: set[str], known: set[str]) -> None:
    """Raises:
    ValidationError: with the names that are given and not known, and those that are.
    """
    unknown = sorted(given - known)
    if unknown:
        told = f"Known: {', '.join(sorted(known))}." if known else "None are taken here."
        raise ValidationError({"detail": f"Unknown {kind}: {', '.join(unknown)}. {told}"})


class StrictFields(Base):
    """A serializer that refuses bodies with unknown fields. What can only be read can't be written, either."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}  # type: ignore[attr-defined]
            refuse_unknown("fields", set(map(str, data)), writable)
        return super().to_internal_value(data)


class StrictSerializer(StrictFields, serializers.Serializer):
    """The body of a request."""


class StrictParameters(View):
    """A view whose requests take no parameters in the address, but for its list: there the filters decide.

    Requests whose body is not JSON fields (an action without a body) can ask `refuse_fields`.
    """

    known_parameters: frozenset[str] = frozenset({"format"})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if getattr(self, "action", None) != "list":
            refuse_unknown("parameters", set(request.query_params), set(self.known_parameters))


def refuse_fields(request: Request) -> None:
    """For requests that say everything by their address: a field would be a misunderstanding."""
    if request.data:
        given = set(map(str, request.data)) if isinstance(request.data, Mapping) else {"a list"}
        refuse_unknown("fields", given, set())
