"""The steps from schema to schema, run when a store is opened."""
