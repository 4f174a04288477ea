"""The main job on order files: imported into a sandbox, paid, delivered, settled, paid out and reconciled on its clock.

Commission 12 % of the price goes to the platform, freight and the rest to the seller. Every step goes through the
channel's simulator over its real wire protocol; at the end both sides' books are compared to the cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import merchants, reconcile
from cauce.flows.marketplace.import_orders import Imported, ImportTerms, Progress, import_orders, sellers_in
from cauce.flows.marketplace.order_files import BadOrderFile, OrderFiles, opened
from cauce.kernel.clock import monotonic_seconds
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.reports import marketplace as report

DAY = timedelta(days=1)
COMMISSION = "0.12"
CURRENCIES = {"wechat": ("cny", "CN"), "stripe": ("brl", "BR")}
_BILLS_READY = time(4)  # UTC: the day's files of every channel are out by then
_LAST_DAYS = 21
_PAYOUT_DAYS = 9  # to the next Monday, and until its payouts have arrived
_COMPARED_EVERY = timedelta(days=28)  # statements are kept by providers for some months
SELLERS_A_CHUNK = 200


@dataclass(slots=True)
class Result:
    """What the job came to; the fields of its JSON object."""

    orders: int = 0
    refused: int = 0
    breaks: list[dict[str, Any]] = field(default_factory=list)
    trial_balance_minor: dict[str, int] = field(default_factory=dict)
    custody_difference_minor: int = 0
    merchants: int = 0
    paid_out_minor: int = 0
    refunded_minor: int = 0
    seconds: int = 0
    orders_per_s: int = 0


async def open_channel(stage: Stage, provider: str, sellers: Sequence[str], at: datetime) -> ImportTerms:
    """A channel at the simulator with every seller on board, the commission rule and weekly settlement."""
    currency, country = CURRENCIES[provider]
    channel_id = await stage.channel(provider)
    await stage.control.set_clock(at)
    for start in range(0, len(sellers), SELLERS_A_CHUNK):
        part = sellers[start : start + SELLERS_A_CHUNK]
        ids = await merchants.create_merchants(
            stage.context, [NewMerchant(f"Seller {one[:8]}", external_id=one) for one in part]
        )
        refs = [
            await stage.control.merchant(provider, name=f"Seller {one[:8]}", country=country, currency=currency)
            for one in part
        ]
        await merchants.connect_merchants(
            stage.context,
            [NewAccount(i, channel_id, ref=ref, agreement="import") for i, ref in zip(ids, refs, strict=True)],
        )
    rule_id, version = await merchants.draft_split_rule(stage.context, _rule(currency))
    await merchants.activate_split_rule(stage.second_person, rule_id, version)
    await merchants.create_payout_schedule(
        stage.context, "weekly", {"interval": "weekly", "weekdays": [0]}, is_default=True
    )
    return ImportTerms(channel_id, currency, rule_id, every=DAY)


def _rule(currency: str) -> dict[str, Any]:
    return {
        "name": "commission",
        "currency": currency,
        "base": "lines",
        "fee_bearer": "seller",
        "parts": [
            {"to": "fee", "kind": "percent", "value": COMMISSION},
            {"to": "party:seller", "kind": "remainder"},
        ],
    }


def first_day(folder: Path) -> datetime:
    """The midnight before the earliest order of the files: when the sandbox's clock begins."""
    with opened(OrderFiles.within(folder)) as filed:
        for chunk in filed.chunks(1):
            placed_at = datetime.fromisoformat(chunk[0].placed_at.replace("Z", "+00:00"))
            return datetime.combine(placed_at.date(), time(), UTC) - DAY
    raise BadOrderFile("the files hold no order", param="orders")


