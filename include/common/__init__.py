"""What every domain needs: where a service is, and what time it is."""
