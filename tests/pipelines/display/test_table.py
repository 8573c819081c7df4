"""The table at the end of a run."""

from pipelines.display.progress import outcome_line
from pipelines.display.result_table import result_rows
from schemas.record import DocumentResult, ErrorInfo, Evidence, Status


def result(
    name: str, record: dict | None, status: Status = Status.DONE, **confidences: float
) -> DocumentResult:
    evidence = tuple(
        Evidence(field=field, found_by="text_layer", confidence=value)
        for field, value in confidences.items()
    )
    return DocumentResult(
        path=f"in/{name}",
        document_id="0" * 64,
        status=status,
        pages=1,
        record=record,
        evidence=evidence,
    )


def test_issuer_number_date_and_total_are_found_under_their_usual_names() -> None:
    invoice = {
        "number": "7",
        "issue_date": "2026-01-02",
        "seller": {"name": "Acme"},
        "total": "9.50",
        "currency": "EUR",
    }
    receipt = {"company": "Shop", "date": "2026-01-03", "total": "1.00"}
    headings, rows = result_rows([result("a.pdf", invoice), result("b.jpg", receipt)])
    assert headings == ["document", "status", "issuer", "number", "date", "total", "confidence"]
    assert rows[0] == ["a.pdf", "done", "Acme", "7", "2026-01-02", "9.50 EUR", ""]
    assert rows[1] == ["b.jpg", "done", "Shop", "", "2026-01-03", "1.00", ""]


def test_confidence_is_that_of_the_least_certain_value_shown() -> None:
    _, rows = result_rows(
        [
            result(
                "a.pdf", {"number": "7", "total": "1", "note": "x"}, number=0.9, total=0.7, note=0.1
            )
        ]
    )
    assert rows[0][-1] == "0.70"


def test_schema_with_other_names_shows_its_first_simple_fields() -> None:
    headings, _ = result_rows([result("a.pdf", {"pages": [], "colour": "red", "size": 3})])
    assert headings == ["document", "status", "colour", "size", "confidence"]


def test_failed_document_has_an_empty_row() -> None:
    failed = DocumentResult(
        path="x.pdf",
        document_id=None,
        status=Status.FAILED,
        pages=0,
        error=ErrorInfo(code="unreadable", message="damaged"),
    )
    assert result_rows([failed])[1] == [["x.pdf", "failed", ""]]


def test_a_name_or_value_that_would_steer_the_terminal_is_written_out() -> None:
    steering = result("a\x1b[2J\n.pdf", {"number": "7\rdone"}, Status.NEEDS_REVIEW)
    assert result_rows([steering])[1][0][:3] == ["a\\x1b[2J\\n.pdf", "needs_review", "7\\rdone"]
    assert outcome_line("a\x1b[2J\n.pdf", steering) == "needs_review a\\x1b[2J\\n.pdf"
    assert outcome_line("Gebühr\u00a0€.pdf", steering).endswith("Gebühr\u00a0€.pdf")


def test_line_of_a_failed_document_says_what_to_do() -> None:
    def failed(code: str, status: Status = Status.FAILED) -> DocumentResult:
        error = ErrorInfo(code=code, message="it went wrong.")
        return DocumentResult(path="x.pdf", document_id=None, status=status, pages=0, error=error)

    line = outcome_line("x.pdf", failed("unsupported_type"))
    assert line == "failed       x.pdf: it went wrong. Save it as PDF, PNG, JPEG or TIFF."
    assert outcome_line("x.pdf", failed("internal_error")).endswith(".docmill/logs.")
    assert outcome_line("x.pdf", failed("stopped", Status.DEFERRED)).endswith("it went wrong.")
