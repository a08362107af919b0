"""Which version of LAMM answers here, and which clients it still understands."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from scenes.api.strict import StrictParameters

# Raised when an answer that older versions of lamm_client read changes its meaning.
OLDEST_CLIENT = "0.1.0"


class VersionAnswer(serializers.Serializer):
    version = serializers.CharField()
    oldest_client = serializers.CharField()


class VersionView(StrictParameters, APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(responses=VersionAnswer)
    def get(self, request: Request) -> Response:
        """The server's version, and the oldest version of lamm_client that fits it."""
        return Response({"version": settings.RELEASE, "oldest_client": OLDEST_CLIENT})
