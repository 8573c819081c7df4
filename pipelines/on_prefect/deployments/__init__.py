"""Deployments of flows.yaml on a Prefect server: wanted, registered, and how they differ.

wanted.py       flows.yaml -> what should be registered
registered.py   what the server has of this flows.yaml
deploy.py       making the second like the first
dead_runs.py    the automation that marks dead runs crashed
"""
