"""Documents of a flow that carry the same invoice.

Known by a hash of seller and number, in the order of arrival.
"""

from sqlalchemy import Connection, delete, insert, select

from tasks.ledger.connection.tables import documents, invoice_numbers
from tasks.ledger.ledger import Ledger


async def earlier_documents(
    ledger: Ledger, *, flow: str, document_id: str, invoice_key: str
) -> list[str]:
    """Stores that this document carries the invoice; returns the paths of other documents that did
    so before it, the first one first.

    One transaction, so that of two processes with a copy each, one is the earlier.
    """

    def job(connection: Connection) -> list[str]:
        table = invoice_numbers
        mine = (table.c.flow == flow, table.c.document_id == document_id)
        known = connection.execute(
            select(table.c.position, table.c.invoice_key).where(*mine)
        ).one_or_none()
        if known is None or known.invoice_key != invoice_key:
            connection.execute(delete(table).where(*mine))
            connection.execute(
                insert(table).values(flow=flow, document_id=document_id, invoice_key=invoice_key)
            )
        position = connection.execute(select(table.c.position).where(*mine)).scalar_one()
        found = (
            select(documents.c.path)
            .join(
                table,
                (table.c.flow == documents.c.flow)
                & (table.c.document_id == documents.c.document_id),
            )
            .where(
                table.c.flow == flow,
                table.c.invoice_key == invoice_key,
                table.c.position < position,
            )
            .order_by(table.c.position)
        )
        return list(dict.fromkeys(connection.execute(found).scalars()))

    return await ledger.database.write(job)
