"""Entrypoints of the flows for Prefect: each flow of flows.yaml is an attribute here.

DOCMILL_FILE names the flows.yaml; without it, the one in the working directory is used. `docmill
deploy` sets it for workers. The whole file is checked on import, so that a mistake shows before a
run starts rather than in the middle of one.
"""

from pipelines.loading import find_flow_file, load_flow_file
from pipelines.on_prefect.flow import prefect_flow

_file = find_flow_file().absolute()
globals().update(
    {name: prefect_flow(_file, name, spec) for name, spec in load_flow_file(_file).flows.items()}
)
