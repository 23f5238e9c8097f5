"""Stand-ins for the services around Platform Ops, on loopback, as strict as the real ones.

One process plays Slack, Twilio, an SMTP relay, a Kubernetes API server and the API of the events platform, so that
everything runs with no account anywhere. Nothing outside this package imports it.
"""
