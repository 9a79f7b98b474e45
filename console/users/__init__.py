"""The Customer's people: add, edit, suspend, delete, restore, roles, invitations, bulk, import and export."""
