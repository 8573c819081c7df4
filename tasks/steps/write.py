"""The step `write`: lists a document in the flow's outputs.

They are views of the ledger, so its record must be safe there first.
"""

from schemas.flow import WriteSettings
from schemas.record import Draft
from tasks.outputs.views import OutputViews
from tasks.services import Services


async def write(draft: Draft, settings: WriteSettings, services: Services) -> Draft:
    """Called after `Ledger.finish`, and for skipped documents, whose outputs may lack them. Returns
    the draft unchanged.

    With `services.outputs` the files follow at most two seconds later; without, as in a notebook,
    they are written at once. Raises StateError when they cannot be written, which loses nothing.
    """
    del (
        settings
    )  # `OutputViews.of` reads them from the flow, because all documents of a run share its views
    definition = services.ledger.definition_of(services.run_id)
    if services.outputs is not None:
        await services.outputs.add(draft.document.document_id, draft.document.path, definition)
        return draft
    async with OutputViews.of(services.flow, services.ledger, services.out) as outputs:
        await outputs.add(draft.document.document_id, draft.document.path, definition)
    return draft
