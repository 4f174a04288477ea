"""What a provider folder is, whatever it can do."""

from __future__ import annotations

import inspect

import pytest

from cauce.gateway import accounts, charging, collecting, funding, reaching, reporting, splitting
from cauce.gateway.capabilities import Can, Sourced
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.provider import Channel, Kit
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.transport import HttpTransport, make_client
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import PROVIDERS, needs

_METHODS = {
    Can.SHOWS_CHAT: (reaching.ShowsChat,),
    Can.OPENS_ACCOUNTS: (accounts.OpensAccounts,),
    Can.BINDS_INSTRUMENTS: (accounts.BindsInstruments,),
    Can.COLLECTS: (collecting.Collects,),
    Can.COMBINES_PAYMENTS: (collecting.CombinesPayments,),
    Can.REFUNDS: (collecting.Refunds,),
    Can.PAYS_OUT: (accounts.PaysOut,),
    Can.ANSWERS: (collecting.Answers,),
    Can.REPORTS_BALANCES: (accounts.ReportsBalances,),
    Can.REPORTS_PARKED: (accounts.ReportsParked,),
    Can.CHECKS_SETUP: (accounts.ChecksSetup,),
    Can.SWEEPS_FEE: (funding.SweepsFee,),
    Can.SUBSIDISES_ORDERS: (funding.SubsidisesOrders,),
    Can.REPORTS: (reporting.Reports,),
    Can.NOTIFIES: (reporting.Notifies,),
    Can.LISTS_NOTICES: (reporting.ListsNotices,),
    Can.REMEMBERS_CUSTOMERS: (charging.RemembersCustomers,),
    Can.SAVES_METHODS: (charging.SavesMethods,),
    Can.CHARGES_SAVED: (charging.ChargesSaved,),
    Can.LINKS_PAYMENT: (charging.LinksPayment,),
    Can.SENDS_MESSAGES: (reaching.SendsMessages,),
    Can.TRACKS_CONTACTS: (reaching.TracksContacts,),
    Can.RUNS_INSTANCES: (reaching.RunsInstances,),
    Can.RUNS_PROGRAMS: (reaching.RunsPrograms,),
}
_SINGLE = {Can.SPLITS: "split", Can.REVERSES_SPLITS: "reverse_split", Can.FINISHES_ORDERS: "finish_order"}


@needs()
async def test_the_gateway_has_every_method_that_its_capabilities_promise(rig: Rig) -> None:
    for can in rig.capabilities.can:
        for protocol in _METHODS.get(can, ()):
            for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
                if not name.startswith("_"):
                    has = inspect.signature(getattr(rig.gateway, name)).parameters
                    assert list(has) == list(inspect.signature(wanted).parameters)[1:], f"{rig.name}.{name}"
        if can in _SINGLE:
            wanted = getattr(splitting.Splits, _SINGLE[can])
            assert len(inspect.signature(getattr(rig.gateway, _SINGLE[can])).parameters) == 1


@needs()
async def test_every_limit_says_where_it_was_read_and_when(rig: Rig) -> None:
    for name in type(rig.capabilities).__dataclass_fields__:
        value = getattr(rig.capabilities, name)
        if name.endswith(("_max", "_days", "_min", "_hours")) and name not in ("share_max",):
            assert value is None or (isinstance(value, Sourced) and value.source and value.unit), name


@needs()
async def test_what_the_sandbox_hands_out_is_what_the_provider_asks_for(rig: Rig) -> None:
    described = {setting.name: setting for setting in rig.provider.settings}
    given = {**rig.channel.settings, **rig.channel.secrets}
    assert not set(given) - set(described), "every setting is described"
    assert all(name in given for name, s in described.items() if s.required and not s.default)
    assert all(described[name].secret for name in rig.channel.secrets), "a secret is marked as one"


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_channel_without_its_credentials_is_refused_before_anything_is_sent(name: str) -> None:
    provider = PROVIDERS[name]
    channel = Channel("ch_empty", 1, name, False, "http://127.0.0.1:1", {}, {})
    async with make_client() as client:
        kit = Kit(HttpTransport(channel, client), MemoryCache(), wall_now, new_id)
        with pytest.raises(ChannelSettingsError):
            provider.connect(channel, kit)
