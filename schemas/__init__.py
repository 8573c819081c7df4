"""Data models of docmill: the flow file, documents and their records, errors.

Nothing here reads a file, opens a socket or imports `tasks` or `pipelines`.
"""
