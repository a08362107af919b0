"""What may be done with scenes: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from scenes.services.assigning import ManyAssigned, assign_many, unassign_many
from scenes.services.displaying import field_scales
from scenes.services.exporting import request_export
from scenes.services.ingesting import (
    cancel_ingest,
    ingest_files,
    ingest_root_sequence,
    ingest_sequence,
    ingest_tree_scene,
    retry_ingest,
)
from scenes.services.labeling import MatchedFiles, add_label_set, match_files, ontology_named, sync_shipped_ontologies
from scenes.services.maintaining import DamagedFile, PruneReport, files_to_verify, prune_orphans, verify_files
from scenes.services.preferences import set_default_view, set_explorer_preferences
from scenes.services.queueing import QueuedJobs, queue_job, queue_jobs
from scenes.services.registering import IngestWishes, record_positions
from scenes.services.replacing import replace_frame
from scenes.services.roles import sync_roles
from scenes.services.tokens import make_token, note_use, revoke_token
from scenes.services.uploading import (
    DeclaredFile,
    abandon_upload,
    append,
    commit_upload,
    declare_files,
    leave_out,
    open_upload,
)
from scenes.services.views import change_view, remove_view, save_view
from scenes.services.workflow import (
    accept,
    assign,
    plan,
    reopen,
    send_back,
    set_due,
    set_priority,
    submit,
    take,
    take_next,
    unassign,
)

__all__ = [
    "DamagedFile",
    "DeclaredFile",
    "IngestWishes",
    "ManyAssigned",
    "MatchedFiles",
    "PruneReport",
    "QueuedJobs",
    "abandon_upload",
    "accept",
    "add_label_set",
    "append",
    "assign",
    "assign_many",
    "cancel_ingest",
    "change_view",
    "commit_upload",
    "declare_files",
    "field_scales",
    "files_to_verify",
    "ingest_files",
    "ingest_root_sequence",
    "ingest_sequence",
    "ingest_tree_scene",
    "leave_out",
    "make_token",
    "match_files",
    "note_use",
    "ontology_named",
    "open_upload",
    "plan",
    "prune_orphans",
    "queue_job",
    "queue_jobs",
    "record_positions",
    "remove_view",
    "reopen",
    "replace_frame",
    "request_export",
    "retry_ingest",
    "revoke_token",
    "save_view",
    "send_back",
    "set_default_view",
    "set_due",
    "set_explorer_preferences",
    "set_priority",
    "submit",
    "sync_roles",
    "sync_shipped_ontologies",
    "take",
    "take_next",
    "unassign",
    "unassign_many",
    "verify_files",
]
