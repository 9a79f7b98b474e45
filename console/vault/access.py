"""The keys that a unit of work can reach: those of the tenant it is bound to, and the platform's. No others.

There is deliberately no way to name a tenant here; the second wall follows the binding of the first (P14).
"""

from typing import cast

from console.core.db import bound_tenant, service
from console.vault.keyring import Keyring
from console.vault.tenant_keys import TenantKeys


def keyring() -> Keyring:
    """The keyring of the running application. For commands and boot; pages use the two functions below."""
    return cast("Keyring", service("keyring"))


def tenant_keys() -> TenantKeys:
    """The keys of the tenant that this unit of work is bound to. **Raises:** NoTenant, KeyUnavailable."""
    return keyring().keys(bound_tenant())


def platform_keys() -> TenantKeys:
    """The platform's own keys: usernames' blind index, Customers' names, cookies, checkpoints."""
    return keyring().platform()
