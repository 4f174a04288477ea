"""`cauce channels`: an organization's contracts with payment providers and other vendors: add, change, list, compare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.flows.context import Context
    from cauce.storage.database import Row

app = typer.Typer(help="Channels, the contracts with providers: add, change, list, compare.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]
_SHOWN = (
    "id",
    "provider",
    "name",
    "state",
    "key_refused_at",
    "stopped_at",
    "created_at",
    "last_notice_at",
    "notices_read_to",
    "notices_url",
)
KEY_READ_ANEW = timedelta(seconds=10)
"""Workers use what they read of a channel for a few seconds more; what waits for a new key is asked about after that."""

_COMPARED = (
    "provider", "class", "currencies", "split_moments", "payout_route", "receivers_per_call_max",
    "requests_per_order_max", "share_max", "freeze_days_max", "refund_window_days", "settings_missing",
)  # fmt: skip


@app.command()
def add(
    provider: Annotated[str, typer.Argument(help="As stripe or wechat; `cauce channels compare` names them all.")],
    name: Annotated[str, typer.Option("--name", help="What people call it; the provider's title if left out.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="A JSON object with the settings, instead of questions.")
    ] = None,
    org: OrgOption = "",
) -> None:
    """Connect a provider. Its settings come from a file or are asked for; secrets are sealed and never shown again."""
    from cauce.entrypoints.cli.application import run_with_app
    from cauce.entrypoints.cli.contracts import ask_settings, known_provider, read_settings

    chosen = known_provider(provider)
    values = read_settings(chosen, file) if file else ask_settings(chosen)

    async def work(app: App) -> dict[str, Any]:
        return await _add(app, org, chosen.name, name or chosen.title, values)

    made = run_with_app("cauce channels add", work)
    output.emit(made, f"{made['id']}: {made['name']}", f"Let the provider send its notices to {made['notices_url']}")


@app.command()
def daily(
    channel: Annotated[str, typer.Argument(help="The channel (ch_…).")],
    hour: Annotated[int, typer.Option(min=0, max=23, help="Of the organization's day.")] = 12,
    off: Annotated[bool, typer.Option("--off", help="No longer by itself.")] = False,
    org: OrgOption = "",
) -> None:
    """Fetch and compare a channel's statements every day by itself; a live organization's channels begin with that."""
    from cauce.entrypoints.cli.acting import in_org
    from cauce.flows.marketplace.daily import reconcile_daily

    in_org("cauce channels", org, lambda context: reconcile_daily(context, channel, None if off else hour))
    when = "no longer by itself" if off else f"daily at {hour:02}:00"
    output.emit({"channel": channel, "hour": None if off else hour}, f"{channel} is reconciled {when}.")


@app.command("read-notices")
def read_notices(
    channel: Annotated[str, typer.Argument(help="The channel (ch_…).")],
    since: Annotated[
        datetime | None, typer.Option("--since", help="UTC; from where its list was read to if left out.")
    ] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="UTC; until now if left out.")] = None,
    hourly: Annotated[
        bool | None, typer.Option("--hourly/--by-hand", help="From now on by itself, or no longer.")
    ] = None,
    org: OrgOption = "",
) -> None:
    """Read what a provider told us and we never heard from its own list; a live organization's channels do so hourly."""
    from cauce.entrypoints.cli.acting import in_org
    from cauce.flows import missed_notices

    async def work(context: Context) -> missed_notices.Read:
        if hourly is not None:
            await missed_notices.read_regularly(context, channel, on=hourly)
        span = (one.replace(tzinfo=UTC) if one else None for one in (since, until))
        return await missed_notices.read_span(context, channel, *span)

    read = in_org("cauce channels", org, work)
    said = (
        f"{read.missed} notices from {read.since:%Y-%m-%d %H:%M} to {read.until:%Y-%m-%d %H:%M} UTC had not reached us."
    )
    output.emit({"channel": channel, "since": read.since, "until": read.until, "missed": read.missed}, said)


