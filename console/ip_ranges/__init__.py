"""IP ranges: from where a Customer's people may sign in (allowed), and where nobody is asked again (trusted). P06."""
