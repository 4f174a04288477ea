"""What Cauce asks of a provider, in Cauce's words.

A provider (card processor, wallet, bank, mail server, help desk, instance runner) implements those of the
capability Protocols that its `Capabilities` record names. Flows call the Protocols and read the record; they
never know a vendor. Every answer is an `Outcome`: `Done`, `Declined`, `Pending` or `Unknown`. Only `Done`
(or a statement line) posts money; `Unknown` is resolved by `Answers.fetch` under the same key, never by
sending again under a new one. Everything here is pure: values and signatures.
"""
