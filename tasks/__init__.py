"""The work of docmill: the steps that a flow may name, and the machinery under them.

Plain typed async functions. Nothing here imports Prefect or reads flows.yaml, so that a step runs
from a notebook, a test or a Prefect flow of the user's own.
"""
