"""WeChat Pay's stand-in on localhost: the wire protocol of API v3 in three dialects, stateful, on its own clock.

`api` is the face (signatures both ways), `routes` the table of operations; each noun has its module; `money` says where
each fen lies; `timed` says what happens by itself, `stage` what people do out of band, `knobs` what can be turned.
"""

from cauce.providers.wechat.simulator.api import wechat_face

__all__ = ["wechat_face"]
