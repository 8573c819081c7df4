"""Loading flows.yaml: one file in, everything resolved and checked, or all problems at once.

yaml_source   text -> plain values with their positions
problems      pydantic's errors -> lines a user can act on
step_order, references, user_code, custom_step, inline_schema   what the models alone cannot check
project       flows.yaml -> Project
definition    Project -> FlowDefinition, what a run works with
"""

from pipelines.loading.flows import define as define
from pipelines.loading.flows import load_flow as load_flow
from pipelines.loading.flows import load_flow_file as load_flow_file
from pipelines.loading.project import Project as Project
from pipelines.loading.project import find_flow_file as find_flow_file
from pipelines.loading.project import load_project as load_project
from pipelines.loading.project import resolve_provider as resolve_provider
