"""What names in flows.yaml stand for: schemas, prompts, and code of the user's own."""

import inspect
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from pipelines.loading import load_project
from pipelines.loading.inline_schema import inline_model
from pipelines.loading.user_code import load_object
from schemas.flow import SummariseSettings
from tests.support.flow_files import SCHEMA, flow_with_steps, only_problem, problems, write


def with_schema(reference: str) -> str:
    return flow_with_steps("render", "extract", f"summarise: {{schema: '{reference}'}}")


def schema_of(path: Path) -> type[BaseModel]:
    schema = load_project(path).references["orders"].schema
    assert schema is not None
    return schema


def test_a_class_of_a_file_beside_flows_yaml(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    write(tmp_path, SCHEMA, "schemas/order.py")
    assert list(schema_of(write(tmp_path, with_schema("schemas/order.py:Order"))).model_fields) == [
        "number"
    ]


def test_a_class_of_an_installed_module(tmp_path):
    from schemas.invoice import Invoice

    assert schema_of(write(tmp_path, with_schema("schemas.invoice:Invoice"))) is Invoice


def test_a_module_in_the_folder_of_flows_yaml_leaves_the_import_path_as_it_was(tmp_path):
    write(tmp_path, SCHEMA, "docmill_test_orders/order.py")
    before = list(sys.path)
    schema = schema_of(write(tmp_path, with_schema("docmill_test_orders.order:Order")))
    assert schema.__name__ == "Order"
    assert sys.path == before


def test_a_project_s_schemas_folder_never_meets_ours(tmp_path):
    """Two projects with files of the same name, and our own `schemas` package, live in one
    process."""
    before = set(sys.modules)
    for name in ("first", "second"):
        write(
            tmp_path,
            f"from pydantic import BaseModel\nclass Part(BaseModel):\n    {name}: str\n",
            f"{name}/schemas/record.py",
        )
        write(
            tmp_path,
            "from .record import Part\nclass Order(Part):\n    number: str\n",
            f"{name}/schemas/invoice.py",
        )
    found = [
        schema_of(write(tmp_path / name, with_schema("schemas/invoice.py:Order")))
        for name in ("first", "second")
    ]
    assert [list(schema.model_fields) for schema in found] == [
        ["first", "number"],
        ["second", "number"],
    ]
    assert all(name.startswith("_docmill_") for name in set(sys.modules) - before)
    from schemas.record import Draft

    assert Path(inspect.getfile(Draft)).parent.parent == Path(__file__).parents[3]


def test_a_changed_file_is_read_anew(tmp_path):
    path = write(tmp_path, with_schema("order.py:Order"))
    for field in ("one", "two"):
        write(tmp_path, SCHEMA.replace("number", field), "order.py")
        assert list(schema_of(path).model_fields) == [field]
    assert not (tmp_path / "__pycache__").exists()


def test_what_a_schema_file_prints_does_not_reach_stdout(tmp_path, capsys):
    write(tmp_path, f"print('hello')\n{SCHEMA}", "order.py")
    schema_of(write(tmp_path, with_schema("order.py:Order")))
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "order.py:2: ZeroDivisionError: division by zero"),
        ("class (:\n", "order.py:1: SyntaxError: invalid syntax"),
        (
            "import docmill_nowhere\n",
            (
                "order.py:1: cannot import 'docmill_nowhere'; install it, or write `from .name "
                "import ...`"
            ),
        ),
        ("raise SystemExit\n", "order.py:1: SystemExit"),
        (
            "class Order: pass\n",
            (
                "order.py:Order must be a pydantic model (a class derived from BaseModel), "
                "found the class Order"
            ),
        ),
        (
            "Order = 5\n",
            (
                "order.py:Order must be a pydantic model (a class derived from BaseModel), "
                "found a value of type int"
            ),
        ),
        (
            "from pydantic import BaseModel\nclass Order(BaseModel): pass\n",
            "order.py:Order has no fields",
        ),
        (
            "from pydantic import RootModel\nclass Order(RootModel[int]): pass\n",
            "found a root model",
        ),
        (
            "from pydantic import BaseModel\nclass Ordre(BaseModel):\n  a: int\n",
            "order.py has no `Order`; did you mean `Ordre`?",
        ),
        (
            (
                "from collections.abc import Callable\nfrom pydantic import BaseModel\nclass "
                "Order(BaseModel):\n  a: Callable[[], int]\n"
            ),
            "order.py:Order cannot be described as JSON Schema",
        ),
    ],
)
def test_a_broken_schema_file_is_told_with_its_own_line(tmp_path, code, message):
    write(tmp_path, code, "order.py")
    problem = only_problem(write(tmp_path, with_schema("order.py:Order")))
    assert problem.startswith("7:21: flows.orders.steps.summarise.schema: ")
    assert message in problem


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("order.py", "expected `path.py:Class` or `package.module:Class`, found 'order.py'"),
        ("none.py:Order", "cannot read none.py: No such file or directory (looked for "),
        ("docmill_nowhere:Order", "cannot import 'docmill_nowhere'"),
        ("schemas.invoice:Invoic", "schemas.invoice has no `Invoic`; did you mean `Invoice`?"),
    ],
)
def test_a_reference_to_nothing_is_a_problem(tmp_path, reference, message):
    assert message in only_problem(write(tmp_path, with_schema(reference)))


