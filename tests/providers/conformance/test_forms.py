"""Every legal form at every channel that opens accounts: mapped to the vendor's own word, or refused with a reason."""

from __future__ import annotations

import pytest

from cauce.gateway.accounts import AccountRequest
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.gateway.splitting import ReceiverKind
from cauce.kernel.ids import new_id
from cauce.marketplace.merchants.rules import LegalForm
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import needs

KNOWN_AS = {
    "stripe": {
        LegalForm.ENTERPRISE: "company",
        LegalForm.INSTITUTION: "company",
        LegalForm.OTHER_ORGANISATION: "company",
        LegalForm.SOLE_TRADER: "individual",
        LegalForm.NATURAL_PERSON: "individual",
    },
    "wechat": {
        LegalForm.ENTERPRISE: "MERCHANT_ID",
        LegalForm.INSTITUTION: "MERCHANT_ID",
        LegalForm.OTHER_ORGANISATION: "MERCHANT_ID",
        LegalForm.SOLE_TRADER: "MERCHANT_ID",
        LegalForm.NATURAL_PERSON: "PERSONAL_OPENID",
    },
}


def _request(rig: Rig, form: LegalForm, ref: str) -> AccountRequest:
    is_person = form is LegalForm.NATURAL_PERSON
    return AccountRequest(
        key=rig.key("open"),
        merchant_id=new_id("mer"),
        name="Shop",
        kind=ReceiverKind.PERSON if is_person else ReceiverKind.MERCHANT,
        legal_form=form.value,
        trade_place="online",
        country="US",
        email="shop@example.com",
        existing_ref=ref,
    )


@needs(Can.OPENS_ACCOUNTS)
@pytest.mark.parametrize("form", list(LegalForm))
async def test_a_form_is_mapped_or_refused(rig: Rig, form: LegalForm) -> None:
    ref = ""
    if rig.name == "wechat":  # it registers whom it has verified already
        person = form is LegalForm.NATURAL_PERSON
        made = rig.control.verb("wechat", "person", {"openid": "o-1", "name": "Shop"}) if person else None
        ref = (await made)["ref"] if made is not None else await rig.merchant()
    outcome = await rig.gateway.open_account(_request(rig, form, ref))
    assert isinstance(outcome, Done | Pending), outcome
    sent = [one for one in await rig.control.calls(rig.name) if one["method"] == "POST" and "openid" not in one["path"]]
    assert KNOWN_AS[rig.name][form] in sent[-1]["body"]


@needs(Can.OPENS_ACCOUNTS)
async def test_a_channel_that_opens_no_account_by_itself_says_so(rig: Rig) -> None:
    outcome = await rig.gateway.open_account(_request(rig, LegalForm.ENTERPRISE, ""))
    if rig.name == "wechat":
        assert isinstance(outcome, Declined) and outcome.message
    else:
        assert isinstance(outcome, Done | Pending) and outcome.value.ref
