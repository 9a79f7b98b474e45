"""How much memory a child process took at most; for tests that show that it stays flat."""

PEAK = '''
def peak():
    """The highest resident size of this process, in bytes; not that of the process it was started from."""
    import resource, sys
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except OSError:  # no Linux
        found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return found if sys.platform == "darwin" else found * 1024
'''
"""Code for the child. On Linux `ru_maxrss` begins at the size of the process that started the child, so it tells nothing
of a child of a large test process."""
