"""Bank files: the same day in three formats gives the same lines; what does not add up or is hostile is refused."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from xml.sax.saxutils import escape

import pytest

from cauce.gateway.errors import BadStatement, BalanceGap
from cauce.gateway.reporting import LineStatus, StatementFacts, StatementLine
from cauce.providers.kit.bankfiles import BadCsvMap, Format, parse_csv_map, read_camt053, read_file
from cauce.providers.kit.bankfiles.entry import Entry, is_line_ref, minor_of

ACCOUNT = "DE89370400440532013000"
OPENING = 100_000
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.{:02}"
MAP = {
    "currency": "EUR",
    "account_ref": ACCOUNT,
    "encoding": "gb18030",
    "delimiter": ";",
    "skip_rows": 1,
    "footer_regex": "^合计",
    "date_format": "%Y%m%d",
    "decimal": ",",
    "thousands": ".",
    "amount_mode": "debit_credit",
    "columns": {
        "booking_date": "交易日期", "value_date": "起息日", "debit": "借方发生额", "credit": "贷方发生额",
        "balance_after": "余额", "bank_ref": "流水号", "counterparty_name": "对方户名", "counterparty_account": "对方账号",
        "text": "摘要",
    },
}  # fmt: skip


def day(count: int) -> list[Entry]:
    """A bank's day, the same for the same count; entries that are alike among them."""
    chance = random.Random(count)
    found = []
    for n in range(count):
        on = date(2026, 1, 2) + timedelta(days=chance.randrange(3))
        text = chance.choice(["Order 77 CI00000000000013", "payout po_0123456789abcdef", "interest", "fee & charges"])
        amount = chance.choice([1, -1]) * chance.randrange(1, 2_000_000)
        found.append(
            Entry(
                on, on - timedelta(days=1), amount, "eur", f"B{n}", counterparty_name="ANA LTDA",
                counterparty_account="DE02120300000000202051", text=text,
            )
        )  # fmt: skip
        if chance.random() < 0.05:
            found.append(found[-1])
    return found


def decimal(minor: int, comma: str = ",") -> str:
    return f"{abs(minor) // 100}{comma}{abs(minor) % 100:02}"


def as_mt940(entries: Sequence[Entry], closing: int) -> bytes:
    lines = [":20:STMT1", f":25:{ACCOUNT}", ":28C:1/1", f":60F:C260101EUR{decimal(OPENING)}"]
    for entry in entries:
        mark = "C" if entry.amount_minor > 0 else "D"
        lines.append(
            f":61:{entry.value_date:%y%m%d}{entry.booking_date:%m%d}{mark}{decimal(entry.amount_minor)}NTRFNONREF//{entry.bank_ref}"
        )
        lines.append(f":86:?00X?20{entry.text}?31{entry.counterparty_account}?32{entry.counterparty_name}")
    lines.append(f":62F:{'C' if closing >= 0 else 'D'}260104EUR{decimal(closing)}")
    return "\r\n".join([*lines, "-"]).encode()