async def play(stage: Stage, folder: Path, provider: str, *, progress: Progress | None = None) -> Result:
    """Play the job on the files of `folder` through `provider`'s simulator; the stage's clock stands before the first order."""
    started, files = monotonic_seconds(), OrderFiles.within(folder)
    sellers = sellers_in(files)
    stage.tell(f"{len(sellers)} sellers come on board at {provider}.")
    terms = await open_channel(stage, provider, sellers, await stage.now())
    imported = await import_orders(stage.context, files, terms, progress=progress)
    stage.tell(f"{imported.accepted} orders are taken in, {imported.refused} refused.")
    await live(stage, provider, terms.channel_id, progress)
    result = await result_of(stage, terms.channel_id, imported, len(sellers))
    result.seconds = int(monotonic_seconds() - started)
    result.orders_per_s = imported.accepted // max(result.seconds, 1)
    return result


async def live(stage: Stage, provider: str, channel_id: str, progress: Progress | None) -> None:
    """Walk the clock through every day of the orders: payers pay, goods arrive, Mondays settle, statements are compared."""
    async with stage.context.transaction() as tx:
        first, last, days = await report.order_days(tx, channel_id)
    compared = first.date() - DAY
    stops = sorted({*days, *(first.date() + n * _COMPARED_EVERY for n in range((last - first) // _COMPARED_EVERY + 1))})
    for number, day in enumerate(stops, 1):
        await stage.advance(datetime.combine(day, time(), first.tzinfo))
        await _payers_pay(stage, provider, channel_id)
        if day - compared >= _COMPARED_EVERY:
            await reconcile_days(stage, channel_id, compared, day - DAY)
            compared = day - DAY
        if progress is not None:
            progress(number, len(stops))
    end = last + timedelta(days=_LAST_DAYS)
    stage.tell("The last Mondays are paid out, and the statements compared with our books.")
    await stage.advance(datetime.combine(end.date(), _BILLS_READY, first.tzinfo))
    await reconcile_days(stage, channel_id, compared, end.date())
    # What only the last statements told (a freeze that ran out) is paid out now, and on its way for some days.
    quiet = datetime.combine(end.date() + timedelta(days=_PAYOUT_DAYS), _BILLS_READY, first.tzinfo)
    await stage.advance(quiet)
    await reconcile_days(stage, channel_id, end.date(), quiet.date())


async def reconcile_days(stage: Stage, channel_id: str, first: date, until: date) -> None:
    """Fetch the statements of the days [first, until] on which anything happened, and compare."""
    async with stage.context.transaction() as tx:
        days = await report.money_days(tx, channel_id)
    around = sorted({day + timedelta(days=n) for day in days for n in (0, 1)})  # a provider's day may begin earlier
    await reconcile.fetch_statements(stage.context, channel_id, [day for day in around if first <= day < until])
    await reconcile.reconcile(stage.context, channel_id, first, until)


async def _payers_pay(stage: Stage, provider: str, channel_id: str) -> bool:
    """Payers approve what waits for them; whether any did. What the provider says of it is heard when the clock goes on."""
    waiting = await stage.collecting(channel_id, "pending")
    for key in waiting:
        await stage.control.payer(provider, "approve", key=key)
    return bool(waiting)


async def result_of(stage: Stage, channel_id: str, imported: Imported, sellers: int) -> Result:
    """Both sides' books, the breaks, and the sums."""
    differences = await reconcile.check_mirror(stage.context, channel_id)
    async with stage.context.transaction() as tx:
        sums = await report.job_sums(tx, channel_id)
        breaks = await report.breaks(tx, channel_id)
        trial = await report.trial_balance(tx)
    return Result(
        orders=imported.accepted,
        refused=imported.refused,
        breaks=[
            {
                "order_id": row["order_number"] or row["key"],
                "type": row["type"],
                "amount_minor": row["amount_minor"],
                "kind": row["kind"],
            }
            for row in sorted(breaks, key=lambda row: (row["order_number"] or row["key"], row["kind"], row["type"]))
        ],
        trial_balance_minor={f"{row['book']}:{row['currency']}": row["minor"] for row in trial},
        custody_difference_minor=sum(abs(minor) for minor in differences.values()),
        merchants=sellers,
        paid_out_minor=sums["paid_out_minor"],
        refunded_minor=sums["refunded_minor"],
    )
