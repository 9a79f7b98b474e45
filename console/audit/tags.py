"""What can be recorded: `area:thing:happened`, alphabetical, never reused. With the words people read."""

from enum import StrEnum


class Tag(StrEnum):
    """One kind of event."""

    AUDIT_CHECKPOINT_SIGNED = "audit:checkpoint:signed"
    AUDIT_EXPORTED = "audit:entries:exported"
    DATA_CUSTODIAN_ADDED = "customer_data:custodian:added"
    DATA_CUSTODIAN_CHANGED = "customer_data:custodian:changed"
    DATA_HOLD_LIFT_ASKED = "customer_data:hold:lift_asked"
    DATA_HOLD_LIFT_WITHDRAWN = "customer_data:hold:lift_withdrawn"
    DATA_HOLD_LIFTED = "customer_data:hold:lifted"
    DATA_HOLD_PLACED = "customer_data:hold:placed"
    DATA_IMPORT_CANCELLED = "customer_data:import:cancelled"
    DATA_IMPORT_FINISHED = "customer_data:import:finished"
    DATA_IMPORT_STARTED = "customer_data:import:started"
    DATA_ITEM_DAMAGED = "customer_data:item:damaged"
    DATA_ITEM_OPENED = "customer_data:item:opened"
    DATA_ITEM_RELEASED = "customer_data:item:released"
    DATA_ITEMS_EXPORTED = "customer_data:items:exported"
    DATA_ITEMS_LABELLED = "customer_data:items:labelled"
    DATA_ITEMS_REMOVED = "customer_data:items:removed"
    DATA_SEARCHED = "customer_data:items:searched"
    DATA_LABEL_CHANGED = "customer_data:label:changed"
    DATA_LABEL_DELETED = "customer_data:label:deleted"
    BROWSER_FORGOTTEN = "identity:browser:forgotten"
    CONFIRMATION_ASKED = "identity:confirmation:asked"
    CONFIRMATION_CODE_GIVEN = "identity:confirmation:code_given"
    CONFIRMATION_PASSED = "identity:confirmation:confirmed"
    CONFIRMATION_DENIED = "identity:confirmation:denied"
    CONFIRMATION_REFUSED = "identity:confirmation:refused"
    FACTOR_ADDED = "identity:factor:added"
    FACTOR_REFUSED = "identity:factor:refused"
    FACTOR_REMOVED = "identity:factor:removed"
    FACTOR_RENAMED = "identity:factor:renamed"
    FACTORS_RESET = "identity:factors:reset"
    NETWORK_FORGOTTEN = "identity:network:forgotten"
    PASSKEY_DOUBTED = "identity:passkey:doubted"
    PASSWORD_CHANGED = "identity:password:changed"  # noqa: S105 (a tag)
    PASSWORD_REFUSED = "identity:password:refused"  # noqa: S105 (a tag)
    PASSWORD_RESET_ASKED = "identity:password_reset:asked"  # noqa: S105 (a tag)
    PASSWORD_RESET = "identity:password_reset:used"  # noqa: S105 (a tag)
    RECOVERY_CODE_USED = "identity:recovery_code:used"
    RECOVERY_CODES_MADE = "identity:recovery_codes:made"
    SIGN_IN_REFUSED = "identity:sign_in:refused"
    SIGN_IN_THROTTLED = "identity:sign_in:throttled"
    STEP_UP_PASSED = "identity:step_up:passed"
    ADDRESS_REFUSED = "ip_ranges:address:refused"
    IP_RANGES_EXPORTED = "ip_ranges:entries:exported"
    LIFT_ASKED = "ip_ranges:lift:asked"
    LIFT_WITHDRAWN = "ip_ranges:lift:withdrawn"
    ROOT_MADE = "keys:root:made"
    ROOT_REPLACED = "keys:root:replaced"
    ROOT_RETIRED = "keys:root:retired"
    KEY_REPLACED = "keys:rotation:finished"
    KEY_REPLACEMENT_STARTED = "keys:rotation:started"
    KEY_REPLACEMENT_STOPPED = "keys:rotation:stopped"
    POLICY_LIFTED = "policies:policy:lifted"
    POLICY_RESTORED = "policies:policy:restored"
    POLICY_KEPT = "policies:version:kept"
    POLICY_REVERTED = "policies:version:reverted"
    POLICY_SAVED = "policies:version:saved"
    ACCESS_REFUSED = "security:access:refused"
    SESSION_ENDED = "sessions:session:ended"
    SESSION_MOVED = "sessions:session:moved"
    SESSION_STARTED = "sessions:session:started"
    SUPPORT_TENANT_OPENED = "support:tenant:opened"
    TENANT_ADDED = "tenants:tenant:added"
    IMPORT_APPLIED = "users:import:applied"
    IMPORT_CANCELLED = "users:import:cancelled"
    IMPORT_CHECKED = "users:import:checked"
    IMPORT_EXPORTED = "users:import:exported"
    INVITATION_ACCEPTED = "users:invitation:accepted"
    INVITATION_RESENT = "users:invitation:resent"
    INVITATION_REVOKED = "users:invitation:revoked"
    INVITATION_SENT = "users:invitation:sent"
    PEOPLE_EXPORTED = "users:people:exported"
    USER_ADDED = "users:user:added"
    USER_CHANGED = "users:user:changed"
    USER_DELETED = "users:user:deleted"
    USER_PURGED = "users:user:purged"
    USER_REINSTATED = "users:user:reinstated"
    USER_RESTORED = "users:user:restored"
    USER_SUSPENDED = "users:user:suspended"
    USERNAME_CHANGE_ASKED = "users:username_change:asked"
    USERNAME_CHANGE_CANCELLED = "users:username_change:cancelled"
    USERNAME_CHANGE_STOPPED = "users:username_change:stopped"


