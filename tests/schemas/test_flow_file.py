"""What flows.yaml may say, and what its mistakes are told as."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from pipelines.describing.explain import explain
from pipelines.describing.flow_reference import reference
from pipelines.describing.json_schema import flow_file_schema
from pipelines.loading import (
    find_flow_file,
    load_flow,
    load_flow_file,
    load_project,
    resolve_provider,
)
from schemas.errors import CallError, FlowFileError
from schemas.flow import (
    DEFAULT_MODELS,
    ExtractSettings,
    FlowFile,
    RenderSettingsSpec,
    StepSpec,
    WriteSettings,
)
from tests.support.flow_files import SCHEMA, flow_with_steps, only_problem, problems, write

ROOT = Path(__file__).parents[2]


def test_short_form_is_enough(tmp_path):
    path = write(tmp_path, flow_with_steps("render", "extract: {}", "write: {jsonl: out.jsonl}"))
    flow_file = load_flow_file(path)
    steps = flow_file.flows["orders"].steps
    assert [step.name for step in steps] == ["render", "extract", "write"]
    assert steps[0].settings == RenderSettingsSpec()
    assert steps[1].settings == ExtractSettings()
    assert flow_file.models == DEFAULT_MODELS


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path):
    write(tmp_path, SCHEMA, "schemas/order.py")
    path = write(
        tmp_path,
        """
        version: 1
        flows:
          orders:
            retrys: 3
            source: {folder: inbox, match: "*.pdf"}
            steps:
              - rendr: {}
              - extract: {model: visoin, max_tokens: many}
              - summarise: {schema: "schemas/order.py:Ordr"}
              - summarise: {schema: "schemas/order.py:Ordr"}
            budget:
              tokens: -5
              per: week
        """,
    )
    assert problems(path) == [
        "4:5: flows.orders.retrys: unknown key; did you mean `retry`?",
        "5:29: flows.orders.source.match: must be a list, found '*.pdf'",
        "7:9: flows.orders.steps.rendr: unknown step; did you mean `render`?",
        "8:19: flows.orders.steps.extract.model: unknown role `visoin`; did you mean `vision`?",
        (
            "8:34: flows.orders.steps.extract.max_tokens: must be a whole number, found "
            "'many', which YAML reads as text"
        ),
        (
            "9:21: flows.orders.steps.summarise.schema: schemas/order.py has no `Ordr`; did "
            "you mean `Order`?"
        ),
        (
            "10:21: flows.orders.steps.summarise.schema: schemas/order.py has no `Ordr`; did "
            "you mean `Order`?"
        ),
        "12:7: flows.orders.budget.tokens: must be greater than 0, found -5",
        "13:7: flows.orders.budget.per: must be 'run', 'day', 'month' or 'total', found 'week'",
    ]


def test_the_error_counts_its_problems_and_names_the_file_as_typed(tmp_path, monkeypatch):
    write(tmp_path, "version: 2\nflows: {}\n", "sub/my.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FlowFileError) as error:
        load_flow_file(Path("sub/my.yaml"))
    assert str(error.value).splitlines() == [
        "sub/my.yaml:1:1: version: must be 1, found 2",
        "sub/my.yaml:2:1: flows: must have 1 or more entries, found none",
        "2 problems in sub/my.yaml; nothing was run.",
    ]
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("render: {max_side_px: big}", ("5:18: flows.orders.steps.render.max_side_px: must be 'auto' or a whole number, " "found 'big'")),
        ("render: {max_side_px: 3}", ("5:18: flows.orders.steps.render.max_side_px: must be 'auto' or at least 64, found " "3")),
        ("render: 3", "5:9: flows.orders.steps.render: must be a mapping of keys to values, found 3"),
        ("render: {passwords_file: 1}", ("5:18: flows.orders.steps.render.passwords_file: must be text, found 1; put it in " "quotes")),
        ("7", "5:9: flows.orders.steps[0]: must be a step such as `- render: {}`, found 7"),
        ("{}", ("5:9: flows.orders.steps[0]: must be a step such as `- render: {}`, found an empty " "mapping")),
        ("{render: , max_pages: 3}", ("5:9: flows.orders.steps.render: `max_pages` is beside `render`; indent its " "settings under it (two more spaces)")),
        ("{render: , extract: }", ("5:9: flows.orders.steps.render: one entry holds one step; start each with its own " "`- `")),
        ("OCR", ("5:9: flows.orders.steps.OCR: unknown step; a step of your own is " "`path.py:function`; known: check, einvoice, extract, render, summarise, write")),
        ("Render: {}", "5:9: flows.orders.steps.Render: unknown step; did you mean `render`?"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_told_in_words_that_help(tmp_path, step, problem):
    assert only_problem(write(tmp_path, flow_with_steps(step))) == problem


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["extract"], "`extract` needs `render` before it"),
        (
            ["render", "extract", "render"],
            "`render` is here for the second time; a flow has each step once",
        ),
        (
            ["render", "einvoice"],
            (
                "`einvoice` must come before `render`; the order is einvoice, render, "
                "extract, summarise, check, write"
            ),
        ),
        (
            ["render", "summarise: {fields: {a: string}}"],
            "`summarise` needs `extract` or `einvoice` before it",
        ),
        (["render", "extract", "check"], "`check` needs `summarise` or `einvoice` before it"),
        (["render", "write"], "`write` needs `extract` or `einvoice` before it"),
        (
            ["render", "extract", "write", "summarise: {fields: {a: string}}"],
            "`summarise` must come before `write`",
        ),
        (
            ["own.py:step", "render"],
            "a step of your own cannot be the first; start with `einvoice` or `render`",
        ),
    ],
)
def test_a_senseless_order_of_steps_is_refused(tmp_path, steps, message):
    write(tmp_path, "async def step(draft): return draft", "own.py")
    assert message in only_problem(write(tmp_path, flow_with_steps(*steps)))


@pytest.mark.parametrize(
    "steps",
    [
        ["render", "extract", "write"],
        ["einvoice", "check", "write"],
        ["einvoice", "render", "extract", "summarise: {fields: {a: string}}", "check", "write"],
        ["render", "own.py:step", "extract", "own.py:other", "write", "own.py:third"],
    ],
)
def test_any_sensible_subset_of_steps_is_a_flow(tmp_path, steps):
    write(
        tmp_path,
        "".join(f"async def {name}(draft): return draft\n" for name in ("step", "other", "third")),
        "own.py",
    )
    assert problems(write(tmp_path, flow_with_steps(*steps))) == []


@pytest.mark.parametrize("steps", [("einvoice",), ("einvoice", "write: {csv: a.csv}")])
def test_outputs_are_a_key_of_the_flow_or_its_last_step(tmp_path, steps):
    key = "" if len(steps) > 1 else "    write: {csv: a.csv}\n"
    path = write(tmp_path, flow_with_steps(*steps) + key)
    definition = load_flow(path, "orders", local=True)
    assert definition.outputs == WriteSettings(csv="a.csv")
    assert [step.name for step in definition.steps] == ["einvoice"]
    assert "writes a.csv" in "\n".join(explain(load_project(path), "orders"))


def test_write_without_settings_writes_all_kinds_of_outputs(tmp_path):
    path = write(tmp_path, flow_with_steps("einvoice") + "    write:\n")
    assert load_flow_file(path).flows["orders"].outputs == WriteSettings()
    (line,) = (text for text in explain(load_project(path), "orders") if "write" in text)
    assert line.endswith("writes out/orders.jsonl, out/orders.csv, out/orders")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            ("einvoice", "write: {csv: a.csv}"),
            "flows.orders.write: `write` is a step of this flow already; give it once",
        ),
        (("render",), "flows.orders.write: `write` needs `extract` or `einvoice` before it"),
    ],
)
def test_outputs_are_given_once_and_need_a_record(tmp_path, steps, message):
    text = flow_with_steps(*steps)
    line = len(text.splitlines()) + 1
    path = write(tmp_path, text + "    write: {jsonl: a.jsonl}\n")
    assert only_problem(path) == f"{line}:5: {message}"


def test_roles_and_providers_must_exist(tmp_path):
    path = write(
        tmp_path,
        """
        version: 1
        models: {eyes: [pixtral-large-latest], text: [mistral-large-latest]}
        providers: {azure: {base_url: "https://example.org/v1", api_key_env: AZURE_KEY}}
        flows:
          pages:
            provider: azur
            steps: [render, extract: {model: eye}]
          more:
            steps: [render, extract: {model: text}]
          offline:
            engine: local
            steps: [render, extract]
        """,
    )
    assert problems(path) == [
        "6:5: flows.pages.provider: unknown provider `azur`; did you mean `azure`?",
        "7:31: flows.pages.steps.extract.model: unknown role `eye`; did you mean `eyes`?",
        "8:3: flows.more.provider: unknown provider `mistral`; under `providers:`: azure",
    ]


@pytest.mark.parametrize("wrong", ["retry: {attempts: '5'}", "retry: {max_wait_seconds: '5'}", "budget: {tokens: true}", "budget: {cost: true}",
                                   "budget: {cost: .inf}", "concurrency: {pages: 1.5}", "watch: {recursive: yes}"])  # fmt: skip
def test_a_value_of_another_type_is_never_turned_into_the_right_one(tmp_path, wrong):
    assert "must be" in only_problem(
        write(tmp_path, flow_with_steps("render", "extract") + f"    {wrong}\n")
    )


def test_a_whole_number_is_a_number(tmp_path):
    text = (
        flow_with_steps("render", "extract: {temperature: 0}")
        + "    retry: {max_wait_seconds: 5}\n    budget: {cost: 5}\n"
    )
    assert problems(write(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("model", "catalogue", "budget", "problem"),
    [
        ("acme-vision", "", "{tokens: 5}", ("7:5: flows.pages.budget: cannot be kept with `acme-vision`: the cost of an image " "is not known")),
        ("acme-vision", "{image_tokens_max: 900}", "{cost: 5}", "7:5: flows.pages.budget: cannot be kept with `acme-vision`: its price is not known"),
        ("mistral-large-2411", "", "{tokens: 5}", "6:22: flows.pages.steps.extract.model: `mistral-large-2411` does not read images"),
    ],
)  # fmt: skip
def test_a_budget_that_cannot_be_kept_with_the_models_is_refused(
    tmp_path, model, catalogue, budget, problem
):
    text = (
        "version: 1\nmodels: {vision: [%s]}\ncatalogue: {%s}\nflows:\n  pages:\n    steps: "
        "[render, {extract: {model: vision}}]\n    budget: %s\n"
    )
    known = f"{model}: {catalogue}" if catalogue else ""
    found = only_problem(write(tmp_path, text % (model, known, budget)))
    assert problem.split(": ", 1)[1] in found


def test_a_budget_for_a_catalogued_model_of_one_s_own_is_fine(tmp_path):
    known = "{image_tokens_max: 900, input_per_million: 1, output_per_million: 2.5}"
    head = f"models: {{vision: [acme]}}\ncatalogue: {{acme: {known}}}\n"
    assert (
        problems(
            write(
                tmp_path,
                flow_with_steps("render", "extract", head=head) + "    budget: {cost: 5}\n",
            )
        )
        == []
    )


def test_every_key_says_what_it_means():
    schemas = [flow_file_schema(), *flow_file_schema()["$defs"].values()]
    unsaid = [
        f"{schema.get('title')}.{key}"
        for schema in schemas
        for key, value in schema.get("properties", {}).items()
        if not value.get("description")
    ]
    assert unsaid == []


SECRET = "geheim4711"  # noqa: S105 - no real one


@pytest.mark.parametrize(
    "head",
    [
        f"state: postgresql://docmill:{SECRET}@db/docmill\n",
        f"store: s3://key:{SECRET}@bucket\n",
        f"providers: {{mistral: {{base_url: 'https://me:{SECRET}@example.org/v1'}}}}\n",
        f"providers: {{mistral: {{api_key: {SECRET}}}}}\n",
        f"providers: {{mistral: {{api_key_env: {SECRET}}}}}\n",
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(tmp_path, head):
    problem = only_problem(write(tmp_path, flow_with_steps("render", "extract", head=head)))
    assert problem.startswith("2:")
    assert SECRET not in problem


def test_mistral_base_url_of_the_environment_goes_before_the_file():
    text = flow_with_steps(
        "render", head="providers: {mistral: {base_url: 'https://file.example/v1'}, other: {}}\n"
    )
    flow_file = FlowFile.model_validate(yaml.safe_load(text))
    environment = {"MISTRAL_BASE_URL": "http://localhost:1234/v1"}
    assert resolve_provider(flow_file, "mistral", {}).base_url == "https://file.example/v1"
    assert (
        resolve_provider(flow_file, "mistral", environment).base_url == "http://localhost:1234/v1"
    )
    assert resolve_provider(flow_file, "other", environment).base_url == "https://api.mistral.ai/v1"


@pytest.mark.parametrize("url", ["localhost", "http://[", "http://x:99999999/v1", "ftp://x/v1"])
def test_what_is_no_url_is_refused_in_the_file_and_in_the_environment(tmp_path, url):
    path = write(
        tmp_path, flow_with_steps("render", head=f"providers: {{mistral: {{base_url: '{url}'}}}}\n")
    )
    assert only_problem(path).startswith(
        "2:23: providers.mistral.base_url: must be a URL such as https://"
    )
    flow_file = FlowFile.model_validate(yaml.safe_load(flow_with_steps("render")))
    with pytest.raises(CallError, match=r"^MISTRAL_BASE_URL must be a URL"):
        resolve_provider(flow_file, "mistral", {"MISTRAL_BASE_URL": url})


def test_env_beside_the_file_is_read_and_the_environment_goes_first(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "DOCMILL_TEST_BOTH", "environment")
    monkeypatch.setitem(os.environ, "DOCMILL_TEST_FILE", "")
    monkeypatch.delitem(os.environ, "DOCMILL_TEST_FILE")
    write(tmp_path, "DOCMILL_TEST_BOTH=file\nDOCMILL_TEST_FILE=file${HOME}\n", ".env")
    load_project(write(tmp_path, flow_with_steps("render", "extract")))
    assert os.environ["DOCMILL_TEST_BOTH"] == "environment"
    assert os.environ["DOCMILL_TEST_FILE"] == "file${HOME}"


def test_an_env_file_that_is_no_text_is_told_without_its_content(tmp_path):
    (tmp_path / ".env").write_bytes(b"MISTRAL_API_KEY=geheim\xff\n")
    with pytest.raises(CallError, match=r"\.env is not UTF-8 text") as error:
        load_project(write(tmp_path, flow_with_steps("render", "extract")))
    assert "geheim" not in str(error.value)


def test_the_file_is_found_upward_to_the_git_root(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCMILL_FILE", raising=False)
    write(tmp_path, "", "flows.yaml")
    inner = tmp_path / "repository" / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find_flow_file() == Path("../../../flows.yaml")
    (tmp_path / "repository" / ".git").mkdir()
    with pytest.raises(CallError, match="docmill init FOLDER"):
        find_flow_file()
    monkeypatch.setenv("DOCMILL_FILE", str(tmp_path / "named.yaml"))
    assert find_flow_file() == tmp_path / "named.yaml"
    assert find_flow_file(tmp_path) == tmp_path / "flows.yaml"


def test_a_missing_file_is_told_with_the_way_out(tmp_path):
    with pytest.raises(
        CallError,
        match=r"cannot read .*none.yaml: No such file or directory; `docmill init FOLDER` makes "
        r"a project",
    ):
        load_flow_file(tmp_path / "none.yaml")


def test_a_step_made_in_python_equals_one_of_the_file():
    assert StepSpec(
        name="render", settings=RenderSettingsSpec(max_pages=2)
    ) == StepSpec.model_validate({"render": {"max_pages": 2}})


@pytest.mark.parametrize("file", ["flows.yaml", "pipelines/templates/flows.yaml"])
def test_shipped_files_satisfy_the_json_schema(file):
    schema = flow_file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((ROOT / file).read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize(
    "step",
    [
        "rendr",
        {"rendr": {}},
        {"render": {"max_side": 1}},
        {"render": {}, "extract": {}},
        3,
        {"summarise": {"fields": {"a": "money"}}},
    ],
)
def test_the_json_schema_refuses_what_the_loader_refuses(step):
    validator = jsonschema.Draft202012Validator(flow_file_schema())
    assert validator.is_valid(
        {"version": 1, "flows": {"a": {"steps": ["render", {"own/step.py:add": {"x": 1}}]}}}
    )
    assert not validator.is_valid({"version": 1, "flows": {"a": {"steps": [step]}}})


def test_the_shipped_flows_load():
    project = load_project(ROOT / "flows.yaml")
    assert list(project.flow_file.flows) == ["invoices", "receipts"]
    assert {name: found.schema.__name__ for name, found in project.references.items()} == {
        "invoices": "Invoice",
        "receipts": "Receipt",
    }


def test_the_reference_page_is_up_to_date():
    assert (ROOT / "docs" / "flows.md").read_text(encoding="utf-8") == reference(), (
        "python -m pipelines.describing.flow_reference > docs/flows.md"
    )


def test_the_json_schema_for_editors_is_up_to_date():
    stored = json.loads((ROOT / "docs" / "flows.schema.json").read_text(encoding="utf-8"))
    assert stored == flow_file_schema(), "docmill schema > docs/flows.schema.json"


def test_checking_imports_no_heavy_package():
    code = (
        "import sys; from pathlib import Path; from pipelines.loading import load_project; "
        "from pipelines.describing.explain import explain;"
        f"explain(load_project(Path({str(ROOT / 'flows.yaml')!r})), 'invoices');"
        "print(*{'httpx', 'sqlalchemy', 'pypdfium2', 'PIL', 'prefect', 'rich', 'rapidocr'} "
        "& set(sys.modules))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout.strip()
        == ""
    )
