"""Server-side sessions: a random token in a cookie, its digest here, an idle and an absolute end."""
