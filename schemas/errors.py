"""Errors, and what the process says about each.

    DocmillError
    ├── CallError                     exit 2   flows.yaml or the call is wrong; nothing was run
    │   ├── FlowFileError                      problems in flows.yaml, each with file:line:column
    │   ├── MissingKeyError                    a paid call is due and no API key is set
    │   └── MissingExtraError                  an optional package is needed; names the install
    command ├── StateError                    exit 1   the ledger or a store cannot be read or
    written ├── BudgetExceededError           exit 3   the next call could go over a budget; raised
    before sending ├── BoundBrokenError              exit 3   a call used more than its upper bound:
    no further call is sent ├── DocumentError                 exit 1   this document cannot be
    finished; the run goes on │   ├── UnsupportedTypeError               not a PDF, raster image or
    e-invoice │   ├── UnreadableError                    damaged, truncated or empty │   ├──
    PasswordError                      encrypted, and no known password opens it │   ├── LimitError
    over a limit on pages, pixels, bytes, memory or time │   ├── WorkerError
    the child process reading it died │   ├── OcrMissingError                    a picture needs OCR
    and the extra is not installed │   ├── StepError                          a step of the user's
    own, or ours, broke │   └── SourceError                        a path named on the command line
    does not exist or cannot be read └── ModelError                    exit 1   an answer could not
    be had
        ├── AuthenticationError       exit 2   401, 402, 403: the key or its plan is refused
        ├── ModelGoneError                     retired or unknown model id; the next id of the role
        is tried ├── RequestRefusedError                a 4xx that cannot succeed by repeating ├──
        ProviderDownError                  attempts, time or circuit breaker used up: the document
        is deferred ├── AnswerInvalidError                 the answer does not fit the schema, also
        after asking again └── AnswerCutError                     the answer ended at max_tokens,
        also with a larger one

Every class has a stable `code` (snake case, part of the output format), an `exit_code`,
an `effect` (how far it reaches) and an `advice` (what a person can do). Handlers decide by class,
never by words in a message. Messages say what was expected, what was found, what happened to the
rest and what to do next.
"""

import errno
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum, auto
from typing import ClassVar

MACHINE_ERRNOS = frozenset(
    getattr(errno, name)
    for name in (
        *("EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ENOSPC", "EDQUOT", "EROFS"),
        *("EIO", "ESTALE", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "ENODEV"),
    )
    if hasattr(errno, name)
)


class ExitCode(IntEnum):
    """Exit codes of `docmill`. Done, needs_review, skipped and deferred documents all end in OK."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    BUDGET = 3
    INTERRUPTED = 130


class Effect(Enum):
    """How far an error reaches when it happens in the middle of a document."""

    PAGE = auto()  # one page is lost; where a step needs the whole document, the document fails
    DOCUMENT = auto()  # the document fails; the run goes on
    DEFER = auto()  # the document waits for the next run; the run goes on
    STOP = auto()  # the document waits for the next run, and no further one is started
    ABORT = auto()  # the run ends at once, because nothing can be recorded any more


class DeferReason(StrEnum):
    """Why a document waits for the next run; it is the `error.code` of a deferred document."""

    BUDGET = "budget"
    PROVIDER_DOWN = "provider_down"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    CLAIMED_ELSEWHERE = "claimed_elsewhere"


class DocmillError(Exception):
    """Root of every error docmill raises on purpose; anything else that escapes is a bug."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.SOME_FAILED
    effect: ClassVar[Effect] = Effect.ABORT
    defer_reason: ClassVar[DeferReason] = DeferReason.STOPPED  # for the effects DEFER and STOP
    advice: ClassVar[str] = "See the log of the run under .docmill/logs."


def advice_for(code: str) -> str:
    """What a person can do about a failed document. `code` may have no class: `internal_error`."""
    return _ADVICE.get(code, DocmillError.advice)


class CallError(DocmillError):
    code = "call"
    exit_code = ExitCode.USAGE
    effect = Effect.STOP


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """One mistake in flows.yaml. `line` and `column` count from 1; `place` is the dotted path of
    names."""

    line: int
    column: int
    place: str
    message: str


class FlowFileError(CallError):
    """All problems of one flows.yaml at once, in the order of the file. Nothing was run."""

    code = "flow_file"

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(file, problems)
        self.file = file
        self.problems = tuple(sorted(problems))

    def __str__(self) -> str:
        lines = [
            f"{self.file}:{p.line}:{p.column}: {p.place}: {p.message}"
            if p.place
            else f"{self.file}:{p.line}:{p.column}: {p.message}"
            for p in self.problems
        ]
        count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        return "\n".join([*lines, f"{count} in {self.file}; nothing was run."])


class MissingKeyError(CallError):
    code = "missing_key"

    def __init__(self, provider: str, api_key_env: str) -> None:
        super().__init__(provider, api_key_env)
        self.provider, self.api_key_env = provider, api_key_env

    def __str__(self) -> str:
        return (
            f"provider {self.provider!r} needs an API key and {self.api_key_env} is not set; "
            f"nothing was sent. Set {self.api_key_env} in the environment or in a .env file beside "
            "flows.yaml, or run with --local (offline, free)."
        )


class MissingExtraError(CallError):
    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what, self.extra = what, extra

    def __str__(self) -> str:
        return (
            f'{self.what} needs an optional package: pip install "docmill[{self.extra}]" (in a '
            f'checkout: pip install -e ".[{self.extra}]")'
        )


class StateError(DocmillError):
    code = "state"


