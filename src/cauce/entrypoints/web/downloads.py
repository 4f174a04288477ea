"""Files that are written while they are sent."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from cauce.flows.exporting import Export, write_export


def download_of(export: Export) -> Response:
    """Everything about a customer, as a file to keep and not to be kept by anything on its way."""
    headers = {"Content-Disposition": f'attachment; filename="{export.file_name}"', "Cache-Control": "no-store"}
    return StreamingResponse(write_export(export), media_type="application/json", headers=headers)
