"""The history of the `ops` schema."""