def as_camt(entries: Sequence[Entry], closing: int, version: int = 8) -> bytes:
    def balance(code: str, minor: int) -> str:
        mark = "CRDT" if minor >= 0 else "DBIT"
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{decimal(minor, '.')}</Amt>"
            f"<CdtDbtInd>{mark}</CdtDbtInd><Dt><Dt>2026-01-01</Dt></Dt></Bal>"
        )

    def one(entry: Entry) -> str:
        is_credit = entry.amount_minor > 0
        role, name = ("Dbtr" if is_credit else "Cdtr"), entry.counterparty_name
        status = "<Sts>BOOK</Sts>" if version < 8 else "<Sts><Cd>BOOK</Cd></Sts>"
        who = f"<Nm>{name}</Nm>" if version < 8 else f"<Pty><Nm>{name}</Nm></Pty>"
        return (
            f"<Ntry><Amt Ccy='EUR'>{decimal(entry.amount_minor, '.')}</Amt><CdtDbtInd>{'CRDT' if is_credit else 'DBIT'}</CdtDbtInd>"
            f"{status}<BookgDt><Dt>{entry.booking_date}</Dt></BookgDt><ValDt><Dt>{entry.value_date}</Dt></ValDt>"
            f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{entry.bank_ref}</AcctSvcrRef></Refs><RltdPties><{role}>{who}</{role}>"
            f"<{role}Acct><Id><IBAN>{entry.counterparty_account}</IBAN></Id></{role}Acct></RltdPties>"
            f"<RmtInf><Ustrd>{escape(entry.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )

    body = balance("OPBD", OPENING) + balance("CLBD", closing) + "".join(map(one, entries))
    return (
        f"<?xml version='1.0'?><Document xmlns='{CAMT.format(version)}'><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>1</Id>"
        f"<Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>{body}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def as_csv(entries: Sequence[Entry], closing: int) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["账户明细"])
    writer.writerow(MAP["columns"].values())  # type: ignore[attr-defined]
    balance = OPENING
    for entry in entries:
        balance += entry.amount_minor
        amount = f"{abs(entry.amount_minor) // 100:,}".replace(",", ".") + f",{abs(entry.amount_minor) % 100:02}"
        sides = ("", amount) if entry.amount_minor > 0 else (amount, "")
        mark = "-" if balance < 0 else ""
        writer.writerow(
            [
                f"{entry.booking_date:%Y%m%d}", f"{entry.value_date:%Y%m%d}", *sides, mark + decimal(balance),
                entry.bank_ref, entry.counterparty_name, entry.counterparty_account, entry.text,
            ]
        )  # fmt: skip
    writer.writerow(["合计", "", decimal(closing)])
    return out.getvalue().encode("gb18030")


RENDERED: dict[Format, Callable[[Sequence[Entry], int], bytes]] = {
    Format.MT940: as_mt940,
    Format.CAMT053: as_camt,
    Format.CSV: as_csv,
}


def read(data: bytes, file_format: Format) -> tuple[list[StatementLine], StatementFacts]:
    facts = StatementFacts()
    return list(read_file(data, file_format, facts, parse_csv_map(MAP))), facts


@pytest.mark.parametrize("count", [1, 40, 10_000])
def test_one_day_in_three_formats_gives_identical_lines(count: int) -> None:
    entries = day(count)
    closing = OPENING + sum(entry.amount_minor for entry in entries)
    found = {each: read(render(entries, closing), each) for each, render in RENDERED.items()}
    lines, facts = found[Format.CSV]
    assert len(lines) == len(entries)
    assert [line.amount.amount_minor for line in lines] == [entry.amount_minor for entry in entries]
    assert len({line.row_key for line in lines}) == len(lines), "lines that are alike are told apart"
    assert (facts.account_ref, facts.currency, facts.opening_minor, facts.closing_minor) == (
        ACCOUNT, "eur", OPENING, closing,
    )  # fmt: skip
    assert {line.key for line in lines} <= {"", "CI00000000000013", "po_0123456789abcdef"}
    for each in (Format.MT940, Format.CAMT053):
        assert found[each] == (lines, facts), each


@pytest.mark.parametrize("file_format", [Format.MT940, Format.CAMT053])
def test_a_file_that_does_not_add_up_is_refused_after_its_last_line(file_format: Format) -> None:
    entries = day(5)
    data = RENDERED[file_format](entries, OPENING + sum(entry.amount_minor for entry in entries) - 1)
    seen = []
    with pytest.raises(BalanceGap):
        for line in read_file(data, file_format, StatementFacts()):
            seen.append(line)
    assert len(seen) == len(entries)


@pytest.mark.parametrize("version", [2, 4, 8, 14])
def test_camt_of_every_version_is_read(version: int) -> None:
    entries = day(3)
    closing = OPENING + sum(entry.amount_minor for entry in entries)
    assert (
        list(read_camt053(as_camt(entries, closing, version), StatementFacts()))
        == read(as_camt(entries, closing), Format.CAMT053)[0]
    )


def test_camt_shows_what_is_not_booked_and_does_not_count_it() -> None:
    entries = day(1)
    data = as_camt(entries, OPENING).replace(b"<Cd>BOOK</Cd>", b"<Cd>PDNG</Cd>")
    (line,) = read_camt053(data, StatementFacts())
    assert line.status is LineStatus.PENDING


def test_mt940_takes_reversals_the_turn_of_the_year_and_pages() -> None:
    text = (
        f":20:A\n:25:{ACCOUNT}\n:28C:7/1\n:60F:C251230EUR10,00\n:61:2512310102C5,NTRFNONREF//X1\n:86:one\n:62M:C260102EUR15,00\n-\n"
        f":20:A\n:25:{ACCOUNT}\n:28C:7/2\n:60M:C260102EUR15,00\n:61:2601020102RC5,00NTRFNONREF//X2\n:86:/EREF/po_0123456789ab/REMI/two/\n"
        ":62F:C260102EUR10,00\n-"
    )
    lines, facts = read(text.encode(), Format.MT940)
    assert [line.amount.amount_minor for line in lines] == [500, -500]
    assert lines[0].occurred_at.date() == date(2026, 1, 2)
    assert (lines[1].state, lines[1].key, lines[1].raw["text"]) == ("reversal", "po_0123456789ab", "two")
    assert (facts.opening_minor, facts.closing_minor) == (1000, 1000)
    with pytest.raises(BalanceGap):
        read(text.replace(":60M:C260102EUR15", ":60M:C260102EUR14").encode(), Format.MT940)


HOSTILE = {
    "entities": b"<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'b'>]><Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'>&a;</Document>",
    "another message": b"<?xml version='1.0'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'></Document>",
    "torn": b"<?xml version='1.0'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><BkToCstmrStmt>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_damaged_file_is_refused(name: str) -> None:
    with pytest.raises(BadStatement):
        list(read_camt053(HOSTILE[name], StatementFacts()))


@pytest.mark.parametrize("file_format", list(Format))
def test_what_is_no_statement_is_refused(file_format: Format) -> None:
    with pytest.raises(BadStatement):
        read(b"\x00\xff hello", file_format)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {}}, {"amount_mode": "guess"}, {"encoding": "utf-7"}, {"footer_regex": "("}, {"delimiter": ""},
        {"amount_mode": "amount_direction"}, {"skip_rows": -1}, {"columns": {"booking_date": "d", "profit": "p"}},
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_meant_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadCsvMap):
        parse_csv_map({**MAP, **change})


def test_the_direction_may_stand_in_a_column_of_its_own() -> None:
    csv_map = parse_csv_map(
        {
            "currency": "cny", "amount_mode": "amount_direction", "columns": {"booking_date": "d", "amount": "a", "bank_ref": "r"},
            "direction": {"column": "dir", "credit": ["贷"], "debit": ["借"]}, "entry_key": {"columns": ["r"]},
        }
    )  # fmt: skip
    data = "d,a,dir,r\n2026-01-02,1.50,贷,1\n2026-01-02,0.20,借,2\n".encode()
    lines = list(read_file(data, Format.CSV, StatementFacts(), csv_map))
    assert [(line.row_key, line.amount.amount_minor) for line in lines] == [("1", 150), ("2", -20)]
    with pytest.raises(BadStatement, match="line 2"):
        list(read_file(data.replace("贷".encode(), b"?"), Format.CSV, StatementFacts(), csv_map))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("1.5", "eur", 150), ("-0.07", "eur", -7), ("12", "jpy", 12), ("1.2340", "kwd", 1234), ("+3", "eur", 300)],
)
def test_amounts_are_read_by_integer_arithmetic(text: str, currency: str, minor: int) -> None:
    assert minor_of(text, currency) == minor


@pytest.mark.parametrize("text", ["1.234", "", "1,5", "1e3", "٣", "--1", "NaN"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadStatement):
        minor_of(text, "eur")


def test_a_line_reference_has_a_check_character() -> None:
    assert all(map(is_line_ref, ("CI00000000000013", "CI00000000000021", "CI00000000000030", "CIFZZZZZZZZZZZZW")))
    assert not is_line_ref("CI00000000000014")
