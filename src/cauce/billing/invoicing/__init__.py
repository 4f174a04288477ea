"""Invoices, their lines, number series, credit notes, and when revenue is recognized.

A final invoice is a snapshot that never changes; numbers have no gap; lines sum to the invoice, credit notes never
exceed it, and nothing is billed twice.
"""