class MachineError(DocmillError):
    """The machine is at fault, not the document: no file handles, no processes, a broken disk or
    share. No attempt of a document is used up."""

    code = "machine"
    effect = Effect.STOP
    advice = "Put the machine right (see the reason), then run again."

    @classmethod
    def of(cls, what: str, error: OSError) -> "MachineError | None":
        """None when the error says something about the file and not about the machine."""
        if error.errno not in MACHINE_ERRNOS:
            return None
        return cls(f"{what}: {error.strerror}. This is a fault of the machine.")


class FileChangedError(DocmillError):
    """Other bytes came to lie in the file while it was read; its record would be a wrong one."""

    code = "file_changed"
    effect = Effect.DEFER
    advice = "Run again: the new content is read then."

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name}: its content changed while it was read."


class BudgetExceededError(DocmillError):
    """The next call could go over a budget; raised before anything is sent.

    `limit`, `spent`, `wanted` are in `unit`: tokens, or nano-dollars (1e-9 USD).
    """

    code = "budget"
    exit_code = ExitCode.BUDGET
    effect = Effect.STOP  # `budget.on_exceeded` may lower it to DEFER
    defer_reason = DeferReason.BUDGET

    def __init__(self, flow: str, unit: str, limit: int, spent: int, wanted: int) -> None:
        super().__init__(flow, unit, limit, spent, wanted)
        self.flow, self.unit, self.limit, self.spent, self.wanted = flow, unit, limit, spent, wanted

    def _amount(self, value: int) -> str:
        return f"{value:,} tokens" if self.unit == "tokens" else f"{value / 1e9:.4f} USD"

    def __str__(self) -> str:
        return (
            f"budget of flow {self.flow!r}, {self._amount(self.limit)}: "
            f"{self._amount(self.spent)} spent, the next call may need "
            f"{self._amount(self.wanted)}; it was not sent. Raise `budget`, lower "
            "`render.max_side_px` or `max_tokens`, or set `budget.on_exceeded: defer`."
        )


class BoundBrokenError(DocmillError):
    """A model reported more than the upper bound that was reserved for its call, so that no budget
    could hold; the run sends nothing more."""

    code = "bound_broken"
    exit_code = ExitCode.BUDGET
    effect = Effect.STOP
    defer_reason = DeferReason.BUDGET

    def __init__(self, flow: str, model: str) -> None:
        super().__init__(flow, model)
        self.flow, self.model = flow, model

    def __str__(self) -> str:
        return (
            f"flow {self.flow!r}: a call to {self.model} used more than the upper bound "
            "reserved for it. It is counted in full; nothing more is sent in "
            "this run, because its budget could not hold. Set `image_tokens_max` for "
            f"{self.model} under `catalogue:` in flows.yaml, then run again."
        )


class DocumentError(DocmillError):
    """One document cannot be finished. `message` is complete and holds no document text."""

    code = "document"
    effect = Effect.PAGE

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class UnsupportedTypeError(DocumentError):
    code = "unsupported_type"
    effect = Effect.DOCUMENT
    advice = "Save it as PDF, PNG, JPEG or TIFF."


class UnreadableError(DocumentError):
    code = "unreadable"
    advice = "The file is damaged or truncated. Scan it again, or ask the sender for a new copy."


class PasswordError(DocumentError):
    code = "password"
    effect = Effect.DOCUMENT
    advice = (
        "Save it without a password, or add its password to `render.passwords_file` "
        "(or `passwords_env`) in flows.yaml."
    )


class LimitError(DocumentError):
    code = "limit"
    advice = (
        "Split it, scan it at a lower resolution, or raise the limit in `render:` of flows.yaml."
    )


class WorkerError(DocumentError):
    code = "worker_died"
    advice = "The file crashes the PDF or image reader. Print it to a new PDF."


class OcrMissingError(DocumentError):
    code = "ocr_missing"
    advice = 'Install the OCR extra on the machine that reads it: pip install "docmill[ocr]".'


class StepError(DocumentError):
    code = "step_failed"
    effect = Effect.DOCUMENT


class SourceError(DocumentError):
    code = "source"
    effect = Effect.DOCUMENT
    advice = "Check that the file exists and that docmill may read it."


class ModelError(DocmillError):
    """An answer could not be had. `status` is the HTTP status, None when there was no answer at
    all."""

    code = "model"
    effect = Effect.DOCUMENT

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message, self.status = message, status

    def __str__(self) -> str:
        return self.message


class AuthenticationError(ModelError):
    """No document of the run can be paid for, so the run stops, as with a missing key."""

    code = "authentication"
    exit_code = ExitCode.USAGE
    effect = Effect.STOP
    advice = "Set a valid API key."


class ModelGoneError(ModelError):
    """Where it leaves the gateway, no id of the role is served: no document of the run can go on,
    and flows.yaml has to name another."""

    code = "model_gone"
    exit_code = ExitCode.USAGE
    effect = Effect.STOP


class RequestRefusedError(ModelError):
    code = "request_refused"
    effect = Effect.PAGE
    advice = "The model's endpoint refuses this document. The log of the run has the status."


class ProviderDownError(ModelError):
    code = "provider_down"
    effect = Effect.DEFER
    defer_reason = DeferReason.PROVIDER_DOWN


class AnswerInvalidError(ModelError):
    code = "answer_invalid"
    effect = Effect.PAGE
    advice = (
        "The model's answers did not fit the schema. "
        "Enter this document by hand, or try another model."
    )


class AnswerCutError(ModelError):
    code = "answer_cut"
    effect = Effect.PAGE
    advice = (
        "The answer was too long. Raise `max_tokens` of the step in flows.yaml, "
        "or split the document."
    )


def _classes_below(base: type[DocmillError]) -> list[type[DocmillError]]:
    return [base, *(below for child in base.__subclasses__() for below in _classes_below(child))]


_ADVICE = {error.code: error.advice for error in _classes_below(DocmillError)}
