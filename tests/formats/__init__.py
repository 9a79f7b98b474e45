"""Reading mail and documents."""
