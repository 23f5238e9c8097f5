"""What is written to people: templates per language, messages built from them."""
