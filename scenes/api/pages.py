"""Lists by keyset pages, and what every read-only endpoint shares."""

from rest_framework import mixins, viewsets
from rest_framework.pagination import CursorPagination

from scenes.api.strict import StrictParameters


class KeysetPages(CursorPagination):
    """Page 1000 costs what page 1 costs, and rows that arrive meanwhile shift nothing."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class NewestFirst(KeysetPages):
    ordering = "-id"


class InPlayingOrder(KeysetPages):
    ordering = ("scene", "index")


class ReadOnly(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    pagination_class: type[KeysetPages] = NewestFirst
