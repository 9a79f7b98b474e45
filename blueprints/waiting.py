"""How long to wait, in words."""


def spoken_wait(seconds: int) -> str:
    """Such as "40 seconds" or "4 minutes", rounded up."""
    if seconds < 90:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = -(-seconds // 60)
    return f"{minutes} minutes" if minutes < 90 else f"{-(-seconds // 3600)} hours"