TAG_TEXTS: dict[str, str] = {
    Tag.AUDIT_CHECKPOINT_SIGNED: "Signed a checkpoint of the audit record",
    Tag.AUDIT_EXPORTED: "Exported the audit record",
    Tag.DATA_CUSTODIAN_ADDED: "Added a custodian",
    Tag.DATA_HOLD_LIFT_ASKED: "Asked to lift a legal hold",
    Tag.DATA_HOLD_LIFT_WITHDRAWN: "Withdrew what was asked: the legal hold goes on",
    Tag.DATA_HOLD_LIFTED: "Lifted a legal hold",
    Tag.DATA_HOLD_PLACED: "Placed a legal hold",
    Tag.DATA_CUSTODIAN_CHANGED: "Changed a custodian",
    Tag.DATA_IMPORT_CANCELLED: "Cancelled an import of Customer Data",
    Tag.DATA_IMPORT_FINISHED: "Finished an import of Customer Data",
    Tag.DATA_IMPORT_STARTED: "Started an import of Customer Data",
    Tag.DATA_ITEM_DAMAGED: "Found an item of Customer Data damaged",
    Tag.DATA_ITEM_OPENED: "Opened an item of Customer Data",
    Tag.DATA_ITEM_RELEASED: "Released an item from quarantine",
    Tag.DATA_ITEMS_EXPORTED: "Exported items of Customer Data",
    Tag.DATA_ITEMS_LABELLED: "Labelled items of Customer Data",
    Tag.DATA_ITEMS_REMOVED: "Removed items of Customer Data",
    Tag.DATA_SEARCHED: "Searched Customer Data",
    Tag.DATA_LABEL_CHANGED: "Renamed a label",
    Tag.DATA_LABEL_DELETED: "Deleted a label",
    Tag.BROWSER_FORGOTTEN: "Forgot recognised browsers",
    Tag.CONFIRMATION_ASKED: "Asked to confirm the sign-in",
    Tag.CONFIRMATION_CODE_GIVEN: "Gave a one-time code by telephone",
    Tag.CONFIRMATION_PASSED: "Confirmed the sign-in",
    Tag.CONFIRMATION_DENIED: "Denied a sign-in: this was not me",
    Tag.CONFIRMATION_REFUSED: "Confirmation refused: wrong code",
    Tag.FACTOR_ADDED: "Added a second factor",
    Tag.FACTOR_REFUSED: "Second factor refused",
    Tag.NETWORK_FORGOTTEN: "Forgot a recognised network",
    Tag.FACTOR_REMOVED: "Removed a second factor",
    Tag.FACTOR_RENAMED: "Renamed a second factor",
    Tag.FACTORS_RESET: "Reset a colleague's second factors",
    Tag.PASSKEY_DOUBTED: "A passkey's counter went back: it may have been copied",
    Tag.PASSWORD_CHANGED: "Changed the password",
    Tag.PASSWORD_REFUSED: "Wrong present password",
    Tag.PASSWORD_RESET_ASKED: "Asked for a new password",
    Tag.PASSWORD_RESET: "Chose a new password",
    Tag.RECOVERY_CODE_USED: "Used a recovery code",
    Tag.RECOVERY_CODES_MADE: "Made new recovery codes",
    Tag.SIGN_IN_REFUSED: "Sign-in refused",
    Tag.SIGN_IN_THROTTLED: "Sign-in refused: too many attempts",
    Tag.ADDRESS_REFUSED: "Refused outside the allowed IP ranges",
    Tag.IP_RANGES_EXPORTED: "Exported the IP ranges",
    Tag.ROOT_MADE: "Made a new root key",
    Tag.ROOT_REPLACED: "Wrapped keys under a new root key",
    Tag.ROOT_RETIRED: "Gave up an old root key",
    Tag.KEY_REPLACED: "Replaced the encryption key",
    Tag.KEY_REPLACEMENT_STARTED: "Began to replace the encryption key",
    Tag.KEY_REPLACEMENT_STOPPED: "Could not retire the old encryption key",
    Tag.LIFT_ASKED: "Support staff asked to lift restrictions",
    Tag.LIFT_WITHDRAWN: "A request to lift restrictions was withdrawn",
    Tag.STEP_UP_PASSED: "Confirmed who it is before a risky act",
    Tag.POLICY_LIFTED: "Support staff lifted restrictions",
    Tag.POLICY_RESTORED: "Lifted restrictions are in force again",
    Tag.POLICY_KEPT: "Confirmed security settings on trial",
    Tag.POLICY_REVERTED: "Security settings reverted to the version before",
    Tag.POLICY_SAVED: "Saved security settings",
    Tag.ACCESS_REFUSED: "Access refused",
    Tag.SESSION_ENDED: "Session ended",
    Tag.SESSION_MOVED: "Session went on in another network",
    Tag.SESSION_STARTED: "Signed in",
    Tag.SUPPORT_TENANT_OPENED: "Support staff opened the account's state",
    Tag.TENANT_ADDED: "Opened the account",
    Tag.IMPORT_APPLIED: "Applied an import of users",
    Tag.IMPORT_CANCELLED: "Cancelled an import of users",
    Tag.IMPORT_CHECKED: "Checked an import of users",
    Tag.IMPORT_EXPORTED: "Downloaded the result of an import",
    Tag.INVITATION_ACCEPTED: "Accepted the invitation",
    Tag.INVITATION_RESENT: "Sent the invitation again",
    Tag.INVITATION_REVOKED: "Revoked the invitation",
    Tag.INVITATION_SENT: "Sent an invitation",
    Tag.PEOPLE_EXPORTED: "Exported the list of users",
    Tag.USER_ADDED: "Added a user",
    Tag.USER_CHANGED: "Changed a user",
    Tag.USER_DELETED: "Deleted a user",
    Tag.USER_PURGED: "Removed a deleted user for good",
    Tag.USER_REINSTATED: "Reinstated a user",
    Tag.USER_RESTORED: "Restored a deleted user",
    Tag.USER_SUSPENDED: "Suspended a user",
    Tag.USERNAME_CHANGE_ASKED: "Asked for another e-mail address",
    Tag.USERNAME_CHANGE_CANCELLED: "Withdrew another e-mail address",
    Tag.USERNAME_CHANGE_STOPPED: "Stopped another e-mail address from the old mailbox",
}
