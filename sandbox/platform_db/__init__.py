"""The events platform's database: its schema, its roles and seed data. The platform is not ours; this plays it."""
