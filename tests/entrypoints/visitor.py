"""A person at the pages, over real HTTP and without JavaScript: follows links, sends the forms that a page shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx2

from cauce.storage.directory.orgs import Org
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import OWNER, Stage


@dataclass
class Form:
    """One form of a page: where it goes, and its hidden and prefilled values."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""
        self._area = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.found[-1].values[self._area] += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and self.found and given.get("name"):
            self.found[-1].values[given["name"]] = given.get("value", "")
        elif tag == "textarea" and self.found and given.get("name"):
            self._area = given["name"]
            self.found[-1].values[self._area] = ""
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self.found:
            values = self.found[-1].values
            if self._select and ("selected" in given or self._select not in values):
                values[self._select] = given.get("value", "")


def forms(page: str) -> list[Form]:
    """Every form of a page."""
    parser = _Forms()
    parser.feed(page)
    return parser.found


@dataclass
class Visitor:
    """One browser with its cookies."""

    http: httpx2.AsyncClient

    async def see(self, path: str) -> str:
        """The page at a path; the test fails when it is not shown."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.text

    async def upload(self, page: str, action: str, file: tuple[str, bytes], **typed: str) -> httpx2.Response:
        """The same for a form with a file: (name, content)."""
        (form, *_) = [one for one in forms(page) if urlsplit(one.action).path.endswith(action)]
        values = {name: value for name, value in form.values.items() if name != "file"}
        return await self.http.post(form.action, data={**values, **typed}, files={"file": file}, follow_redirects=True)

    async def press(self, page: str, action: str, **typed: str) -> httpx2.Response:
        """Send the form of `page` that goes to an address ending in `action`, with what is typed; follow where it leads."""
        (form, *_) = [one for one in forms(page) if urlsplit(one.action).path.endswith(action)]
        return await self.http.post(form.action, data={**form.values, **typed}, follow_redirects=True)


def visitor(url: str, language: str = "en") -> Visitor:
    """A browser that has never been here."""
    return Visitor(httpx2.AsyncClient(base_url=url, headers={"accept-language": language}, trust_env=False, timeout=60))


async def signed_in(
    one: Stage, email: str = OWNER, role: Role = Role.OWNER, *, language: str = "en", org: Org | None = None
) -> Visitor:
    """A browser that used a sign-in link to the console."""
    person = visitor(one.url, language)
    door = await person.see(f"/sign-in?token={await one.link(email, role, org)}")
    answer = await person.press(door, "/sign-in")
    assert urlsplit(str(answer.url)).path == "/console"
    return person


async def let_in(one: Stage, link: str) -> Visitor:
    """A browser that used a portal link."""
    person = visitor(one.url)
    door = await person.see(link[link.index("/portal") :])
    answer = await person.press(door, "/sign-in")
    assert answer.status_code == 200
    return person


def first_link(page: str, beginning: str) -> str:
    """The first address on a page that begins so."""
    found = re.search(rf'href="({re.escape(beginning)}[^"]*)"', page)
    assert found is not None, f"no link to {beginning}"
    return found[1]