@app.command()
def resume(
    channel: Annotated[str, typer.Argument(help="The channel (ch_…).")],
    merchant: Annotated[
        str | None, typer.Option("--merchant", help="Only of this merchant, by his number at the provider.")
    ] = None,
    org: OrgOption = "",
) -> None:
    """Let a channel be asked again whose calls were stopped: wrong signatures, or a contract or set-up that was wrong."""
    from cauce.entrypoints.cli.acting import in_org
    from cauce.flows.refused_keys import resume_calls

    resumed = in_org("cauce channels", org, lambda context: resume_calls(context, channel, merchant))
    said = "is asked again" if resumed else "was not stopped"
    output.emit({"channel": channel, "resumed": resumed}, f"{channel} {said}.")


@app.command("try-again")
def again(
    command: Annotated[
        str, typer.Argument(help="The key of a command that was put off eight times, or ch_… for all of a channel.")
    ],
    org: OrgOption = "",
) -> None:
    """Let a command be tried again under the same key, or all that a channel put off."""
    from cauce.entrypoints.cli.acting import in_org
    from cauce.flows.refused_keys import try_again, try_all_again

    async def work(context: Context) -> int:
        if command.startswith("ch_"):
            return await try_all_again(context, command)
        await try_again(context, command)
        return 1

    many = in_org("cauce channels", org, work)
    output.emit({"commands": many}, f"{many} commands are tried again.")


@app.command("give-up")
def end(
    command: Annotated[str, typer.Argument(help="The key of a command that waits for you, for money or for a set-up.")],
    org: OrgOption = "",
) -> None:
    """Give a command up: the provider is asked once more, and where it does not know it the command ends as refused."""
    from cauce.entrypoints.cli.acting import in_org
    from cauce.flows.giving_up import give_up

    in_org("cauce channels", org, lambda context: give_up(context, command))
    output.emit({"command": command}, f"{command} is given up.")


@app.command()
def change(
    channel: Annotated[str, typer.Argument(help="The channel's id (ch_…).")],
    file: Annotated[Path, typer.Option("--file", help="A JSON object with the settings to replace; others stay.")],
    org: OrgOption = "",
) -> None:
    """Replace settings of a channel: a new key, the secret of a webhook endpoint made since."""
    from cauce.entrypoints.cli.application import run_with_app

    async def work(app: App) -> dict[str, Any]:
        return await _change(app, org, channel, file)

    changed = run_with_app("cauce channels change", work)
    output.emit(changed, f"{changed['id']}: {changed['name']} is changed; running processes know it within seconds.")


