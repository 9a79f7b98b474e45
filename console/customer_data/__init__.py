"""Customer Data: the e-mail and documents that a Customer hosts here, sealed, found again, and read by whom it lets."""
