"""The configuration files of a Swift on one node. What is not obvious in them was found by trying."""

from collections.abc import Mapping
from pathlib import Path

RINGS = ("account", "container", "object")

_COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {runs_as}
swift_dir = {home}
devices = {home}/disks
mount_check = false
fallocate_reserve = 0
log_level = WARNING

"""

_STORAGE = """\
[pipeline:main]
pipeline = {name}-server

[app:{name}-server]
use = egg:swift#{name}
replication_server = true
"""

# symlink stands before versioned_writes, which otherwise refuses to start; s3api before tempauth, slo behind both.
_PROXY = """\
[pipeline:main]
pipeline = catch_errors cache bulk s3api tempauth copy slo dlo symlink versioned_writes proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true

[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 1
force_swift_request_proxy_log = false

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache}

[filter:slo]
use = egg:swift#slo
minimum_segment_size = 1

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:bulk]
use = egg:swift#bulk

[filter:copy]
use = egg:swift#copy

[filter:dlo]
use = egg:swift#dlo

[filter:symlink]
use = egg:swift#symlink

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
"""

_HASH = """\
[swift-hash]
swift_hash_path_prefix = {secret}
swift_hash_path_suffix = {secret}

[storage-policy:0]
name = one
default = yes
"""


def configurations(
    home: Path, ports: Mapping[str, int], *, account: str, user: str, secret: str, runs_as: str
) -> dict[str, str]:
    """Name and content of each file that belongs into `home`."""
    common = {"home": home, "runs_as": runs_as}
    files = {"swift.conf": _HASH.format(secret=secret)}
    for name in RINGS:
        files[f"{name}-server.conf"] = _COMMON.format(port=ports[name], **common) + _STORAGE.format(name=name)
    proxy = _PROXY.format(account=account, user=user, secret=secret, cache=ports["cache"])
    files["proxy-server.conf"] = _COMMON.format(port=ports["proxy"], **common) + proxy
    return files
