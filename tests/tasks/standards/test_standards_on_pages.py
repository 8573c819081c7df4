"""What `check` accepts is what the local engine finds on a page: IBANs and VAT numbers."""

from decimal import Decimal

import pytest
from pydantic import BaseModel

from tasks.local.fields import FieldFinder
from tasks.printed_values.ids import find_ibans, find_vat_ids
from tasks.standards.ibans import IBAN_LENGTHS, is_iban
from tasks.standards.vat_numbers import VatProblem, vat_problem
from tests.support.pages import page

ACCEPTED = """
ATU13585627 BE0428759497 BE776091951 BG175074752 CHE116281710 CHE116281710MWST CHE-116.281.710-TVA
CH100155212 CY10259033P CZ25123891 DE136695976 DK13585628 EE100931558 EL094259216 GR094259216
ESA12345674 FI20774740 FR40303265045 FRK7399859412 GB980780684 GBGD001 GBHA599 HR33392005961
HU12892312 IE6433435F IE6433435OA IE8D79739I IT00743110157 LT119511515 LT100001919017 LU15027442
LV40003521600 MT11679112 NL004495445B01 NL123456782B90 PL8567346215 PT501964843 RO18547290
SE123456789701 SI50223054 SK2022749619 XI980780684
"""


class Payment(BaseModel):
    iban: str | None = None
    total: Decimal | None = None


def iban_of(country: str) -> str:
    account = "1234567890123456789012345678901"[: IBAN_LENGTHS[country] - 4]
    moved = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    return f"{country}{98 - int(moved) % 97:02}{account}"


@pytest.mark.parametrize("country", IBAN_LENGTHS)
def test_an_iban_of_every_country_is_accepted_and_found(country: str) -> None:
    iban = iban_of(country)
    assert is_iban(iban)
    groups = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
    assert [found.value for found in find_ibans(f"IBAN: {groups} BIC ABCDEFGH")] == [iban]
    finder = FieldFinder(Payment)
    finder.read(page(f"ACME Ltd\nIBAN: {groups}\nTotal   12.00"))
    assert finder.finish().record["iban"] == iban


@pytest.mark.parametrize("number", ACCEPTED.split())
def test_a_vat_number_that_is_accepted_is_found(number: str) -> None:
    assert vat_problem(number) is None
    written = number.replace("-", "").replace(".", "")
    assert [found.value for found in find_vat_ids(f"VAT no. {number}, Paris")] == [written]


@pytest.mark.parametrize(
    "number", ["FRIO303265045", "SE123456789012", "IE6433435XZ", "BE2776091951", "DE12345678"]
)
def test_a_vat_number_that_is_refused_is_not_found(number: str) -> None:
    assert vat_problem(number) is VatProblem.FORM
    assert find_vat_ids(f"VAT no. {number}, Paris") == []
