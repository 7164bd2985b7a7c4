"""Event: what happened, our own deeds included. OCSF-shaped."""

from datetime import datetime

import msgspec

from bartizan.model.json import JsonObject


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One happening, named by its OCSF 1.8 class (`class_uid`) and activity.

    This release records deeds of Bartizan itself: a scan, a consent, the start of a server, a limit hit.
    `unmapped` holds what the class has no field for; never a secret.
    """

    uid: str
    time: datetime
    class_uid: int
    activity_name: str
    message: str = ""
    status: str = "Success"
    mcp: JsonObject = {}
    unmapped: JsonObject = {}


API_ACTIVITY = 6003
PROCESS_ACTIVITY = 1007
NETWORK_ACTIVITY = 4001
APPLICATION_LIFECYCLE = 6002
