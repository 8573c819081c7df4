"""What does the fake model say? A page's text from the registry, or JSON that satisfies the schema
it was given."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.fake_mistral import validation
from tests.support.fake_mistral.replies import JsonObject


@dataclass(frozen=True, slots=True)
class Known:
    """One document the fake model knows: `text` is what it reads off a page, and holds `key`;
    `record` is what it makes of a prompt with `key`."""

    key: str
    text: str
    record: Mapping[str, Any] = field(default_factory=dict)


_NUMBER = re.compile(r"INV-[0-9A-F]{8}")


def made_up(number: str) -> Known:
    """A plausible invoice that can be rebuilt from its number alone."""
    seed = int(number[4:], 16)
    net = 10_000 + seed % 900_000
    tax = net // 5
    date = f"2026-{seed % 12 + 1:02d}-{seed % 28 + 1:02d}"
    total = f"{(net + tax) / 100:.2f}"
    text = (
        "ACME Supplies Ltd\n12 High Street, Springfield\nVAT "
        f"GB999999973\n\nINVOICE\nInvoice number: {number}\nInvoice date: {date}\n\n"
        f"Consulting services  1 x {net / 100:.2f}  {net / 100:.2f}\n\nNet total: "
        f"{net / 100:.2f}\nVAT 20 %: {tax / 100:.2f}\nTotal: {total} EUR\n"
    )
    record = {
        "number": number,
        "invoice_number": number,
        "date": date,
        "issue_date": date,
        "invoice_date": date,
        "currency": "EUR",
        "total": total,
        "gross_total": total,
        "total_amount": total,
        "net_total": f"{net / 100:.2f}",
        "tax_total": f"{tax / 100:.2f}",
        "amount_due": total,
        "payable": total,
        "company": "ACME Supplies Ltd",
        "issuer": "ACME Supplies Ltd",
        "name": "ACME Supplies Ltd",
        "address": "12 High Street, Springfield",
        "vat_id": "GB999999973",
    }
    return Known(number, text, record)


def known_page(encoded_image: str, registry: Sequence[Known]) -> Known:
    """The registry's entry for an image; always the same one for the same bytes."""
    digest = hashlib.sha256(encoded_image.encode("ascii")).hexdigest()
    if registry:
        return registry[int(digest[:8], 16) % len(registry)]
    return made_up(f"INV-{digest[:8].upper()}")


def known_prompt(prompt: str, registry: Sequence[Known]) -> Mapping[str, Any]:
    for entry in registry:
        if entry.key in prompt:
            return entry.record
    number = _NUMBER.search(prompt)
    return made_up(number.group()).record if number else {}


def answer_text(body: JsonObject, registry: Sequence[Known]) -> str:
    images = validation.image_data(body)
    wanted = body.get("response_format") or {}
    pages = [known_page(image, registry) for image in images]
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"]["schema"]
        values = (
            pages[0].record if pages else known_prompt("\n".join(validation.texts(body)), registry)
        )
        filled = _pages_object(schema, [page.text for page in pages]) or filler(
            schema, values, schema
        )
        return json.dumps(filled, ensure_ascii=False, indent=1)
    if wanted.get("type") == "json_object":
        return json.dumps(dict(known_prompt("\n".join(validation.texts(body)), registry)))
    return "\n".join(page.text for page in pages) or "There is nothing to read."


def _pages_object(schema: JsonObject, page_texts: list[str]) -> JsonObject | None:
    """`{"pages": [{"page_number", "text"}]}`, when that is what the schema asks for and images were
    sent."""
    item = schema.get("properties", {}).get("pages", {}).get("items", {})
    if not page_texts or "text" not in item.get("properties", {}):
        return None
    return {
        "pages": [
            {"page_number": number, "text": text} for number, text in enumerate(page_texts, 1)
        ]
    }


def filler(schema: Any, values: Mapping[str, Any], root: JsonObject, name: str = "") -> Any:
    """The smallest JSON that satisfies `schema`, with `values` used by property name where their
    type fits."""
    schema = _resolved(schema, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    kinds = [_resolved(option, root) for option in options] if options else [schema]
    value = values.get(name)
    for kind in kinds:
        if value is not None and _fits(value, kind):
            return (
                float(value) if kind.get("type") == "number" and isinstance(value, str) else value
            )
    for kind in kinds:
        if kind.get("type") == "object" and "properties" in kind:
            return {
                key: filler(child, values, root, key) for key, child in kind["properties"].items()
            }
    if any(_is_null(kind) for kind in kinds):
        return None
    return _smallest(kinds[0])


def _resolved(schema: Any, root: JsonObject) -> JsonObject:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema if isinstance(schema, dict) else {}


def _is_null(kind: JsonObject) -> bool:
    return kind.get("type") == "null" or (
        isinstance(kind.get("type"), list) and "null" in kind["type"]
    )


def _fits(value: Any, kind: JsonObject) -> bool:
    types = kind.get("type")
    types = types if isinstance(types, list) else [types]
    if "enum" in kind:
        return value in kind["enum"]
    if "string" in types and isinstance(value, str):
        return "pattern" not in kind or re.search(kind["pattern"], value) is not None
    if "number" in types:
        return isinstance(value, int | float) or (
            isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
        )
    if "integer" in types and isinstance(value, int):
        return True
    return ("array" in types and isinstance(value, list)) or (
        "object" in types and isinstance(value, dict)
    )


def _smallest(kind: JsonObject) -> Any:
    if "const" in kind:
        return kind["const"]
    if "enum" in kind:
        return kind["enum"][0]
    if kind.get("format") == "date":
        return "2026-01-31"
    types = kind.get("type")
    return {
        "string": "x",
        "integer": 1,
        "number": 1.0,
        "boolean": False,
        "array": [],
        "object": {},
    }.get(types if isinstance(types, str) else "string")
