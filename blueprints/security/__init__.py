"""The pages about a Customer's security."""
