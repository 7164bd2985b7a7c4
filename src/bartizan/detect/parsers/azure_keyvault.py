"""Azure Key Vault's audit events.

Source: Azure documentation, "Azure Key Vault logging" and the table AZKVAuditLogs.
"""

from bartizan.detect import ocsf
from bartizan.detect.native import number, part, rest, seen, text
from bartizan.detect.parsers.azure_activity import claims_user, status_of
from bartizan.detect.parsing import MalformedError, RecordParser
from bartizan.model.json import JsonObject, as_object


class AzureKeyVault(RecordParser):
    """API Activity. What was read is the secret, key or certificate by its address."""

    kind = "azure_keyvault"
    product = ("Azure Key Vault", "Microsoft")
    wrappers = ("records", "value")

    def event(self, native: JsonObject) -> JsonObject:
        operation = text(native, "operationName")
        if not operation:
            raise MalformedError("no Key Vault event: no operationName")
        when, original = ocsf.stamp(native, "time")
        properties, identity = part(native, "properties"), as_object(native.get("identity"))
        code = properties.get("httpStatusCode")
        failed = isinstance(code, int) and code >= 400
        vault, asked = text(native, "resourceId"), seen(properties, "id") or seen(properties, "requestUri")
        resources = [
            *([{"uid": asked, "type": operation.removesuffix("Get").lower()}] if asked else ()),
            *([{"uid": vault, "type": "vault"}] if vault else ()),
        ]
        return ocsf.event(
            ocsf.API_ACTIVITY,
            _activity(operation),
            when,
            status=ocsf.FAILURE if failed else status_of(native, "resultSignature", "resultType"),
            metadata=ocsf.metadata(None, original, "cloud"),
            actor=ocsf.actor(claims_user(as_object(identity.get("claim")))),
            api=ocsf.some(
                operation=operation,
                version=text(native, "operationVersion"),
                request=ocsf.some(uid=text(native, "correlationId")),
                response=ocsf.some(code=number(properties, "httpStatusCode")),
            ),
            cloud=ocsf.some(provider="Azure", region=text(native, "location")),
            src_endpoint=ocsf.source(text(native, "callerIpAddress")),
            http_request=ocsf.some(user_agent=text(properties, "clientInfo")),
            resources=resources or None,
            unmapped=rest(native, "properties"),
        )


def _activity(operation: str) -> int:
    """The verb stands last: `SecretGet`, `KeyCreate`, `SecretListVersions`."""
    words = operation.replace("ListVersions", "List").replace("Versions", "")
    for verb in ("Get", "List", "Create", "Set", "Update", "Delete", "Purge", "Recover", "Backup", "Restore", "Import"):
        if words.endswith(verb):
            return ocsf.activity_of({"Set": "update", "Recover": "restore", "Backup": "export"}.get(verb, verb))
    return ocsf.activity_of(operation)
