"""The demo application: a small web server for one customer, on localhost, made of the standard library alone.

`app.py HOME BOOT PORT` binds PORT, or a free one when it is taken or 0, writes `running.json` into HOME, says the port
and leaves a process of its own behind. Pages are made from `record.json` at every request, so whoever changes the
record changes the page. The process ends when `running.json` no longer names its BOOT.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOOK_SECONDS = 1
FORM_BYTES_MAX = 4_000
NOTES_MAX = 50
_HERE = Path(__file__).parent
_HOSTS = ("127.0.0.1", "localhost")


class DemoServer(ThreadingHTTPServer):
    """The server of one customer."""

    daemon_threads = True

    def __init__(self, home: Path, boot: str, port: int) -> None:
        self.home = home
        self.boot = boot
        self.texts: dict[str, dict[str, str]] = json.loads((_HERE / "texts.json").read_text(encoding="utf-8"))
        self.template = Template((_HERE / "page.html").read_text(encoding="utf-8"))
        super().__init__(("127.0.0.1", port), Page)

    def is_wanted(self) -> bool:
        """Whether the registry still names this process."""
        return bool(_read(self.home / "running.json").get("boot") == self.boot)

    def leave_when_unwanted(self) -> None:
        """Look from time to time, and end the process."""
        while True:
            threading.Event().wait(LOOK_SECONDS)
            if not self.is_wanted():
                os._exit(0)


class Page(BaseHTTPRequestHandler):
    """Answers: the page, a new note, and whether the process is alive."""

    server: DemoServer
    server_version = "demo"
    sys_version = ""
    timeout = 15

    def do_GET(self) -> None:
        """The page, or a sign of life."""
        if not self._is_local():
            return
        parts = urlsplit(self.path)
        if parts.path == "/_alive":
            self._send(200, json.dumps({"boot": self.server.boot, "pid": os.getpid()}), "application/json")
        elif parts.path == "/":
            self._show(parse_qs(parts.query).get("lang", [""])[0])
        else:
            self._send(404, "not found", "text/plain; charset=utf-8")

    def do_POST(self) -> None:
        """A note of the customer's, kept with his data while the instance is ready."""
        if not self._is_local():
            return
        length = self.headers.get("content-length", "")
        if self.path != "/notes" or not length.isdigit() or int(length) > FORM_BYTES_MAX:
            self._send(400, "not a note", "text/plain; charset=utf-8")
            return
        note = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace")).get("note", [""])[0].strip()
        if self.headers.get("sec-fetch-site", "same-origin") != "same-origin" or self._record()["state"] != "ready":
            self._send(403, "not now", "text/plain; charset=utf-8")
            return
        if note:
            with (self.server.home / "data" / "notes.jsonl").open("a", encoding="utf-8") as kept:
                kept.write(json.dumps(note) + "\n")
        self.send_response(303)
        self.send_header("location", "/")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: the customer's visits are his own."""

    def _is_local(self) -> bool:
        """Refuse pages of elsewhere that resolve their name to this machine, and end once unwanted."""
        if self.headers.get("host", "").rpartition(":")[0] not in _HOSTS:
            self._send(421, "not this host", "text/plain; charset=utf-8")
            return False
        if not self.server.is_wanted():
            self._send(410, "gone", "text/plain; charset=utf-8")
            return False
        return True

    def _record(self) -> dict[str, Any]:
        return {"state": "deleted", "shown": {}, **_read(self.server.home / "record.json")}

    def _show(self, wanted: str) -> None:
        record = self._record()
        shown, state = record["shown"], record["state"]
        language = wanted if wanted in self.server.texts else shown.get("language", "en")
        texts = self.server.texts[language]
        page = self.server.template.substitute(
            language="zh-Hans" if language == "zh" else language,
            customer=escape(shown.get("customer", "")),
            plan=escape(shown.get("plan", "–")),
            state=state,
            state_name=texts[state],
            status=escape(texts.get(f"status_{shown.get('status', '')}", shown.get("status", "–"))),
            body=self._ready(texts) if state == "ready" else self._closed(texts, shown),
            embed=_embed(texts, shown),
            **{f"t_{name}": escape(texts[name]) for name in ("title", "hello", "plan", "state", "status")},
        )
        self._send(200 if state == "ready" else 403, page, "text/html; charset=utf-8", _policy(shown))

    def _ready(self, texts: dict[str, str]) -> str:
        notes = _lines(self.server.home / "data" / "notes.jsonl")[-NOTES_MAX:]
        listed = "".join(f"<li>{escape(json.loads(note))}</li>" for note in notes)
        return (
            f'<h2>{escape(texts["notes"])}</h2><form method="post" action="/notes"><label>{escape(texts["note"])} '
            f'<input name="note" maxlength="500" required></label><button>{escape(texts["add"])}</button></form>'
            f"<ul>{listed}</ul>"
        )

    def _closed(self, texts: dict[str, str], shown: dict[str, str]) -> str:
        link = shown.get("portal_url", "")
        way_out = f'<p><a href="{escape(link)}">{escape(texts["portal"])}</a></p>' if link else ""
        return f'<p class="closed">{escape(texts["closed"])}</p>{way_out}'

    def _send(self, status: int, text: str, media_type: str, policy: str = "default-src 'none'") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", policy)
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def _embed(texts: dict[str, str], shown: dict[str, str]) -> str:
    """The one script of the billing pages, which here opens the chat."""
    if not shown.get("embed_script"):
        return ""
    given = {"src": shown["embed_script"], "data-org": shown.get("org", ""), "data-launcher": texts["chat"]}
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in given.items())
    return f"<script {attributes} async></script>"


def _policy(shown: dict[str, str]) -> str:
    """What the page may load: its own style and form, and the embed's origin when it shows one."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
    parts = urlsplit(shown.get("embed_script", ""))
    if not parts.netloc:
        return policy
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{policy}; script-src {origin}; connect-src {origin}; frame-src {origin}; img-src {origin}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def launch(home: Path, boot: str, wanted_port: int) -> int:
    """Leave a serving process behind; its port."""
    try:
        server = DemoServer(home, boot, wanted_port)
    except OSError:
        server = DemoServer(home, boot, 0)
    pid = os.fork()
    if pid == 0:
        _serve(server)
    port = int(server.server_address[1])
    draft = home / "running.new"
    draft.write_text(json.dumps({"boot": boot, "port": port, "pid": pid}), encoding="utf-8")
    draft.replace(home / "running.json")
    return port


def _serve(server: DemoServer) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    # Whatever else was inherited: whoever waits for the end of a pipe would wait as long as this process lives.
    os.closerange(3, server.fileno())
    os.closerange(server.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    threading.Thread(target=server.leave_when_unwanted, daemon=True).start()
    server.serve_forever()
    os._exit(0)


if __name__ == "__main__":
    os.write(1, str(launch(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))).encode())
