"""The store: inventories, findings, events and consents in SQLite or PostgreSQL."""
