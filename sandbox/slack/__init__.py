"""Slack: incoming webhooks and the part of the Web API that messages need."""
