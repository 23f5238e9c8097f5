"""The demo: four requests go through the running stack, the right people answer, the result is looked at from
outside."""
