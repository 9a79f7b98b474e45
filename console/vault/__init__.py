"""Keys and sealed records: mechanism, no policy. Knows nothing of tenants beyond their id."""
