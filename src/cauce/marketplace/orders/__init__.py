"""What a payer bought from whom: lines with their seller, payments, delivery, cancellation, refunds.

The lines sum to the order; a payment is bound to one order; goods and trade keep their seller of record.
"""
