"""Judge a server by the database account in its launch."""

import re
from collections.abc import Iterator

from bartizan.content.command import command_of
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object
from bartizan.rules.check import Sight

_ACCOUNT = re.compile(
    r"\b(postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|mssql|sqlserver|oracle|clickhouse|cockroachdb)"
    r"(?:\+\w+)?://(postgres|root|sa|admin|administrator|sys|system|dba|superuser|default|rdsadmin|cloudsqlsuperuser)[:@]",
    re.IGNORECASE,
)
_USER = re.compile(
    r"(PG|POSTGRES(QL)?_|MYSQL_|MARIADB_|MONGO(DB)?_|MSSQL_|DB_|DATABASE_|ORACLE_)USER(NAME)?", re.IGNORECASE
)
_POWERFUL = frozenset("postgres root sa sys system rdsadmin cloudsqlsuperuser".split())


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each account, in the command or in the environment."""
    environment = as_object(subject.attributes.get("environment"))
    texts = [*command_of(subject), *map(str, environment.values())]
    found = {match[2].lower(): match[1].lower() for text in texts for match in _ACCOUNT.finditer(text[:4_000])}
    for name, value in environment.items():
        if _USER.fullmatch(name) and str(value).lower() in _POWERFUL:
            found.setdefault(str(value).lower(), name)
    for account, where in sorted(found.items()):
        yield Sight(
            message=f"{subject.name} works as {account}, an account that may do everything",
            detail=account,
            place=subject.places[0] if subject.places else None,
            evidence=f"{account} ({where})",
        )
