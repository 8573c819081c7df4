"""Ledger: documents, records, runs, model calls, budgets, answers.

One database, shared by all processes of a project.
"""
