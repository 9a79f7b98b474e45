"""A million messages in reasonable time: segments of 128,000 made of the first 8,000 messages, sixteen times over."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import insert, select

from console.core.db import bound_tenant, db, unit_of_work
from console.core.ids import new_id
from console.customer_data.contents import open_content, seal_inline
from console.customer_data.index import bucket_rows, new_segment
from console.customer_data.models import Item, totals
from console.customer_data.postings import Bucket, merge_buckets
from console.customer_data.segments import (
    FAN,
    IndexKeys,
    SearchBucket,
    SearchSegment,
    SegmentState,
    bucket_id,
    segments,
)
from console.vault.access import tenant_keys
from tests.benchmarks.search import SPAN_SECONDS, START, Archive

TILED_LEVEL = 2


def tile(archive: Archive, segments_wanted: int) -> None:
    """The archive holds so many more segments of 128,000 messages, made of the first 8,000."""
    with archive.app.app_context():
        with unit_of_work(archive.owner.tenant_id, write=False):
            small = next(one for one in segments(SegmentState.READY) if one.level == TILED_LEVEL)
            packed = _packed(small)
            source = db.session.execute(select(Item).where(Item.number <= small.items)).scalars()
            messages = [(item.summary.as_dict(), item.size_bytes, open_content(item).whole()) for item in source]
        archive.tiled = True
        for _segment in range(segments_wanted):
            _tile_rows(archive, messages)
            with unit_of_work(archive.owner.tenant_id):
                _tile_segment(archive, packed, FAN * len(messages))
            archive.count += FAN * len(messages)
        db.engine.dispose()


def _packed(small: SearchSegment) -> list[list[tuple[int, Sequence[int]]]]:
    """For each bucket of the small segment the entries of sixteen tiles of it."""
    keys, packed = IndexKeys(), []
    for number in range(1 << small.bits):
        row_id = bucket_id(small.id, keys.place(small, number))
        sealed = db.session.execute(select(SearchBucket.sealed).where(SearchBucket.id == row_id)).scalar_one()
        bucket = Bucket(keys.open(row_id, sealed))
        packed.append(merge_buckets([(tile * small.items, bucket) for tile in range(FAN)]))
    return packed


def _tile_segment(archive: Archive, packed: list[list[tuple[int, Sequence[int]]]], items: int) -> None:
    made = new_segment(
        level=TILED_LEVEL + 1,
        items=items,
        first=archive.count + 1,
        last=archive.count + items,
        state=SegmentState.READY,
    )
    db.session.add(made)
    db.session.flush()
    keys, factor = IndexKeys(), FAN
    for number, entries in enumerate(packed):
        numbers = range(number * factor, (number + 1) * factor)
        db.session.execute(insert(SearchBucket), bucket_rows(keys, made, numbers, entries))
    totals(lock=True).last_number = archive.count + items


def _tile_rows(archive: Archive, messages: list) -> None:
    """Rows straight into the file: a million of them through the product would take most of the time."""
    database = sqlite3.connect(archive.path / "safekeep.sqlite")
    with unit_of_work(archive.owner.tenant_id, write=False):
        keys, tenant = tenant_keys(), bound_tenant().hex
        number = archive.count
        for _tile in range(FAN):
            rows, contents = [], []
            for summary, size, data in messages:
                number += 1
                row_id = new_id()
                moment = START + timedelta(seconds=archive.writer.random.randrange(SPAN_SECONDS))
                stored = moment.strftime("%Y-%m-%d %H:%M:%S.000000")
                sealed = keys.seal(Item.__tablename__, row_id, summary)
                values = (
                    tenant,
                    row_id.hex,
                    number,
                    archive.custodian.hex,
                    archive.import_id.hex,
                    stored,
                    stored,
                    size,
                )
                rows.append((*values, number.to_bytes(16), sealed))
                contents.append((tenant, row_id.hex, seal_inline(row_id, data)))
            with database:
                database.executemany(
                    "INSERT INTO items (tenant_id, id, number, custodian_id, import_id, dated_at, received_at, size_bytes,"
                    " fingerprint, sealed, kind, media, attachments, integrity)"
                    " VALUES (?,?,?,?,?,?,?,?,?,?,'message','mail',0,'sound')",
                    rows,
                )
                database.executemany("INSERT INTO item_contents (tenant_id, id, sealed) VALUES (?,?,?)", contents)
    database.close()
