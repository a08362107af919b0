"""Promotions: asked for by one person, held against the gates, decided by another."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from registry import evidence
from registry.models import Gate, GateResult, ModelVersion, Move, PromotionRequest, RequestState, Stage
from registry.services.announcing import announce_request
from registry.services.permissions import APPROVE, FOLLOW, REGISTER, check, locked_version, open_request
from registry.services.staging import in_production, move
from registry.texts import MOST_REASON, clean, required
from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError

TARGETS = [Stage.STAGING, Stage.PRODUCTION]
WHY_REFUSED = "Say why it is refused: whoever asked wants to know what to mend."


@transaction.atomic
def request_promotion(
    *, version: ModelVersion, by: User, target: str = Stage.PRODUCTION, note: str = ""
) -> PromotionRequest:
    """Ask another person to bring a version to a stage; the gates are looked at at once, and again when it is decided.

    Raises ConflictError when the version is there or beyond already, is archived, or is asked for already.
    """
    check(by, REGISTER)
    if target not in TARGETS:
        raise RefusedError(f"target: {target!r} is unknown. It is staging or production.", field="target")
    found = locked_version(version)
    if found.archived:
        raise ConflictError(f"{found} is archived. Restore it first.")
    if found.stage in (target, Stage.PRODUCTION):
        raise ConflictError(f"{found} is in {found.get_stage_display()} already.", stage=found.stage)
    other = found.promotion_requests.filter(state=RequestState.OPEN, target=target).select_related("asked_by").first()
    if other is not None:
        who = other.asked_by.get_username()
        raise ConflictError(f"{who} has asked to promote {found} to {Stage(target).label} already.", request=other.pk)
    request = PromotionRequest(version=found, target=target, asked_by=by)
    request.note = clean(note, what="note", most=MOST_REASON)
    save_audited(request, by=by, reason=f"Asked for {Stage(target).label}")
    _look_at_gates(request, by)
    announce_request(request, asked=True)
    return request


@transaction.atomic
def check_gates(*, request: PromotionRequest, by: User) -> PromotionRequest:
    """Hold an open request against the gates and the Production of now."""
    check(by, FOLLOW)
    found = open_request(request)
    _look_at_gates(found, by)
    return found


def approve(*, request: PromotionRequest, by: User, reason: str = "") -> PromotionRequest:
    """Promote. The gates are looked at again, and what is not passed must have been waived.

    Raises NotAllowedError for whoever asked, ConflictError when the request was decided meanwhile, when another
    version came into Production since the gates were looked at, or when a gate is neither passed nor waived: then
    what the gates said is kept.
    """
    check(by, APPROVE)
    found, failed = _approve(request, by, clean(reason, what="reason", most=MOST_REASON))
    if failed:
        told = "; ".join(f"{result.gate}: {result.words}" for result in failed)
        raise ConflictError(f"{found.version} does not pass its gates. {told}", gates=[one.gate_id for one in failed])
    return found


@transaction.atomic
def _approve(request: PromotionRequest, by: User, reason: str) -> tuple[PromotionRequest, list[GateResult]]:
    found = open_request(request)
    _check_other_person(found, by)
    version, present = found.version, in_production(found.version.model)
    if version.archived:
        raise ConflictError(f"{version} is archived. Restore it first.")
    if (present.pk if present else None) != found.compared_with_id:
        now = f"{present} is in Production by now" if present else "Nothing is in Production any more"
        raise ConflictError(f"{now}. Check the gates again before you decide.", production=present and present.pk)
    failed = _look_at_gates(found, by)
    if failed:
        return found, failed
    at = timezone.now()
    found.state, found.decided_by, found.decided_at, found.reason = RequestState.APPROVED, by, at, reason
    save_audited(found, by=by, reason=f"Approved: {reason}" if reason else "Approved")
    if found.target == Stage.PRODUCTION and present is not None:
        move(present, Stage.STAGING, as_=Move.REPLACED, by=by, at=at, reason=f"by {version.label}", request=found)
    move(version, found.target, as_=Move.PROMOTED, by=by, at=at, reason=reason or found.note, request=found)
    announce_request(found)
    return found, []


@transaction.atomic
def refuse(*, request: PromotionRequest, by: User, reason: str) -> PromotionRequest:
    """Say no, with the reason. Raises NotAllowedError for whoever asked, ConflictError when it was decided before."""
    check(by, APPROVE)
    reason = required(reason, what="reason", why=WHY_REFUSED)
    found = open_request(request)
    _check_other_person(found, by)
    found.state, found.decided_by, found.reason = RequestState.REFUSED, by, reason
    found.decided_at = timezone.now()
    save_audited(found, by=by, reason=f"Refused: {reason}")
    announce_request(found)
    return found


@transaction.atomic
def withdraw(*, request: PromotionRequest, by: User) -> PromotionRequest:
    """Take one's own request back."""
    check(by, REGISTER)
    found = open_request(request)
    if found.asked_by_id != by.pk:
        raise NotAllowedError(f"{found.asked_by.get_username()} asked for this promotion, and alone can withdraw it.")
    found.state, found.withdrawn_at = RequestState.WITHDRAWN, timezone.now()
    save_audited(found, by=by, reason="Withdrawn")
    return found


def _check_other_person(request: PromotionRequest, by: User) -> None:
    if request.asked_by_id == by.pk:
        raise NotAllowedError("You asked for this promotion: another approver has to decide.")


def _look_at_gates(request: PromotionRequest, by: User) -> list[GateResult]:
    """Write what each gate says of a locked request now; those that are neither passed nor waived."""
    version, present = request.version, in_production(request.version.model)
    gates = Gate.objects.filter(model=version.model, target=request.target, retired_at=None)
    told = evidence.told_by(gates.select_related("dataset_version__dataset"), version, present)
    request.check_number, request.checked_at, request.compared_with = request.check_number + 1, timezone.now(), present
    save_audited(request, by=by, reason="Gates checked")
    results = [
        GateResult(
            request=request,
            gate=gate,
            check_number=request.check_number,
            passed=one.passed,
            measured=one.measured,
            threshold=gate.threshold,
            contaminated=one.contaminated,
            words=one.words,
            evidence=one.evidence,
        )
        for gate, one in told
    ]
    GateResult.objects.bulk_create(results)
    waived = set(request.waivers.values_list("gate_id", flat=True))
    return [result for result in results if not result.passed and result.gate_id not in waived]
