"""The work of docmill: one file for each step that a flow may name, plus the machinery under them in sub-packages.

Plain typed async functions. Nothing here imports Prefect or reads flows.yaml, so that a step runs from a notebook, a test or a
Prefect flow of the user's own.
"""
