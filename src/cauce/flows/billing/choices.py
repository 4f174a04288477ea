"""What a plan leaves to its customers when something is given back: kept or refunded, and an end before the period's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import CancelCredit
from cauce.kernel.errors import Forbidden
from cauce.storage.database import Row, Tx


class ChoiceNotOffered(Forbidden):
    """The plan does not leave this to its customers."""

    code = "choice_not_offered"


@dataclass(frozen=True, slots=True)
class Choices:
    """`refund`: keep or refund what is given back. `end_now`: end before the period's end, for what the plan gives back."""

    refund: bool = False
    end_now: bool = False

    def require_refund(self) -> None:
        """`ChoiceNotOffered` where the seller decides."""
        if not self.refund:
            raise ChoiceNotOffered(param="credit")

    def require_end_now(self) -> None:
        """`ChoiceNotOffered` where customers leave at the end of the period alone."""
        if not self.end_now:
            raise ChoiceNotOffered(param="at")


async def choices_of(tx: Tx, subscribed: Sequence[Row]) -> dict[str, Choices]:
    """What the present plan of each subscription (`id`, `plan_id`, `status`) leaves to its customer."""
    plans = await catalog.read_plans(tx, {one["plan_id"] for one in subscribed})
    found = {}
    for one in subscribed:
        policy = plans[one["plan_id"]].policy
        by_customer = policy.refund_choice == "customer"
        gives_back = policy.cancel_credit is not CancelCredit.NONE and one["status"] in ("active", "past_due")
        found[one["id"]] = Choices(by_customer, by_customer and gives_back and not policy.cancel_approval)
    return found
