"""Files of a customer: kept once, fetched as they are and never shown, his alone, gone when he is erased (B8, B4)."""

from __future__ import annotations

import json
import re

import httpx2
import pytest

from cauce.billing.relations import files
from cauce.flows import erasing
from cauce.flows.billing import cancel
from cauce.kernel.errors import InvalidRequest
from cauce.storage.directory import keys
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in

PAGE = b"<script>alert(1)</script>\x00\xff"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\合同.pdf", "合同.pdf"),
        ("a\r\nb: c", "ab: c"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_name_is_a_name_and_no_path(given: str, kept: str) -> None:
    assert files.checked_name(given) == kept


@pytest.mark.parametrize("given", ["", "/", "..", " . ", "\x00"])
def test_what_is_no_name_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequest):
        files.checked_name(given)


async def test_the_api_keeps_lists_reads_and_removes(played: Stage) -> None:
    done = await played.shop.sign_up("archiva", "starter")
    async with played.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, played.org.id, played.org.mode, "files", frozenset({"admin"}))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=played.url, trust_env=False, timeout=30, headers=headers) as http:
        path = "/v1/customers/archiva/files"
        made = [(await http.post(path, params={"name": "税务.pdf"}, content=PAGE)).json() for _ in range(2)]
        assert made[0]["id"] == made[1]["id"]
        (row,) = (await http.get(path)).json()["data"]
        assert (row["name"], row["bytes"], row["customer"]) == ("税务.pdf", len(PAGE), done.customer_id)
        read = await http.get(f"{path}/{row['id']}")
        assert read.content == PAGE
        assert "filename*=UTF-8''%E7%A8%8E%E5%8A%A1.pdf" in read.headers["content-disposition"]
        assert (await http.post(path, params={"name": "empty"}, content=b"")).status_code == 422
        assert (await http.get(f"/v1/customers/ana/files/{row['id']}")).status_code == 404
        assert (await http.delete(f"{path}/{row['id']}")).status_code == 200
        assert (await http.delete(f"{path}/{row['id']}")).status_code == 404


async def test_a_file_is_kept_once_fetched_removed_and_goes_with_its_customer(played: Stage) -> None:
    done = await played.shop.sign_up("archivo", "starter", email="archivo@customers.example")
    other = await played.shop.sign_up("ajeno", "starter", email="ajeno@customers.example")
    owner, path = await signed_in(played), f"/console/customers/{done.customer_id}"
    page = await owner.see(path)
    for _ in range(2):
        kept = await owner.upload(page, f"{path}/files", ("contrato <b>.html", PAGE))
    assert "contrato &lt;b&gt;.html" in kept.text
    (link,) = set(re.findall(rf'href="({path}/files/file_\w+)"', kept.text))
    file = await owner.http.get(link)
    assert file.content == PAGE
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith('attachment; filename="contrato _b_.html"')
    assert "sandbox" in file.headers["content-security-policy"]
    assert (await owner.http.get(link.replace(done.customer_id, other.customer_id))).status_code == 404
    stranger = await signed_in(played, "far@example.com", org=await played.other_org())
    assert (await stranger.http.get(link)).status_code == 404
    viewer = await signed_in(played, "viewer@example.com", Role.VIEWER)
    assert (await viewer.upload(page, f"{path}/files", ("x", b"x"))).status_code == 403
    too_large = await owner.upload(page, f"{path}/files", ("big", b"x" * (files.FILE_BYTES_MAX + 1)))
    assert too_large.status_code == 422
    export = await owner.press(page, f"{path}/export")
    (listed,) = json.loads(export.text)["files"]
    assert (listed["name"], listed["bytes"]) == ("contrato <b>.html", len(PAGE))
    await owner.upload(page, f"{path}/files", ("second.txt", b"2"))
    gone = await owner.press((await owner.see(path)), f"{link}/drop")
    assert link not in gone.text
    await cancel.cancel(played.context, cancel.Cancel(done.subscription_id, now=True))
    await erasing.erase_customer(played.context, done.customer_id)
    async with played.context.transaction() as tx:
        assert await files.files_of(tx, done.customer_id) == []
