"""Electronic invoices in the terms of `schemas.invoice`.

XML of UN/CEFACT (CII) or OASIS (UBL), bare or inside a PDF.
"""
