"""The security page: presets, health, and the guard that no door may leave a Customer locked out."""
