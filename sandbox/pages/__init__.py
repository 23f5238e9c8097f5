"""Pages for people who want to see what was sent, and the templates of all pages."""