@app.command("list")
def show(org: OrgOption = "") -> None:
    """List the channels, each with the address that its provider's notices go to; never their secrets."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.storage.directory.orgs import inbound_token

    async def work(app: App) -> list[dict[str, Any]]:
        from cauce.channels.service import list_channels

        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            rows = await list_channels(tx)
            tokens = [await inbound_token(tx, one.id, row["id"]) for row in rows]
        return [_data(row, _notices_url(app, token)) for row, token in zip(rows, tokens, strict=True)]

    rows = run_with_app("cauce channels list", work)
    cells = [[row[name] for name in _SHOWN] for row in rows]
    output.emit(rows, *(output.table(_SHOWN, cells) if rows else ["There is none yet: `cauce channels add PROVIDER`."]))


@app.command()
def compare() -> None:
    """Compare the providers: what each can do, its limits with source and date of reading (all of it with --json)."""
    from cauce.entrypoints.cli.contracts import compared
    from cauce.providers.kit.registry import installed

    rows = [compared(one) for one in installed().values()]
    cells = [[_cell(row[name]) for name in _COMPARED] for row in rows]
    output.emit(rows, *output.table(_COMPARED, cells))


@app.command()
def recommend(
    answers: Annotated[
        Path | None, typer.Option("--answers", help="A JSON object with what the business says of itself.")
    ] = None,
) -> None:
    """Recommend channels for a business: ranked with reasons, the others with why not and what would lift it."""
    from cauce.entrypoints.api.compliance import recommended
    from cauce.entrypoints.cli.contracts import business_in
    from cauce.marketplace.compliance.recommendation import recommend as rank
    from cauce.providers.kit.registry import offers

    found = rank(business_in(answers), offers())
    lines = [found.verdict] if found.verdict else []
    lines += [f"{place}. {one.name}: {one.reason}" for place, one in enumerate(found.ranked, 1)]
    lines += [f"   warning: {warning}" for one in found.ranked[:1] for warning in one.warnings]
    lines += [f"not {one.name}: {one.reason}" for one in found.excluded]
    output.emit(recommended(found), *lines)


async def _add(app: App, org: str, provider: str, name: str, values: dict[str, str]) -> dict[str, Any]:
    from cauce.channels import listing
    from cauce.channels.service import create_channel, read_channel
    from cauce.entrypoints.cli.application import chosen_org, shell_actor
    from cauce.entrypoints.cli.contracts import checked, parted
    from cauce.flows.marketplace.daily import begin_daily
    from cauce.kernel.ids import new_id
    from cauce.storage import audit
    from cauce.storage.directory.orgs import inbound_token
    from cauce.storage.orgclock import org_now

    async with app.runtime.db.transaction() as tx:
        one = await chosen_org(tx, org)
    channel_id = new_id("ch")
    async with app.runtime.db.transaction(one.id) as tx:
        url = _notices_url(app, await inbound_token(tx, one.id, channel_id))
        settings, secrets = parted(provider, values, notices_url=url)
        checked(provider, channel_id, one.id, settings, secrets, livemode=one.livemode)
        await create_channel(
            tx, app.runtime.sealer, provider, name, settings=settings, secrets=secrets, channel_id=channel_id
        )
        if one.livemode:  # a provider without a list is left alone at the first look
            now = await org_now(tx)
            await listing.begin(tx, channel_id, now, now)
        await audit.record(tx, shell_actor(), "channel.create", channel_id, after={"provider": provider, "name": name})
        row = await read_channel(tx, channel_id)
    context = app.runtime.context(one.id, actor=shell_actor())
    async with context.transaction() as tx:
        await begin_daily(context, tx, [channel_id])
    return _data(row, url)


async def _change(app: App, org: str, channel_id: str, file: Path) -> dict[str, Any]:
    from cauce.channels import service, store
    from cauce.entrypoints.cli.application import chosen_org, shell_actor
    from cauce.entrypoints.cli.contracts import checked, known_provider, parted, read_settings
    from cauce.storage import audit, sealing
    from cauce.storage.directory.orgs import inbound_token
    from cauce.storage.orgclock import org_now

    async with app.runtime.db.transaction() as tx:
        one = await chosen_org(tx, org)
    async with app.runtime.db.transaction(one.id) as tx:
        old = await service.open_channel(tx, app.runtime.sealer, channel_id, livemode=one.livemode)
        given = read_settings(known_provider(old.provider), file)
        url = _notices_url(app, await inbound_token(tx, one.id, channel_id))
        settings, secrets = parted(old.provider, {**old.settings, **old.secrets, **given}, notices_url=url)
        checked(old.provider, channel_id, one.id, settings, secrets, livemode=one.livemode)
        await store.move_channel(tx, channel_id, old.base_url, settings)
        for name in given.keys() & secrets.keys():
            await sealing.put(tx, app.runtime.sealer, channel_id, name, secrets[name])
        await store.ask_refused(tx, [channel_id], await org_now(tx) + KEY_READ_ANEW)
        await audit.record(tx, shell_actor(), "channel.change", channel_id, after={"changed": sorted(given)})
        return _data(await service.read_channel(tx, channel_id), url)


def _notices_url(app: App, token: str) -> str:
    return f"{app.settings.base_url}/v1/inbound/{token}"


def _data(row: Row, notices_url: str) -> dict[str, Any]:
    return {**{name: value for name, value in dict(row).items() if name != "base_url"}, "notices_url": notices_url}


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']} {value['unit']}"
    if isinstance(value, list):
        return ", ".join(value) if len(value) <= 6 else f"{len(value)}"
    return "" if value is None else str(value)
