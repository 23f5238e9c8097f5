"""The console's addresses, one module per audience."""
