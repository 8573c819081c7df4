"""Receipt: a slip from a till, hotel or taxi; who was paid, when, how much.

Point a flow at it (`summarise: {schema: schemas/receipt.py:Receipt}`), or copy it and change the
copy: it needs pydantic and nothing else. Amounts are decimals in the receipt's currency, dates are
ISO 8601. A field that the paper does not have stays empty.
"""

# a field is called `date`, and a class body cannot hold both
from datetime import date as Date  # noqa: N812
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class ReceiptItem(BaseModel):
    """One line of what was bought. `amount` is what the line adds to the bill."""

    model_config = ConfigDict(frozen=True)

    description: str | None = Field(None, description="What was bought")
    quantity: Decimal | None = Field(None, description="How many")
    unit_price: Decimal | None = Field(None, description="Price of one")
    amount: Decimal | None = Field(None, description="Price of the line")


class Receipt(BaseModel):
    """Proof of a payment. Totals include tax, as tills print them."""

    model_config = ConfigDict(frozen=True)

    company: str = Field(
        description="Name of the shop or company that was paid, as printed at the top"
    )
    date: Date = Field(description="Day of the purchase")
    total: Decimal = Field(description="Total to pay, tax and rounding included")
    address: str | None = Field(None, description="Address of the shop, on one line")
    currency: str | None = Field(None, description="Currency as ISO 4217 code, such as EUR")
    number: str | None = Field(None, description="Number of the receipt")
    tax_id: str | None = Field(None, description="Tax registration number of the company")
    net_total: Decimal | None = Field(None, description="Total without tax")
    tax_total: Decimal | None = Field(None, description="Total tax")
    rounding_amount: Decimal | None = Field(None, description="Added to round the total")
    payment_method: str | None = Field(None, description="How it was paid, such as cash or card")
    items: tuple[ReceiptItem, ...] = Field(
        (), description="What was bought, in the order of the receipt"
    )
