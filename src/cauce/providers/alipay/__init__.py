"""Alipay: payments, royalty settlement and its returns, freeze, refunds, bills."""
