"""Whether the time of an answer tells two kinds of request apart, without being fooled by chance or by a busy machine."""

import gc
import time

BAND = (0.45, 0.55)
SAMPLES = 4


def spent(act):
    """(processor seconds of this process, what the act answers). No collection falls in between."""
    gc.disable()  # one comes in a rhythm of its own, which may be that of the requests
    try:
        started = time.process_time()
        answer = act()
        return time.process_time() - started, answer
    finally:
        gc.enable()


def auc(one, other):
    """How often a value of `one` is above one of `other`: 0.5 tells nothing, 0 and 1 tell all."""
    above = sum((a > b) + (a == b) / 2 for a in one for b in other)
    return above / (len(one) * len(other))


def areas_until_alike(measure, pairs):
    """The areas of samples taken until one is within the band, at most four; each after the first twice as large.

    `measure(pairs)` answers two lists of times. Two kinds that are alike leave the band by chance in one sample of 250
    pairs out of 19, and in one of 500 out of 160: in all four once in 80 million runs. Two kinds whose area is 0.65
    come into the band in one run out of 18,000, and such as the planted ones, above 0.9, never.
    """
    areas = []
    for sample in range(SAMPLES):
        areas.append(auc(*measure(pairs if sample == 0 else 2 * pairs)))
        if BAND[0] <= areas[-1] <= BAND[1]:
            break
    return areas


def alike(areas):
    """Whether the last sample told nothing."""
    return BAND[0] <= areas[-1] <= BAND[1]
