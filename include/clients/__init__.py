"""Clients of outside systems with one error tree (`include.clients.errors`)."""
