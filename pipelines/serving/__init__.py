"""One long-running process: folder watches, and schedules through Prefect's own runner.

health.py     what it tells monitoring
schedules.py  deployments without a work pool, run by Prefect's runner
serve.py      starting all of it and ending it cleanly
"""
