"""Tables of the ledger.

Times are seconds since 1970 UTC; money is nano-dollars; documents are known by SHA-256.
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
)

METADATA = MetaData()
Id = String(64)
Amount = BigInteger

owners = Table(  # processes that hold something; see owners.py
    "owners",
    METADATA,
    Column("owner_id", Id, primary_key=True),
    Column("host", Text, nullable=False),  # for people
    Column("boot_id", Text, nullable=False),
    Column("pid_namespace", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", Text, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
)

runs = Table(
    "runs",
    METADATA,
    Column("run_id", Id, primary_key=True),
    Column("flow", Id, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("result", Text),  # JSON: the run's summary
)

documents = Table(  # one row for each flow, document and definition; see ledger.py
    "documents",
    METADATA,
    Column("flow", Id, primary_key=True),
    Column("document_id", Id, primary_key=True),
    Column("definition_hash", Id, primary_key=True),
    Column("path", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("pages", Integer, nullable=False, default=0),
    Column("confidence", Float),
    Column("error_code", Id),
    Column("error_message", Text),
    Column(
        "result", Text
    ),  # JSON of schemas.record.DocumentResult; null before it is done and after `forget`
    Column("usage", Text),  # JSON of schemas.usage.Usage: what the last run of it took
    Column("attempts", Integer, nullable=False, default=0),  # runs that ended in `failed`
    Column("run_id", Id, nullable=False),
    Column("claim_owner", Id),
    Column(
        "claim_id", Id
    ),  # one for each claim, so that a late owner cannot finish what was taken over
    Column("first_seen_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("documents_by_id", "document_id"),
    Index("documents_by_status", "flow", "status"),
    Index("documents_by_claim", "claim_owner"),
)

invoice_numbers = Table(  # which invoice a document carries; see invoice_numbers.py
    "invoice_numbers",
    METADATA,
    Column(
        "position", Integer, primary_key=True, autoincrement=True
    ),  # the earlier document has the lower one
    Column("flow", Id, nullable=False),
    Column("document_id", Id, nullable=False),
    Column("invoice_key", Id, nullable=False),  # a hash of seller and number
    Index("invoice_numbers_once", "flow", "document_id", unique=True),
    Index("invoice_numbers_by_key", "flow", "invoice_key"),
)

outputs = Table(  # which documents an output lists, in the order of `position`; see outputs.py
    "outputs",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("target", Text, nullable=False),
    Column("flow", Id, nullable=False),
    Column("document_id", Id, nullable=False),
    Column("definition_hash", Id, nullable=False),  # of the record that it lists
    Column("entry", Text, nullable=False),  # file name, where an output is a folder
    Index("outputs_once", "target", "flow", "document_id", unique=True),
    Index("outputs_by_document", "document_id"),
)

calls = Table(  # one row for each HTTP attempt; an open one is a reservation
    "calls",
    METADATA,
    Column("call_id", Integer, primary_key=True, autoincrement=True),
    Column("flow", Id, nullable=False),
    Column("run_id", Id, nullable=False),
    Column("document_id", Id, nullable=False),
    Column("page_numbers", Text, nullable=False),  # JSON list, from 1
    Column("step", Id, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),  # the id that was sent
    Column("model_answered", Text),  # the id that the answer names
    Column("answer_key", Id),
    Column("state", String(8), nullable=False),  # open, sent, settled
    Column("owner_id", Id, nullable=False),
    Column(
        "counted_at", Float, nullable=False
    ),  # decides the budget window: when it was reserved, then when it was sent
    Column("settled_at", Float),
    Column("bound_tokens", Amount, nullable=False),
    Column("bound_cost_nano", Amount),
    Column("tokens", Amount, nullable=False, default=0),  # charged: as reported, or the bound
    Column("cost_nano", Amount),  # charged; null when the price is unknown
    Column("prompt_tokens", Amount),  # as reported; null when nothing was
    Column("completion_tokens", Amount),
    Column("cached_tokens", Amount),
    Column("outcome", Id),
    Column("http_status", Integer),
    Column("latency_seconds", Float),
    Index("calls_in_window", "flow", "counted_at"),
    Index("calls_by_run", "flow", "run_id"),
    Index("calls_by_document", "document_id"),
)
# As text, which both databases read: `postgresql_where` would import that dialect also where it is
# not used.
# has no types
_OPEN = DDL("CREATE INDEX calls_open ON calls (owner_id) WHERE state <> 'settled'")  # type: ignore[no-untyped-call]
event.listen(calls, "after_create", _OPEN)

windows = Table(  # running sums of `calls` for each budget window in use; see reservations.py
    "windows",
    METADATA,
    Column("flow", Id, primary_key=True),
    Column("run_id", Id, primary_key=True),  # empty: all runs
    Column("starts_at", Float, primary_key=True),
    Column("ends_at", Float, primary_key=True),
    Column("spent_tokens", Amount, nullable=False),
    Column("held_tokens", Amount, nullable=False),
    Column("spent_cost_nano", Amount, nullable=False),
    Column("held_cost_nano", Amount, nullable=False),
    Column("warned", Boolean, nullable=False),
    Column(
        "bound_broken", Text
    ),  # the model whose usage was above the bound: nothing more is reserved
)

answers = Table(
    "answers",
    METADATA,
    Column("answer_key", Id, primary_key=True),
    Column("document_id", Id, nullable=False),
    Column("flow", Id, nullable=False),  # the one that paid; its keep_days decides
    Column("text", Text, nullable=False),
    Column("finish_reason", Id),
    Column("model", Text, nullable=False),
    Column("prompt_tokens", Amount, nullable=False),
    Column("completion_tokens", Amount, nullable=False),
    Column("stored_at", Float, nullable=False),
    Index("answers_by_document", "document_id"),
    Index("answers_by_age", "flow", "stored_at"),
)

locks = Table(  # what one process at a time may do; see locks.py
    "locks",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Index("locks_by_owner", "owner_id"),
)

resolutions = Table(  # which model a role stood for; see resolutions.py
    "resolutions",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("resolved_at", Float, nullable=False),
)

schema_version = Table("docmill_schema", METADATA, Column("version", Integer, primary_key=True))
