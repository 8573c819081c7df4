"""Currencies and their smallest amounts: ISO 4217, list of 2025-05."""

from decimal import Decimal

_TWO_DIGITS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK
DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER
ZAR ZMW ZWG
"""
# still on old paper
_WITHDRAWN = (
    "ANG BGN HRK LTL LVL EEK SKK SIT MTL CYP DEM FRF ITL ESP NLG BEF ATS PTE FIM IEP GRD LUF "
    "CUC SLL ZWL"
)
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

_DIGITS = {
    **dict.fromkeys((*_TWO_DIGITS.split(), *_WITHDRAWN.split()), 2),
    **dict.fromkeys(_NO_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
}

PRINTED_CURRENCIES = frozenset(
    [
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "JPY",
        "CNY",
        "INR",
        "MYR",
        "SGD",
        "AUD",
        "CAD",
        "NZD",
        "HKD",
        "SEK",
        "NOK",
        "DKK",
        "ISK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "BGN",
        "TRY",
        "RUB",
        "UAH",
        "BRL",
        "MXN",
        "ARS",
        "CLP",
        "COP",
        "ZAR",
        "AED",
        "SAR",
        "ILS",
        "THB",
        "IDR",
        "PHP",
        "VND",
        "KRW",
        "TWD",
        "EGP",
        "NGN",
        "KES",
        "MAD",
        "TND",
        "XOF",
        "XAF",
        "PKR",
        "BDT",
        "LKR",
        "BHD",
        "IQD",
        "JOD",
        "KWD",
        "LYD",
        "OMR",
        "QAR",
        "RSD",
        "UGX",
        "TZS",
        "GHS",
        "KZT",
        "GEL",
        "DZD",
    ]
)
"""Codes that are looked for on paper: others of the list are also English words (ALL, TOP, BAM)."""

CURRENCY_SIGNS = {
    "€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY", "円": "JPY", "元": "CNY", "₽": "RUB",
    "₺": "TRY", "₩": "KRW", "원": "KRW", "₫": "VND", "₪": "ILS", "฿": "THB", "₱": "PHP",
    "₦": "NGN", "₴": "UAH", "₸": "KZT", "₾": "GEL", "RM": "MYR", "Rs": "INR", "zł": "PLN",
    "Kč": "CZK", "Ft": "HUF", "Fr.": "CHF", "US$": "USD", "S$": "SGD", "A$": "AUD", "C$": "CAD",
    "HK$": "HKD", "R$": "BRL", "NZ$": "NZD", "$": "USD",
}  # fmt: skip
CURRENCY_WORDS = {
    "euro": "EUR",
    "euros": "EUR",
    "us dollars": "USD",
    "us dollar": "USD",
    "pounds sterling": "GBP",
    "swiss francs": "CHF",
    "ringgit": "MYR",
    "rupees": "INR",
}

_CASH_STEP = {  # smallest coin where totals are rounded to it by custom or law
    "AUD": Decimal("0.05"),
    "CAD": Decimal("0.05"),
    "CHF": Decimal("0.05"),
    "CZK": Decimal(1),
    "DKK": Decimal("0.50"),
    "HUF": Decimal(5),
    "MYR": Decimal("0.05"),
    "NOK": Decimal(1),
    "NZD": Decimal("0.10"),
    "SEK": Decimal(1),
    "SGD": Decimal("0.05"),
}


def is_currency(code: str) -> bool:
    return code in _DIGITS


def minor_unit(code: str | None) -> Decimal:
    """The value of the last digit of an amount: 0.01 for EUR and for a currency that is not known,
    1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-_DIGITS.get(code or "", 2))


def cash_rounding(code: str | None) -> Decimal:
    """By how much a total may differ from the exact sum because there is no smaller coin: half of
    it."""
    return _CASH_STEP.get(code or "", Decimal(0)) / 2
