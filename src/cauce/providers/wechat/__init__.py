"""WeChat Pay: payments, profit sharing and its returns, freeze and unfreeze, refunds, payouts, bills.

Three dialects of one protocol (`contract.Dialect`). The channel works by `gateway`; the vendor's words live in
`mapping`, its signatures in `signing`, what is inferred in `assumptions`, its stand-in in `simulator`.
"""

from cauce.gateway.provider import Provider
from cauce.providers.wechat.capabilities import capabilities
from cauce.providers.wechat.contract import SETTINGS
from cauce.providers.wechat.gateway import WeChatGateway
from cauce.providers.wechat.sandbox import sandbox_channel
from cauce.providers.wechat.simulator import wechat_face

PROVIDER = Provider(
    name="wechat",
    title="WeChat Pay",
    capabilities=capabilities,
    settings=SETTINGS,
    connect=WeChatGateway,
    simulator=wechat_face,
    sandbox_channel=sandbox_channel,
)

__all__ = ["PROVIDER"]
