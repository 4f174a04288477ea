"""Money for invoices: methods on file, attempts, refunds, disputes, and the recovery of failed payments.

An attempt's key is committed before the provider is called; an invoice has at most one attempt in flight; an unknown
outcome is resolved by asking, never by charging again.
"""
