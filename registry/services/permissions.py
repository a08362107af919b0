"""Who may do what with models, and the locks under which versions change; every service asks here first."""

from django.contrib.auth.models import User

from registry.models import ModelVersion, PromotionRequest, RegisteredModel
from scenes.errors import ConflictError, NotAllowedError

REGISTER, DESCRIBE = "registry.add_modelversion", "registry.change_modelversion"
APPROVE, GATES, WEBHOOKS = "registry.approve_promotion", "registry.change_gate", "registry.change_webhook"
# Look at gates again, waive them, step down: of those who ask and of those who decide.
FOLLOW = "registry.change_promotionrequest"
WORDS = {
    REGISTER: "Your account may not register models or ask for promotions. Ask an engineer.",
    DESCRIBE: "Your account may not change models. Ask an engineer.",
    APPROVE: "Your account may not decide over promotions. Ask an approver.",
    FOLLOW: "Your account may not take part in promotions. Ask an engineer or an approver.",
    GATES: "Your account may not change gates. Ask an approver.",
    WEBHOOKS: "Your account may not change webhooks. Ask an approver or an operator.",
}


def check(by: User, permission: str) -> None:
    """Raises NotAllowedError."""
    if not by.has_perm(permission):
        raise NotAllowedError(WORDS[permission])


def locked_model(model_id: int) -> RegisteredModel:
    """The model, held until the transaction ends: whoever moves versions of it waits here, one after the other."""
    return RegisteredModel.objects.select_for_update(no_key=True).get(pk=model_id)


def locked_version(version: ModelVersion) -> ModelVersion:
    """The version as it is now, under the lock of its model."""
    model = locked_model(version.model_id)
    found = ModelVersion.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    found.model = model
    return found


def open_request(request: PromotionRequest) -> PromotionRequest:
    """The request as it is now, under the lock of its model. Raises ConflictError when it is not open any more."""
    version = locked_version(request.version)
    people = ["asked_by", "decided_by", "compared_with"]
    rows = PromotionRequest.objects.select_for_update(of=("self",), no_key=True).select_related(*people)
    found = rows.get(pk=request.pk)
    found.version = version
    if not found.open:
        who = f" by {found.decided_by.get_username()}" if found.decided_by else ""
        raise ConflictError(
            f"This promotion of {version} was {found.get_state_display().lower()}{who} meanwhile.", state=found.state
        )
    return found
