"""What the migrations cannot say in both dialects; installed after every migrate, again and again alike.

The index behind the claim statement, whose NULLS FIRST SQLite does not know, and on PostgreSQL the indexes
that find a part of a name or a MAC.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Free rows in the order of their use (querysets._claim_sql). SQLite sorts NULL first by itself.
_CLAIM = """
CREATE INDEX IF NOT EXISTS ip_addresses_claim ON ip_addresses (subnet_id, freed_at {nulls_first}, ip_address)
WHERE status = 'available' AND ip_type = 'static'
"""

# icontains compiles to UPPER(column::text) LIKE UPPER(...).
_PARTS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX IF NOT EXISTS ip_addresses_hostname_part ON ip_addresses USING gin (upper(hostname::text) gin_trgm_ops);
CREATE INDEX IF NOT EXISTS ip_addresses_vm_id_part ON ip_addresses USING gin (upper(vm_id::text) gin_trgm_ops);
CREATE INDEX IF NOT EXISTS ip_addresses_mac_part ON ip_addresses USING gin ((mac_address::text) gin_trgm_ops);
CREATE INDEX IF NOT EXISTS hosts_hostname_part ON hosts USING gin (upper(hostname::text) gin_trgm_ops);
"""

_MAY_HAVE_TRIGRAMS = """
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')
    OR (EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')
        AND has_database_privilege(current_database(), 'CREATE'))
"""


def install(using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: make what is missing."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM.format(nulls_first="NULLS FIRST" if connection.vendor == "postgresql" else ""))
        if connection.vendor == "postgresql" and has_trigrams(connection):
            cursor.execute(_PARTS)


def has_trigrams(connection: BaseDatabaseWrapper) -> bool:
    """Whether pg_trgm is there or may be made; without it a search by part of a name reads every row."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_HAVE_TRIGRAMS)
        return bool(cursor.fetchone()[0])
