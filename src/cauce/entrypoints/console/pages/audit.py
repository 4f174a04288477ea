"""Who did what, when, from where: the audit, newest first, of the organization or of one object."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import ROWS, asked, following, framed, page, search_filter
from cauce.entrypoints.web.sessions import Session
from cauce.storage import audit


async def show(request: Request, session: Session) -> Response:
    """Audit lines with the values before and after."""
    wanted = asked(request, "find", "before")
    before = int(wanted["before"]) if wanted["before"].isdigit() and len(wanted["before"]) < 19 else audit.LATEST
    async with session.context.transaction() as tx:
        rows = await audit.page(tx, before=before, rows_max=ROWS, object_id=wanted["find"] or None)
    return await framed(
        request,
        session,
        "console/audit.html",
        rows=rows,
        filters=(search_filter(wanted["find"], "in_…"),),
        link_to=link_to,
        next=following(request, rows),
    )


routes = [page("/console/audit", show)]
