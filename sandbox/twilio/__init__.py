"""Twilio's Messages resource: sending SMS, and looking up what was sent."""
