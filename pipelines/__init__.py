"""The layer above schemas and tasks: loading flows.yaml, running, Prefect, the command line."""

import docmill  # noqa: F401 - refuses foreign packages called tasks, schemas or pipelines
