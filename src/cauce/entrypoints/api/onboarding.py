"""`/v1/merchant_accounts` and `/v1/payout_instruments`: merchants' accounts opened at channels, their own bank accounts bound."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import MarketplaceWriter
from cauce.entrypoints.api.catalog import Key, Name
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id
from cauce.entrypoints.api.shapes import Body, Currency
from cauce.flows.context import Context
from cauce.flows.marketplace import accounts
from cauce.flows.marketplace import onboarding as flow
from cauce.flows.marketplace.onboarding import BankAccount
from cauce.reports import merchants as report

router = APIRouter(prefix="/v1", tags=["onboarding"])

Number = Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z -]*$")]
Token = Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)]


class OpeningBody(Body):
    """The number of the agreement that the merchant has signed, where it is not known yet."""

    agreement: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    under_merchant_ref: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""


class InstrumentBody(Body):
    """A bank account of the merchant himself. Its number (or the provider's token for it) is passed on and not kept."""

    merchant: Key
    channel: Key
    currency: Currency
    holder_name: Name
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    number: Number = ""
    token: Token = ""


@router.post("/merchant_accounts/{account_id}/open")
async def open_account(request: Request, caller: MarketplaceWriter, account_id: Id, body: OpeningBody) -> Response:
    """Open a drafted account at its channel; what is still needed shows on the merchant."""

    async def work(context: Context) -> object:
        await flow.open_accounts(
            context, [account_id], agreement=body.agreement, under_merchant_ref=body.under_merchant_ref
        )
        return {"object": "merchant_account", "id": account_id, "state": "submitted"}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/merchant_accounts/{account_id}/refresh")
async def refresh_account(request: Request, caller: MarketplaceWriter, account_id: Id) -> Response:
    """Ask the channel how an account stands."""

    async def work(context: Context) -> object:
        await accounts.refresh_account(context, account_id)
        return {"object": "merchant_account", "id": account_id}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/payout_instruments", status_code=201)
async def bind_instrument(request: Request, caller: MarketplaceWriter, body: InstrumentBody) -> Response:
    """Bind a bank account; once verified, somebody else approves it."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            await report.one(tx, body.merchant)
        bank = BankAccount(
            body.merchant, body.channel, body.currency, body.holder_name, body.country, body.number, body.token
        )
        made = await flow.bind_instrument(context, bank)
        return {"object": "payout_instrument", "id": made, "merchant": body.merchant, "state": "verified"}

    return await answer_once(request, caller.context, work)


@router.post("/payout_instruments/{instrument_id}/approve")
async def approve_instrument(request: Request, caller: MarketplaceWriter, instrument_id: Id) -> Response:
    """Let payouts go to a verified bank account; one that replaces another rests for a day first."""

    async def work(context: Context) -> object:
        await flow.approve_instrument(context, instrument_id)
        return {"object": "payout_instrument", "id": instrument_id, "state": "default"}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/payout_instruments/{instrument_id}/detach")
async def detach_instrument(request: Request, caller: MarketplaceWriter, instrument_id: Id) -> Response:
    """Use a bank account no more."""

    async def work(context: Context) -> object:
        await flow.detach_instrument(context, instrument_id)
        return {"object": "payout_instrument", "id": instrument_id, "state": "detached"}

    return await answer_once(request, caller.context, work, status=200)
