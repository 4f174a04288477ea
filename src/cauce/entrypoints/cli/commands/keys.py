"""`cauce keys`: API keys of an organization, and the master key that seals credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import Conflict

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.storage.database import Tx
    from cauce.storage.directory.orgs import Org

app = typer.Typer(help="API keys: create, list, rotate, revoke. The master key: seal-rotate.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]
KeyArgument = Annotated[str, typer.Argument(help="The key's id (key_…).")]
_SHOWN = ("public_id", "name", "hint", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")


class OldKeyInUse(Conflict):
    """Some values are still sealed under an older master key; it cannot be forgotten yet."""

    code = "old_key_in_use"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="What it may do; may be repeated. `admin` is everything.")
    ],
    org: OrgOption = "",
) -> None:
    """Make an API key and print it: the only time that it can be read."""
    from cauce.storage.directory import keys

    async def work(tx: Tx, one: Org) -> tuple[str, str]:
        return await keys.create_key(tx, one.id, one.mode, name, frozenset(scope))

    public_id, secret = _with_org(org, "api_key.create", work)
    output.emit({"id": public_id, "secret": secret}, f"{public_id}: {secret}")


@app.command("list")
def show(org: OrgOption = "") -> None:
    """List keys with the time of their last use; never their secrets."""
    from cauce.storage.directory import keys

    async def work(tx: Tx, one: Org) -> list[dict[str, Any]]:
        return [{name: row[name] for name in _SHOWN} for row in await keys.list_keys(tx, one.id)]

    rows = _with_org(org, "", work)
    cells = [["" if row[name] is None else row[name] for name in _SHOWN] for row in rows]
    output.emit(rows, *(output.table(_SHOWN, cells) if rows else ["There are no keys."]))


@app.command()
def rotate(
    key: KeyArgument,
    org: OrgOption = "",
    overlap: Annotated[
        int, typer.Option("--overlap", min=0, max=720, help="Hours for which the old key works on.")
    ] = 24,
) -> None:
    """Replace a key by a new one with the same name and scopes, and print it."""
    from cauce.storage.directory import keys

    async def work(tx: Tx, one: Org) -> tuple[str, str]:
        return await keys.rotate_key(tx, one.id, one.mode, key, wall_now() + timedelta(hours=overlap))

    public_id, secret = _with_org(org, "api_key.rotate", work)
    output.emit({"id": public_id, "secret": secret, "replaces": key}, f"{public_id}: {secret}")


@app.command()
def revoke(key: KeyArgument, org: OrgOption = "") -> None:
    """End a key; a running server remembers it for at most five seconds."""
    from cauce.storage.directory import keys

    async def work(tx: Tx, one: Org) -> tuple[str, None]:
        await keys.revoke_key(tx, one.id, key)
        return key, None

    _with_org(org, "api_key.revoke", work)
    output.emit({"id": key, "revoked": True}, f"{key} is revoked.")


@app.command("seal-rotate")
def seal_rotate(
    new: Annotated[bool, typer.Option("--new", help="Make a new master key first.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget-old", help="Drop older keys from master.key when none is in use.")
    ] = False,
) -> None:
    """Bring every sealed value under the current master key. Back up the key file together with nothing else."""
    from cauce.entrypoints.cli import masterkeys
    from cauce.entrypoints.cli.application import run_with_app
    from cauce.storage import sealing

    if new or forget:
        masterkeys.prove_in_file(current_settings())
    if new:
        masterkeys.put_new_first(current_settings())

    rewrapped, in_use = run_with_app("cauce keys seal-rotate", _rewrap_all)
    settings = current_settings()
    current = sealing.key_id(masterkeys.known(settings)[0])
    if forget:
        if set(in_use) - {current}:
            raise OldKeyInUse()
        masterkeys.keep_first(settings)
    output.emit(
        {"current": current, "rewrapped": rewrapped, "values_by_key": in_use, "forgot_old": forget},
        f"{rewrapped} values were brought under the key {current}; {sum(in_use.values())} are sealed.",
    )


async def _rewrap_all(app: App) -> tuple[int, dict[str, int]]:
    from cauce.storage import sealing
    from cauce.storage.directory.orgs import list_orgs

    async with app.runtime.db.transaction() as tx:
        orgs = await list_orgs(tx)
    rewrapped, in_use = 0, dict[str, int]()
    with output.progress("sealing", total=len(orgs)) as forward:
        for one in orgs:
            async with app.runtime.db.transaction(one.id) as tx:
                await sealing.drop_expired(tx)
            while True:
                async with app.runtime.db.transaction(one.id) as tx:
                    count = await sealing.rewrap_some(tx, app.runtime.sealer)
                    used = await sealing.keys_in_use(tx)
                rewrapped += count
                if count == 0:
                    break
            for name, boxes in used.items():
                in_use[name] = in_use.get(name, 0) + boxes
            forward()
    return rewrapped, in_use


def _with_org(org: str, action: str, work: Any) -> Any:
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.storage import audit

    async def main(app: App) -> Any:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            answer = await work(tx, one)
            if action:
                await audit.record(tx, shell_actor(), action, answer[0])
        return answer

    return run_with_app(f"cauce keys {action.rpartition('.')[2] or 'list'}", main)
