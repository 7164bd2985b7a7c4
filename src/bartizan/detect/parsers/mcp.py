"""The gateway's own events, as its journal keeps them: a call with its decision, and how the answer to it ended."""

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.pairs import Half, PairParser
from bartizan.detect.parsing import MalformedError
from bartizan.model.event import API_ACTIVITY
from bartizan.model.json import JsonObject, as_object, as_text

_END = ".end"
_STATUSES = {"Success": ocsf.SUCCESS, "Failure": ocsf.FAILURE}
_READS = {"list", "read", "prompt", "complete", "connect"}


class Mcp(PairParser):
    """API Activity with the private object `mcp` as the gateway wrote it. A denied call has no answer to wait for."""

    kind = "mcp"
    product = ("Bartizan gateway", "Bartizan")

    def half(self, native: JsonObject) -> Half | None:
        uid, mcp = seen(native, "uid") or "", as_object(native.get("mcp"))
        call = as_text(mcp.get("call"))
        if call and uid == call + _END:
            return Half(call, uid, is_request=False)
        waits = uid and "verb" in mcp and seen(native, "status") != "Failure"
        return Half(uid, uid, is_request=True) if waits else None

    def joined(self, request: JsonObject, response: JsonObject) -> JsonObject:
        """The call, with what is known since its answer ended."""
        request["end_time"], request["duration"] = response["time"], max(0, response["time"] - request["time"])
        if response.get("status_id") == ocsf.FAILURE[0]:
            request["status_id"], request["status"] = ocsf.FAILURE
        if "message" in response:
            request["status_detail"] = response["message"]
        request.setdefault("unmapped", {})["answer"] = response.get("unmapped", {})
        return request

    def event(self, native: JsonObject) -> JsonObject:
        mcp, operation = part(native, "mcp"), text(native, "activity_name")
        if not operation or "class_uid" not in native:
            raise MalformedError("no event of the gateway: no activity_name or no class_uid")
        inner = part(native, "unmapped")
        for name, taken in (("mcp", mcp), ("unmapped", inner), ("class_uid", native["class_uid"] == API_ACTIVITY)):
            if taken:
                del native[name]
        when, original = ocsf.stamp(native, "time")
        target, verb = as_text(mcp.get("target")), as_text(mcp.get("verb"))
        peer, _, _ = as_text(inner.get("peer")).rpartition(":")
        server = as_text(mcp.get("server"))
        return ocsf.event(
            ocsf.API_ACTIVITY,
            ocsf.READ if verb in _READS else ocsf.OTHER,
            when,
            status=_status(native),
            message=text(native, "message"),
            metadata=ocsf.metadata(text(native, "uid"), original),
            actor=_actor(mcp),
            api={"operation": operation},
            src_endpoint=ocsf.source(peer.strip("[]") or None),
            dst_endpoint=ocsf.some(svc_name=server or None),
            resources=[{"name": target, "type": verb or ocsf.UNKNOWN}] if target else None,
            mcp=mcp or None,
            unmapped={**(rest(native) or {}), **inner} or None,
        )


def _status(native: JsonObject) -> tuple[int, str] | None:
    """What has its usual value is not in the journal."""
    if "status" not in native:
        return ocsf.SUCCESS
    return _STATUSES[text(native, "status") or ""] if seen(native, "status") in _STATUSES else None


def _actor(mcp: JsonObject) -> JsonObject:
    credential = as_text(mcp.get("credential"))
    return ocsf.actor(
        ocsf.user(
            uid=as_text(mcp.get("principal")) or None,
            programmatic_credentials=ocsf.credential(credential or None, "MCP client credential"),
        ),
        app_name=as_text(mcp.get("client")) or None,
        session=ocsf.some(uid=as_text(mcp.get("session")) or None),
    )
