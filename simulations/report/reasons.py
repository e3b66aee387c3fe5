"""Why a reply was dropped or a site was missed, in plain words."""

from __future__ import annotations

from types import MappingProxyType

# By the closed reasons of server.absence, server.replies and common.messages.
ABSENCES = MappingProxyType(
    {
        "silent": "was asked and gave no answer in time",
        "not-connected": "was not connected, so it was not asked",
        "busy": "was still at work on an earlier message, so it was not asked",
    }
)
REJECTIONS = MappingProxyType(
    {
        "unknown-error": "its node reported an error that is not known here",
        "app-not-loaded": "its node could not load the app, or did not trust it",
        "app-failed": "its relay failed; the log of its node says more",
        "app-stopped": "its relay was killed or stopped responding",
        "site-unavailable": "its node was lost before it had answered",
        "too-large": "its reply was larger than any honest one",
        "malformed": "its reply could not be read",
        "wrong-kind": "its reply was of another kind",
        "wrong-run": "its reply was to another run",
        "wrong-round": "its reply was to another round",
        "wrong-transfer-set": "its reply was on another transfer set",
        "wrong-type": "its soft labels had another type",
        "wrong-shape": "its soft labels had another shape",
        "not-finite": "its soft labels had values that are no numbers",
        "off-simplex": "its soft labels were no probabilities",
        "out-of-range": "its soft labels were out of range",
        "invalid-site-name": "its name is no site's name",
        "duplicate-site-name": "its name is that of another connected site",
        "wrong-num-classes": "it has another number of classes",
    }
)
REFUSALS = MappingProxyType(
    {
        "malformed-request": "the request broke the protocol",
        "version-mismatch": "it speaks another version of the protocol",
        "unknown-run": "it had not agreed to this run",
        "plan-changed": "the run's plan is not what it had agreed to",
        "plan-not-allowed": "its policy does not allow the plan",
        "mechanism-not-allowed": "its policy does not allow the mechanism",
        "non-private-not-allowed": "its policy does not allow runs without privacy",
        "model-not-allowed": "its policy does not allow the model",
        "classes-mismatch": "it has another number of classes",
        "transfer-set-mismatch": "its policy does not allow the transfer set",
        "request-changed": "it had answered another request for this round",
        "reply-purged": "its answer to this round is no longer kept",
        "data-changed": "its data have changed and its owner has not agreed yet",
        "busy": "it was busy with another request",
        "run-not-allowed": "its policy does not allow the run",
        "query-limit": "its policy does not allow more labels of these examples",
        "transfer-set-missing": "it lacked the transfer set",
        "ledger-rolled-back": "its ledger is older than one that was seen before",
        "ledger-unavailable": "its ledger could not be written",
        "internal-error": "it failed; its own log says why",
    }
)
_REFUSED = "refused: "


def rejection_words(label: str) -> str:
    """Returns why a reply was dropped; the label itself where it is not known."""
    if label.startswith(_REFUSED):
        reason = label.removeprefix(_REFUSED)
        return f"it refused: {REFUSALS.get(reason, reason)}"
    return REJECTIONS.get(label, label)


def absence_words(reason: str) -> str:
    """Returns why a site was missed; the reason itself where it is not known."""
    return ABSENCES.get(reason, reason)
