"""Every table and every job of the product in one place, for migrations, boot checks and the worker."""

from functools import partial

from console.audit import models as _audit
from console.core import budgets as _budgets
from console.core import installation as _installation
from console.core import jobs
from console.core import lookups as _lookups
from console.core.db import Base
from console.identity import actions as identity
from console.identity import confirmation_sweep, reset
from console.ip_ranges import actions as ip_ranges
from console.ip_ranges import break_glass as _break_glass
from console.mail import actions as mail
from console.policies import actions as policies
from console.security import notices
from console.sessions import actions as sessions
from console.tenants import models as _tenants
from console.users import import_apply, import_sweep, imports, lifecycle, usernames

_MODELS = (_audit, _break_glass, _budgets, _installation, _lookups, _tenants)
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
}

PERIODIC: dict[str, int] = {
    lifecycle.PURGE_JOB: lifecycle.PURGE_EVERY_SECONDS,
    confirmation_sweep.SWEEP_JOB: confirmation_sweep.SWEEP_EVERY_SECONDS,
    sessions.SWEEP_JOB: sessions.SWEEP_EVERY_SECONDS,
    import_sweep.SWEEP_JOB: import_sweep.SWEEP_EVERY_SECONDS,
    ip_ranges.SWEEP_JOB: ip_ranges.SWEEP_EVERY_SECONDS,
}
