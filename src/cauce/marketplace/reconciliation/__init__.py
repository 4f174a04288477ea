"""The provider's statements against our ledger: matched, or a break that somebody must resolve.

A statement is imported once however often it arrives; every line ends matched or in a case with an owner and a due
time.
"""
