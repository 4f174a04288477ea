"""Pure calculators that several slices share: rating, proration, allocation, discounts, tax, credits.

Integers of minor units and exact fractions go in, integers come out, and every function says how it rounds and who
gets the remainder. Invoices, previews and usage pages all call the same pipeline, so they cannot disagree.
"""
