"""The Ops Console: the events API, the public request form and the operators' pages."""
