"""Keeping what was approved: pins and reviews, in one transaction."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select

from bartizan.adapters.store import schema
from bartizan.adapters.store.door import document_in, document_out, key, text_in
from bartizan.adapters.store.saving import Values, upsert
from bartizan.model.pin import Approved, Pin, PinKind, Review


def approve(connection: Connection, review: Review, pins: Sequence[Pin]) -> None:
    """Keep a review and its pins. Of the kinds that were approved whole, earlier pins are forgotten."""
    _review(connection, review)
    table = schema.pins
    owner = key(review.server, review.client)
    kinds = [kind.value for kind in review.kinds]
    connection.execute(delete(table).where(table.c.owner == owner, table.c.kind.in_(kinds)))
    rows: list[Values] = [
        {
            "key": key(pin.server, pin.client, pin.kind, pin.name, str(pin.number)),
            "owner": owner,
            "kind": pin.kind,
            "approved_at": pin.approval.at,
            "document": document_in(pin),
        }
        for pin in pins
    ]
    upsert(connection, table, rows)


def _review(connection: Connection, review: Review) -> None:
    """Approving single definitions takes nothing from what was approved whole before."""
    row_key = key(review.server, review.client, review.ecosystem, review.package, review.version, review.sha256)
    table = schema.reviews
    stored = connection.scalar(select(table.c.document).where(table.c.key == row_key))
    if stored is not None:
        known = document_out(stored, Review)
        if not review.kinds:
            return
        kinds = tuple(kind for kind in PinKind if kind in {*known.kinds, *review.kinds})
        review = msgspec.structs.replace(review, kinds=kinds)
    values: Values = {
        "key": row_key,
        "server": text_in(review.server),
        "approved_at": review.approval.at,
        "document": document_in(review),
    }
    upsert(connection, table, [values])


def approved(connection: Connection) -> Approved:
    """Everything that was approved, oldest first."""
    reviews, pins = schema.reviews, schema.pins
    told = connection.scalars(select(reviews.c.document).order_by(reviews.c.approved_at, reviews.c.key))
    pinned = connection.scalars(select(pins.c.document).order_by(pins.c.approved_at, pins.c.key))
    return Approved(
        reviews=tuple(document_out(document, Review) for document in told.all()),
        pins=tuple(document_out(document, Pin) for document in pinned.all()),
    )
