"""The texts as an organization has them: its own where it changed them, else the product's; and which names they may use."""

from __future__ import annotations

from datetime import datetime

from cauce.billing.outreach import store, texts
from cauce.billing.outreach.templating import Text, check, names_in
from cauce.kernel.errors import NotFound
from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "wording.sql")


async def all_texts(tx: Tx) -> dict[tuple[str, str], tuple[Text, bool]]:
    """Every text by (template, locale), with whether it is the organization's own."""
    own = await store.texts(tx)
    return {
        **{key: (text, False) for key, text in texts.shipped().items()},
        **{key: (text, True) for key, text in own.items()},
    }


async def template_keys(tx: Tx) -> list[str]:
    """Every template that there is."""
    return sorted({key for key, _ in await all_texts(tx)})


def known_names() -> frozenset[str]:
    """The values that messages have: all that the shipped texts use."""
    return frozenset(name for text in texts.shipped().values() for name in names_in(text))


async def put_text(tx: Tx, template: str, locale: str, text: Text, now: datetime) -> None:
    """Keep an organization's own words; `BadTemplate` for what does not parse or names what no message has."""
    check(text, known_names())
    await tx.run(QUERIES.put_template, tx.org, template, locale, text.subject, text.body, now)


async def drop_text(tx: Tx, template: str, locale: str) -> None:
    """Return to the words that ship; `NotFound` for a message or language that there is not."""
    if (template, locale) not in await all_texts(tx):
        raise NotFound(f"there is no text {template} in {locale}", param="template")
    await tx.run(QUERIES.drop_template, tx.org, template, locale)
