"""Every table and every job of the product in one place, for migrations, boot checks and the worker."""

from functools import partial

from console.audit import models as _audit
from console.core import budgets as _budgets
from console.core import installation as _installation
from console.core import jobs
from console.core import lookups as _lookups
from console.core.db import Base
from console.customer_data import holds as _holds
from console.customer_data import import_sweep as data_import_sweep
from console.customer_data import importing, integrity, merging, rebuilding, retention
from console.customer_data import imports as data_imports
from console.customer_data import labels as _labels
from console.customer_data import models as _customer_data
from console.customer_data import openings as _openings
from console.identity import actions as identity
from console.identity import confirmation_sweep, reset
from console.ip_ranges import actions as ip_ranges
from console.ip_ranges import break_glass as _break_glass
from console.keys import models as keys
from console.keys import work as key_work
from console.mail import actions as mail
from console.policies import actions as policies
from console.security import notices
from console.sessions import actions as sessions
from console.tenants import models as tenants
from console.users import import_apply, import_sweep, imports, lifecycle, usernames
from console.vault import blob_care, blobs

_MODELS = (_customer_data, _holds, _labels, _openings, _audit, _break_glass, _budgets, _installation, _lookups, tenants)
METADATA = Base.metadata

HANDLERS: dict[str, jobs.Handler] = {
    mail.JOB: mail.send_mail,
    reset.JOB: reset.send_reset,
    lifecycle.PURGE_JOB: partial(
        lifecycle.purge_due, forget=(ip_ranges.forget_people, identity.forget_people, sessions.forget_people)
    ),
    confirmation_sweep.SWEEP_JOB: confirmation_sweep.sweep_identity,
    sessions.SWEEP_JOB: sessions.sweep_sessions,
    policies.TRIAL_JOB: policies.finish_trial,
    policies.SAVED_JOB: notices.tell_saved,
    policies.REVERTED_JOB: notices.tell_reverted,
    ip_ranges.SWEEP_JOB: ip_ranges.sweep,
    usernames.RELEASE_JOB: usernames.release_usernames,
    imports.JOB: import_apply.run_import,
    import_sweep.SWEEP_JOB: import_sweep.sweep_imports,
    data_imports.JOB: importing.run_import,
    importing.CLEAN_JOB: data_import_sweep.clean_import,
    data_import_sweep.SWEEP_JOB: data_import_sweep.sweep_data_imports,
    blobs.DELETE_JOB: blobs.remove_deleted,
    integrity.DUE_JOB: integrity.enqueue_due,
    integrity.SCRUB_JOB: integrity.scrub,
    retention.SWEEP_JOB: retention.sweep_retention,
    merging.INDEX_JOB: merging.merge_segments,
    rebuilding.REBUILD_JOB: rebuilding.rebuild_index,
    rebuilding.SWEEP_JOB: partial(rebuilding.sweep_indexes, tenant_ids=tenants.tenant_ids),
    blob_care.SWEEP_JOB: partial(blob_care.sweep_blobs, tenant_ids=tenants.tenant_ids),
    keys.JOB: key_work.rotate_keys,
}

PERIODIC: dict[str, int] = {
    lifecycle.PURGE_JOB: lifecycle.PURGE_EVERY_SECONDS,
    confirmation_sweep.SWEEP_JOB: confirmation_sweep.SWEEP_EVERY_SECONDS,
    sessions.SWEEP_JOB: sessions.SWEEP_EVERY_SECONDS,
    import_sweep.SWEEP_JOB: import_sweep.SWEEP_EVERY_SECONDS,
    ip_ranges.SWEEP_JOB: ip_ranges.SWEEP_EVERY_SECONDS,
    data_import_sweep.SWEEP_JOB: data_import_sweep.SWEEP_EVERY_SECONDS,
    rebuilding.SWEEP_JOB: rebuilding.SWEEP_EVERY_SECONDS,
    blob_care.SWEEP_JOB: blob_care.SWEEP_EVERY_SECONDS,
    integrity.DUE_JOB: integrity.DUE_EVERY_SECONDS,
    retention.SWEEP_JOB: retention.SWEEP_EVERY_SECONDS,
}

IMPORTS = frozenset({imports.JOB, data_imports.JOB})
UPKEEP = frozenset(
    {
        blobs.DELETE_JOB,
        keys.JOB,
        merging.INDEX_JOB,
        rebuilding.REBUILD_JOB,
        rebuilding.SWEEP_JOB,
        blob_care.SWEEP_JOB,
        integrity.SCRUB_JOB,
        retention.SWEEP_JOB,
        importing.CLEAN_JOB,
    }
)

LANES: dict[str, dict[str, jobs.Handler]] = {
    "quick": {kind: handler for kind, handler in HANDLERS.items() if kind not in IMPORTS | UPKEEP},
    "imports": {kind: HANDLERS[kind] for kind in IMPORTS},
    "upkeep": {kind: HANDLERS[kind] for kind in UPKEEP},
}
"""Work that may take hours has lanes of its own: mail (a code that somebody waits for) waits neither for an import nor for
upkeep, and upkeep, such as the merging of the search index, goes on while an import runs.
"""
