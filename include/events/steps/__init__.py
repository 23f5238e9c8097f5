"""One module per thing that is made for an event.

Each has `apply` (idempotent: it can be stopped anywhere and run again), `verify` (looks at the world and returns what
is not as planned), `undo` (idempotent, safe when `apply` never ran, refuses what belongs to another request) and
`leftovers` (looks at the world and returns what is still there). `check` is called right before every act and raises
StaleAttempt when the request has moved on.
"""
