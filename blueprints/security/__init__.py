"""The pages where a Customer chooses its own security."""
