"""What the search field searches: one text per scene."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from scenes.models.scenes import Scene


class SearchText(models.Model):
    """Scene ID, drive and tags of a scene in one text, so that one index answers every search.

    A row of its own because tags change often: rewriting it touches one index, rewriting the scene some twenty.
    Lower case, words behind blanks; triggers of migration 0012 write it and nobody else does.
    """

    scene = models.OneToOneField(Scene, on_delete=models.CASCADE, primary_key=True, related_name="search_text")
    text = models.TextField()

    class Meta:
        default_permissions = ()
        indexes = [GinIndex(fields=["text"], name="scene_search_substrings", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.text
