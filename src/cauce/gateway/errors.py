"""What a provider folder may raise. Refusals of the provider are not errors but `Declined`."""

from __future__ import annotations

from cauce.kernel.errors import Conflict, InvalidRequest, Unauthenticated


class CapabilityMissing(Conflict):
    """The channel cannot do this; the plan must be changed."""

    code = "capability_missing"


class LimitExceeded(Conflict):
    """The plan is beyond a limit of the channel."""

    code = "channel_limit"


class BadSignature(Unauthenticated):
    """The notice does not carry a valid signature of the provider."""

    code = "bad_signature"


class StaleNotice(BadSignature):
    """The notice was signed too long ago."""

    code = "stale_notice"


class BadNotice(InvalidRequest):
    """The notice is signed but cannot be understood."""

    code = "bad_notice"


class BadStatement(InvalidRequest):
    """The provider's file cannot be read or does not add up."""

    code = "bad_statement"


class ChannelSettingsError(InvalidRequest):
    """The channel's settings or credentials are incomplete or contradict each other."""

    code = "channel_settings"
