"""GitHub's audit log: organisation and enterprise, web and git events, by API, export or stream.

Source: GitHub documentation, "Audit log events for your organization" and "Identifying audit log events performed by
an access token".
"""

from bartizan.detect import ocsf
from bartizan.detect.native import part, rest, seen, text
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject

_OPERATIONS = {
    "access": ocsf.READ,
    "create": ocsf.CREATE,
    "modify": ocsf.UPDATE,
    "remove": ocsf.DELETE,
    "restore": ocsf.UPDATE,
    "transfer": ocsf.UPDATE,
}


class GitHubAudit(RecordParser):
    """API Activity. `hashed_token` is base64 of the token's SHA-256, which makes it a fingerprint of ours."""

    kind = "github_audit"
    product = ("GitHub audit log", "GitHub")

    def event(self, native: JsonObject) -> JsonObject:
        operation = text(native, "action")
        if not operation:
            raise MalformedError("no GitHub audit event: no action")
        when, original = ocsf.stamp(native, "created_at", "@timestamp", "at_sign_timestamp")
        repository = text(native, "repo")
        done = _OPERATIONS.get(seen(native, "operation_type") or "") or ocsf.activity_of(operation.rpartition(".")[2])
        return ocsf.event(
            ocsf.API_ACTIVITY,
            done,
            when,
            status=ocsf.FAILURE if "failed" in operation else ocsf.SUCCESS,
            metadata=ocsf.metadata(text(native, "_document_id"), original),
            actor=_actor(native),
            api=ocsf.some(operation=operation, request=ocsf.some(uid=text(native, "request_id"))),
            src_endpoint=ocsf.source(
                text(native, "actor_ip"),
                location=ocsf.some(country=text(part(native, "actor_location"), "country_code")),
            ),
            http_request=ocsf.some(user_agent=text(native, "user_agent")),
            resources=[{"name": repository, "type": "repository"}] if repository else None,
            unmapped=rest(native, "actor_location"),
        )


def _actor(native: JsonObject) -> JsonObject:
    token, number = seen(native, "hashed_token"), native.get("actor_id")
    return ocsf.actor(
        ocsf.user(
            name=text(native, "actor"),
            uid=str(number) if isinstance(number, int) else None,
            org=ocsf.some(name=text(native, "org")),
            programmatic_credentials=ocsf.credential(
                f"github-sha256:{token}" if token else None, seen(native, "programmatic_access_type") or "GitHub token"
            ),
        )
    )
