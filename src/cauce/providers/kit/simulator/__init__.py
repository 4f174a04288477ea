"""The engine that vendors' simulators share: tenants with clocks, double entry, timers, callbacks, faults, control.

A vendor's simulator is a `Face`: it names the tenant and the operation of a request (`route`), answers it
(`handle`), says what a timer does (`fire`) and how a callback is signed (`sign`). All of it is plain synchronous
code over one `Tenant`; the `Engine` does the rest: faults, the wire log, delivery of callbacks over real HTTP, the
clock, snapshots, the control surface `/_sim/*`. A tenant is one sandbox contract, told apart by its credentials, so
many organizations share one process and each has its own time.
"""
