"""The kinds of sources, each with its parser: one line for each."""

from collections.abc import Mapping

from bartizan.detect.audit_groups import AuditGroups
from bartizan.detect.framing import Blocks, Framer, Framing, Lines
from bartizan.detect.json_documents import JsonDocuments
from bartizan.detect.parsers.cloudtrail import CloudTrail
from bartizan.detect.parsing import RecordParser
from bartizan.model.limits import DEFAULT, Limits

PARSERS: Mapping[str, type[RecordParser]] = {parser.kind: parser for parser in (CloudTrail,)}


def framer_of(kind: str, limits: Limits = DEFAULT, *, whole: bool = False) -> Framer:
    """What cuts a source of this kind into records. `whole`: it is read to its end, not followed."""
    parser = PARSERS[kind]
    if parser.framing is Framing.JSON:
        return JsonDocuments(parser.wrappers, limits, whole=whole)
    if parser.framing is Framing.LDIF:
        return Blocks(limits)
    return AuditGroups(limits) if parser.framing is Framing.AUDITD else Lines(limits.raw_record_bytes_max)
