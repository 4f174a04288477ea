"""WeChat Pay's error envelope, and the errors that the engine injects."""

from __future__ import annotations

from typing import Any

from cauce.providers.kit.simulator.face import Answer, json_answer


class ApiError(Exception):
    """A refusal of the simulated WeChat Pay."""

    def __init__(self, status: int, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail

    def answer(self) -> Answer:
        """The envelope."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        return json_answer(self.status, body if self.detail is None else {**body, "detail": self.detail})


def bad_param(field: str, issue: str, value: object = None, message: str = "参数错误") -> ApiError:
    """400 PARAM_ERROR with its detail."""
    detail = {"field": f"/{field}", "issue": issue, "location": "body"}
    return ApiError(400, "PARAM_ERROR", message, detail if value is None else {**detail, "value": str(value)})


def invalid(message: str) -> ApiError:
    """400 INVALID_REQUEST."""
    return ApiError(400, "INVALID_REQUEST", message)


def not_found(message: str = "记录不存在") -> ApiError:
    """404 RESOURCE_NOT_EXISTS."""
    return ApiError(404, "RESOURCE_NOT_EXISTS", message)


def short_of_money(message: str) -> ApiError:
    """403 NOT_ENOUGH."""
    return ApiError(403, "NOT_ENOUGH", message)


def injected(kind: str, status: int) -> Answer:
    """What the vendor's front answers when a fault says so: unsigned."""
    if kind == "rate_limited":
        return ApiError(429, "FREQUENCY_LIMITED", "请求频率过高").answer()
    if status == 401:
        return ApiError(401, "SIGN_ERROR", "签名错误").answer()
    return ApiError(status, "SYSTEM_ERROR", "系统异常，请稍后重试").answer()
