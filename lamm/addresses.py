"""Pages whose address holds their whole state, also while htmx replaces parts of them."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.cache import patch_cache_control, patch_vary_headers


def without_blanks(given: QueryDict) -> QueryDict:
    """The parameters that say something, so that addresses stay short and mean one thing."""
    kept = QueryDict(mutable=True)
    for name, values in given.lists():
        said = [value.strip() for value in values if value.strip()]
        if said:
            kept.setlist(name, said)
    return kept


def addressed(request: HttpRequest, response: HttpResponse, parameters: QueryDict) -> HttpResponse:
    """The part and the whole page share one address: caches must keep them apart, the address bar follows."""
    patch_vary_headers(response, ["HX-Request"])
    patch_cache_control(response, private=True, no_store=True)
    if request.htmx and request.htmx.trigger != "refresh":  # type: ignore[attr-defined]
        query = parameters.urlencode()
        response["HX-Push-Url"] = f"{request.path}?{query}" if query else request.path
    return response
