"""One attempt to deliver, and what its answer means."""

from __future__ import annotations

from events.webhooks import post, signature, targets
from events.webhooks.models import Webhook
from events.webhooks.queue import Outcome


def attempt(webhook: Webhook, body: bytes, signed: str, outcome: Outcome) -> None:
    """Send the request and fill the outcome. The signature is no part of what is kept."""
    headers = {**outcome.headers, signature.SIGNATURE: signed}
    request = post.Request(webhook.url, body, headers, webhook.timeout, webhook.ca)
    try:
        answer = post.post(request)
    except (post.Failed, targets.Refused) as error:
        outcome.error = str(error)
        return
    outcome.status, outcome.answer = answer.status, answer.text
    outcome.ok = 200 <= answer.status < 300
    if not outcome.ok:
        outcome.error = _meaning(answer.status)
        outcome.retry_after = answer.retry_after


def _meaning(status: int) -> str:
    if 300 <= status < 400:
        return f"status {status}: redirects are not followed"
    return f"status {status}"
