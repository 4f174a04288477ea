"""WeChat Pay: payments, profit sharing and its returns, freeze and unfreeze, refunds, bills."""