def test_an_error_in_a_neighbour_file_is_told_with_the_neighbour_s_line(tmp_path):
    write(tmp_path, "1 / 0\n", "parts.py")
    write(tmp_path, "from .parts import Part\n", "order.py")
    assert f"{tmp_path / 'parts.py'}:1: ZeroDivisionError" in only_problem(
        write(tmp_path, with_schema("order.py:Order"))
    )


def test_a_failed_load_leaves_no_module_behind(tmp_path):
    write(tmp_path, "1 / 0", "order.py")
    before = set(sys.modules)
    assert problems(write(tmp_path, with_schema("order.py:Order")))
    assert not [name for name in set(sys.modules) - before if name.endswith(".order")]


def inline(**fields) -> type[BaseModel]:
    settings = SummariseSettings.model_validate({"fields": fields})
    assert settings.fields is not None
    return inline_model("Order", settings.fields)


def test_inline_fields_make_a_model_like_a_class_would():
    model = inline(
        number="string",
        total={"type": "decimal", "description": "Total to pay"},
        day={"type": "date", "optional": True},
        tags={"type": "list", "optional": True},
        lines={"type": "list", "fields": {"article": "string", "quantity": "integer"}},
        seller={"type": "object", "fields": {"name": "string", "vat": {"optional": True}}},
        paid="boolean",
        rate="number",
    )
    order = model.model_validate(
        {
            "number": "A1",
            "total": "12.50",
            "day": "2026-01-31",
            "lines": [{"article": "x", "quantity": 2}],
            "seller": {"name": "ACME"},
            "paid": True,
            "rate": 0.5,
        }
    )
    assert (order.total, order.day, order.tags, order.lines[0].quantity, order.seller.vat) == (
        Decimal("12.50"),
        date(2026, 1, 31),
        (),
        2,
        None,
    )
    assert model.model_fields["total"].description == "Total to pay"
    with pytest.raises(ValidationError) as error:
        model.model_validate({"number": "A1", "seller": {"name": "ACME"}, "paid": True, "rate": 1})
    assert [details["loc"] for details in error.value.errors()] == [("total",), ("lines",)]


def test_inline_fields_may_have_names_that_pydantic_uses():
    model = inline(
        copy="string",
        json="string",
        model_config="string",
        schema="string",
        date="date",
        model_x="string",
    )
    values = {
        "copy": "a",
        "json": "b",
        "model_config": "c",
        "schema": "d",
        "date": "2026-01-31",
        "model_x": "e",
    }
    assert model.model_validate(values).model_dump(mode="json", by_alias=True) == values
    assert list(model.model_json_schema()["properties"]) == list(values)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            "{total: money}",
            (
                "must be 'string', 'integer', 'number', 'decimal', 'date', 'boolean' or "
                "'list', found 'money'"
            ),
        ),
        (
            "{_total: decimal}",
            "must be a name of letters, digits and `_` that starts with a letter, found '_total'",
        ),
        (
            "{seller: {type: object}}",
            "flows.orders.steps.summarise.fields.seller: an object needs `fields`",
        ),
        (
            "{total: {type: decimal, fields: {a: string}}}",
            "only `list` and `object` have fields, not `decimal`",
        ),
        ("{}", "must have 1 or more entries"),
    ],
)
def test_wrong_inline_fields_are_told(tmp_path, fields, problem):
    assert problem in only_problem(
        write(tmp_path, flow_with_steps("render", "extract", f"summarise: {{fields: {fields}}}"))
    )


def test_a_schema_is_given_once(tmp_path):
    both = "summarise: {schema: 'schemas.invoice:Invoice', fields: {a: string}}"
    assert "give either `schema` or `fields`" in only_problem(
        write(tmp_path, flow_with_steps("render", "extract", both))
    )


def test_a_prompt_file_is_read_at_load(tmp_path):
    write(tmp_path, "Read it aloud.", "prompts/read.md")
    project = load_project(
        write(tmp_path, flow_with_steps("render", "extract: {prompt: prompts/read.md}"))
    )
    assert project.references["orders"].prompts == {"extract": "Read it aloud."}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read p.md: No such file or directory"),
        (b"\xff", "p.md is not UTF-8 text"),
        (b" \n", "p.md is empty"),
    ],
)
def test_a_prompt_file_that_cannot_be_used_is_a_problem(tmp_path, content, message):
    if content is not None:
        (tmp_path / "p.md").write_bytes(content)
    problem = only_problem(write(tmp_path, flow_with_steps("render", "extract: {prompt: p.md}")))
    assert problem.startswith("6:19: flows.orders.steps.extract.prompt: ")
    assert message in problem


def test_load_object_gives_functions_too(tmp_path):
    write(tmp_path, "def double(x):\n    return 2 * x\n", "own.py")
    assert load_object("own.py:double", tmp_path)(4) == 8
