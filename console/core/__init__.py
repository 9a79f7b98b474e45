"""Infrastructure that knows no area: settings, database and tenant binding, errors, actor, clock, jobs."""
