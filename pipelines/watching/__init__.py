"""Watching a folder: files are noticed, left until they are complete, processed, filed.

places.py      which folders, and which arrangements are refused
candidates.py  what lies in the folder that may be taken
settling.py    since when has it been still
readiness.py   can it be read, and is nobody writing it
watcher.py     the loop
filing.py      moving a file to `done` or `failed`
set_aside.py   files on their way to another file system, and what a kill left of them
free_names.py  names that nobody has
"""
