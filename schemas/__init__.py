"""Data and words of docmill: what a flow file may say, what a document becomes, what can go wrong.

Nothing here reads a file, opens a socket or imports `tasks` or `pipelines`.
"""
