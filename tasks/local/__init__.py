"""Local engine: words by text layer or OCR, and the fields of a schema found by rules.

Heuristics with counted confidence; `docs/local-engine.md` says what they reach.
"""
