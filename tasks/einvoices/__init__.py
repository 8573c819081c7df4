"""Electronic invoices: XML of UN/CEFACT (CII) or OASIS (UBL), bare or inside a PDF, to the terms of `schemas.invoice`."""
