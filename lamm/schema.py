"""What the OpenAPI description says of every endpoint: how to log in, and the errors it may answer with."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from lamm.errors import ErrorBody

Direction = Literal["request", "response"]
READING, WRITING, ONE_ROW = (400, 401, 403), (400, 401, 403, 415), (404,)


class ApiTokenScheme(OpenApiAuthenticationExtension):
    target_class = "lamm.authentication.ApiTokenAuthentication"
    name = "API token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "Made on the page /tokens/."}


class ErrorsInSchema(AutoSchema):
    """Adds the errors every endpoint shares, each with an object as its body; what a view documents itself stays."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        statuses = READING if self.method in ("GET", "HEAD", "DELETE") else WRITING
        for status in statuses + (ONE_ROW if "{" in self.path else ()):
            bodies.setdefault(str(status), self._get_response_for_code(ErrorBody, str(status), direction=direction))
        return bodies
