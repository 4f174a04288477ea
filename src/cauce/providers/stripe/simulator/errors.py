"""Stripe's errors: the exception that handlers raise and the body that goes over the wire."""

from __future__ import annotations

from typing import Any

from cauce.providers.kit.simulator.face import Answer, json_answer

_TYPE_BY_STATUS = {402: "card_error", 500: "api_error", 502: "api_error", 503: "api_error", 504: "api_error"}


class StripeError(Exception):
    """An answer that is not 200. `extra` are further fields of the error body (`payment_intent`, `decline_code`…)."""

    def __init__(
        self, status: int, message: str, *, code: str = "", param: str = "", type: str = "", **extra: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {
            "type": type or _TYPE_BY_STATUS.get(status, "invalid_request_error"),
            "message": message,
            **(
                {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
                if code
                else {}
            ),
            **({"param": param} if param else {}),
            **extra,
        }

    def answer(self, headers: dict[str, str] | None = None) -> Answer:
        """The error over the wire."""
        return json_answer(self.status, {"error": self.body}, headers)


def missing(kind: str, id: str, param: str = "id") -> StripeError:
    """404 `resource_missing`."""
    return StripeError(404, f"No such {kind.replace('_', ' ')}: '{id}'", code="resource_missing", param=param)


def wrong_state(kind: str, id: str, status: str, verb: str) -> StripeError:
    """400: the intent's status does not allow it."""
    return StripeError(
        400,
        f"This {kind} ({id}) could not be {verb} because it has a status of {status}.",
        code=f"{kind.lower()}_unexpected_state",
    )


def injected(kind: str, status: int) -> Answer:
    """What Stripe says when the engine makes a call fail."""
    match kind:
        case "unknown_tenant":
            return StripeError(401, "Invalid API Key provided.").answer()
        case "rate_limited":
            return StripeError(429, "Too many requests.", code="rate_limit", type="invalid_request_error").answer()
    return StripeError(status, "An error occurred with our connection to Stripe.", type="api_error").answer()
