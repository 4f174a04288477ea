"""Any bank that takes files: a batch of instructions out, statements and answers in."""
