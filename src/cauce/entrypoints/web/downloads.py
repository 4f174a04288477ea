"""Files that are written while they are sent."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from cauce.flows.exporting import Export, write_export


def download_of(export: Export) -> Response:
    """Everything about a customer, as a file to keep and not to be kept by anything on its way."""
    headers = {"Content-Disposition": f'attachment; filename="{export.file_name}"', "Cache-Control": "no-store"}
    return StreamingResponse(write_export(export), media_type="application/json", headers=headers)


def pdf_of(name: str, content: bytes) -> Response:
    """A typeset document to save, which only its reader's own browser may keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-cache"}
    return Response(content, media_type="application/pdf", headers=headers)


def file_of(name: str, content: bytes) -> Response:
    """A file as it was kept: to save, never to show, whatever it is."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in " ._-()") else "_" for one in name)
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)
