"""What containers need beside the project itself: rendered configuration and health probes."""
