"""What can go wrong with a sealed value or a key, in two words a caller can tell apart."""

from console.core.errors import Conflict, Gone


class Unreadable(Conflict):
    """Raised when a sealed value does not open in the place where it was found.

    A flipped bit, a shortened value, another row's, another tenant's, a key version that is not there: all
    of them are this one error with this one text. Telling them apart would tell an attacker who plants
    values which part of the check they got past. **Source:** P14, P17.
    """

    def __init__(self) -> None:
        super().__init__("This value cannot be read: it was changed, or it does not belong here.")


class KeyUnavailable(Gone):
    """Raised when a key was destroyed, was never made, or does not unwrap."""


class BlobMissing(Conflict):
    """Raised when a blob that should be there is not in the store."""

    def __init__(self) -> None:
        super().__init__("This data is not in the store. The operator can look for it with `safekeep doctor`.")


class StoreFull(Conflict):
    """Raised when the store has no room left; nothing was stored."""

    def __init__(self) -> None:
        super().__init__("There is no room left to store this. Nothing was stored; the operator must make room.")


class StoreUnavailable(Conflict):
    """Raised when the store does not answer, or refuses us. What it said is in the facts, for the log."""

    def __init__(self, said: str = "") -> None:
        super().__init__("The store of this data does not answer. Nothing was changed; try again later.", said=said)
