"""The security headers of a page: what it may load, who may frame it. Strict by default, wider only where a page says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_OWN: dict[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "frame-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
}


def headers(
    *, framed_by: Sequence[str] = (), wider: Mapping[str, Sequence[str]] | None = None, nonce: str = ""
) -> dict[str, str]:
    """Headers of a page. `framed_by`: origins that may frame it; `wider`: what a directive allows besides our own.

    With `nonce` scripts are allowed by it, and what they load by them (`strict-dynamic`): for a vendor's loader alone.
    """
    policy = {name: (*own, *dict(wider or {}).get(name, ())) for name, own in _OWN.items()}
    policy |= {name: tuple(allowed) for name, allowed in dict(wider or {}).items() if name not in _OWN}
    if nonce:
        policy["script-src"] = (f"'nonce-{nonce}'", "'strict-dynamic'", *policy["script-src"])
    policy["frame-ancestors"] = tuple(framed_by) or ("'none'",)
    found = {
        "Content-Security-Policy": "; ".join(f"{name} {' '.join(allowed)}" for name, allowed in policy.items()),
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return found if framed_by else {**found, "X-Frame-Options": "DENY"}
