"""What may be done with models: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from registry.services.aliasing import remove_alias, set_alias
from registry.services.describing import archive_version, describe_model, describe_version, restore_version
from registry.services.gating import add_gate, retire_gate, waive_gate
from registry.services.hooking import add_webhook, deliver, remove_webhook, try_webhook, wake_due_deliveries
from registry.services.promoting import approve, check_gates, refuse, request_promotion, withdraw
from registry.services.registering import register_model, register_version
from registry.services.staging import roll_back, step_down

__all__ = [
    "add_gate",
    "add_webhook",
    "approve",
    "archive_version",
    "check_gates",
    "deliver",
    "describe_model",
    "describe_version",
    "refuse",
    "register_model",
    "register_version",
    "remove_alias",
    "remove_webhook",
    "request_promotion",
    "restore_version",
    "retire_gate",
    "roll_back",
    "set_alias",
    "step_down",
    "try_webhook",
    "waive_gate",
    "wake_due_deliveries",
    "withdraw",
]
