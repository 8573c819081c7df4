"""Documents: what a file is, how many pages it has, and the words on them.

Pixels and PDFs are touched in child processes only.
"""
