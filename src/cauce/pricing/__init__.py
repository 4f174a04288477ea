"""Pure calculators that several slices share: allocation, proration, rating, discounts, tax, refunds, invoices.

Exact rational arithmetic up to a named rounding point, then integers of minor units (V1, V2, C4, C5). Whoever
gets a spare unit is named by a policy. Nothing here reads a clock, a setting or a table; what an invoice, a
preview and a usage page show comes out of the same functions, so they cannot differ.
"""
