"""What may be done with scenes: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from scenes.services.ingesting import (
    IngestWishes,
    cancel_ingest,
    ingest_sequence,
    record_positions,
    retry_ingest,
)

__all__ = ["IngestWishes", "cancel_ingest", "ingest_sequence", "record_positions", "retry_ingest"]
