"""What each Customer chose about its security, as numbered versions: none is ever changed, any can be returned to."""
