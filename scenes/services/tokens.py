"""API tokens: made and revoked by their owners, revoked by administrators."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.models import ApiToken, TokenScope

LIFETIMES_DAYS = (7, 30, 90, 365)
TOKENS_PER_PERSON = 50
LAST_USE_RESOLUTION = timedelta(minutes=1)


@transaction.atomic
def make_token(*, by: User, name: str, days: int, scope: TokenScope) -> tuple[ApiToken, str]:
    """A new token of `by` and its value, which is kept nowhere and told only here.

    Raises:
        RefusedError: a lifetime that is not offered, or too many tokens.
        ConflictError: the person has a token of this name.
    """
    if days not in LIFETIMES_DAYS:
        offered = ", ".join(map(str, LIFETIMES_DAYS))
        raise RefusedError(f"A token lives for one of these numbers of days: {offered}. {days} is none of them.")
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # two requests at once count after each other
    mine = ApiToken.objects.filter(user=by)
    if mine.filter(name=name).exists():
        raise ConflictError(f"You have a token named {name} already. Choose another name, or revoke that one first.")
    if mine.count() >= TOKENS_PER_PERSON:
        raise RefusedError(f"You have {TOKENS_PER_PERSON} tokens. Revoke those that are not needed any more.")
    digest, value = get_digest_token()
    token = ApiToken(
        user=by,
        name=name,
        scope=scope,
        digest=digest,
        token_key=value[: CONSTANTS.TOKEN_KEY_LENGTH],
        expiry=timezone.now() + timedelta(days=days),
    )
    save_audited(token, by=by, reason="API token made")
    return token, value


def revoke_token(*, token: ApiToken, by: User) -> None:
    """The token is refused from now on. Its history stays."""
    token._history_user, token._change_reason = by, "API token revoked"
    token.delete()


def note_use(*, token: ApiToken) -> None:
    """Remember when a token was used last, with one write a minute however often it is used."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= LAST_USE_RESOLUTION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
