"""ISO 4217: the alphabetic codes in use and the number of decimals of each.

A copy of the published table (list one, read 2026-11), so that the kernel needs nothing but the standard library; a test
compares it with the `iso4217` package. Precious metals and other codes without decimals of their own are left out:
nobody can be paid in them.
"""

from __future__ import annotations

from cauce.kernel.errors import InvalidRequest

_BY_EXPONENT: dict[int, str] = {
    0: """
        bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf
    """,
    2: """
        aed afn all amd aoa ars aud awg azn bam bbd bdt bmd bnd bob bov brl bsd btn bwp byn bzd cad cdf che
        chf chw cny cop cou crc cup cve czk dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gtq gyd
        hkd hnl htg huf idr ils inr irr jmd kes kgs khr kpw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk
        mnt mop mru mur mvr mwk mxn mxv myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd
        rub sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt top try ttd twd tzs uah
        usd usn uyu uzs ved ves wst xad xcd xcg yer zar zmw zwg
    """,
    3: """
        bhd iqd jod kwd lyd omr tnd
    """,
    4: """
        clf uyw
    """,
}

EXPONENTS: dict[str, int] = {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}
"""Lower-case currency code -> number of decimals."""


class UnknownCurrency(InvalidRequest):
    """The currency is not a lower-case ISO 4217 code."""

    code = "unknown_currency"


def exponent_of(currency: str) -> int:
    """Decimals of `currency` (lower-case ISO 4217); `UnknownCurrency` otherwise."""
    try:
        return EXPONENTS[currency]
    except KeyError as exc:
        raise UnknownCurrency(f"{currency!r} is not a lower-case ISO 4217 currency code", param="currency") from exc
