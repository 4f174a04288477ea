"""What a provider folder may raise. Refusals of the provider are not errors but `Declined`."""

from __future__ import annotations

from cauce.kernel.errors import CauceError, Conflict, InvalidRequest, Unauthenticated


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


class CountDiffers(BadStatement):
    """The provider's file has another number of rows than it announces."""

    code = "statement_count_differs"

    def __init__(self, announced: int, found: int) -> None:
        super().__init__(f"the file announces {announced} rows and has {found}", announced=announced, found=found)
        self.announced = announced
        self.found = found


class BalanceGap(BadStatement):
    """The statement does not add up: opening balance and movements are not the closing balance."""

    code = "statement_balance_gap"

    def __init__(self, expected_minor: int, stated_minor: int, currency: str, *, at_opening: bool = False) -> None:
        where = "opens with" if at_opening else "closes with"
        super().__init__(
            f"the statement {where} {stated_minor} where {expected_minor} was expected ({currency}, minor units)",
            expected=expected_minor,
            stated=stated_minor,
        )
        self.expected_minor = expected_minor
        self.stated_minor = stated_minor
        self.currency = currency


class WrongAccount(BadStatement):
    """The statement is of another account than this channel's."""

    code = "statement_wrong_account"


class ChannelSettingsError(InvalidRequest):
    """The channel's settings or credentials are incomplete or contradict each other."""

    code = "channel_settings"


class CannotRead(CauceError):
    """The provider did not answer a question; nothing was changed. Try again."""

    code = "provider_cannot_read"
    http_status = 503
    retryable = True
