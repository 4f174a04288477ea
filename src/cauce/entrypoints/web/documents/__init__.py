"""Documents to keep: an invoice as PDF, set by typst in Noto Sans (Chinese, Japanese and Korean included).

A document is made of what never changes (the invoice's snapshot and lines), so the same invoice in the same language on
the same paper is the same bytes today and in ten years. What may change, payments and credit notes, is not on it.
"""
