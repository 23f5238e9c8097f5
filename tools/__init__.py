"""Commands for people who work on the project; nothing that runs in production imports them."""
