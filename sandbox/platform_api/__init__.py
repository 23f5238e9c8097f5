"""The events platform's own API and its viewers' pages: what the project provisions events on."""
