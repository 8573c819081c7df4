"""The offline engine: words by text layer or OCR, reading order, and rule-based finding of a schema's fields.

Heuristics with counted confidence; `docs/local-engine.md` says what they reach.
"""
