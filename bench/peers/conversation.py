"""What the Python sides share; bench/peer.go describes the conversation."""

import sys
import time
from copy import copy
from pathlib import Path

import numpy as np

TRAINING_STEPS = 200
WARM = 5  # seconds: a first call that takes longer is warm enough
KEPT = 20  # every 20th iterate of a training is compared


def mean_call(call, repetitions):
    start = time.perf_counter()
    for _ in range(repetitions):
        call()
    return (time.perf_counter() - start) / repetitions


class Choice:
    """The variant and the size of chunks that make the gradient fastest, measured
    once for each size of task, and apart for few tasks and for many.

    gradient(family, variant, chunk) returns the call to time.
    """

    FEW, MANY = 1000, 10000

    def __init__(self, gradient):
        self.gradient = gradient
        self.chosen = {}

    def __call__(self, family, variants):
        size = (family.n, family.tasks >= self.FEW)
        if size not in self.chosen:
            few = family.first(self.FEW)
            self.chosen[size] = self.fastest(variants, lambda variant: self.gradient(few, variant, self.MANY))
        variant = self.chosen[size]
        if family.tasks < self.MANY:
            return variant, self.MANY
        if (family.n, "chunk") not in self.chosen:
            many = family.first(self.MANY)
            self.chosen[family.n, "chunk"] = self.fastest(
                [self.FEW, self.MANY], lambda chunk: self.gradient(many, variant, chunk)
            )
        return variant, self.chosen[family.n, "chunk"]

    @staticmethod
    def fastest(candidates, prepare):
        """The candidate of the least best time; they take turns, five, or of slow
        candidates two."""
        if len(candidates) == 1:
            return candidates[0]
        calls = [prepare(candidate) for candidate in candidates]
        for call in calls:
            call()  # compiled, and warm
        turns = []
        start = time.perf_counter()
        while len(turns) < 5 and (len(turns) < 2 or time.perf_counter() - start < 2):
            turns.append([mean_call(call, 1) for call in calls])
        best = [min(times) for times in zip(*turns)]
        return candidates[best.index(min(best))]


class Family:
    """The matrices of a case. Those of many tasks stay on the disk until they
    are copied (memmap), so that each side holds them once."""

    def __init__(self, folder, n, r, tasks):
        self.n, self.r, self.tasks = n, r, tasks
        folder = Path(folder)

        def matrix(name, *shape):
            return np.memmap(folder / (name + ".f64"), mode="r").view(float).reshape(shape)

        self.a, self.b = matrix("a", tasks, n, n), matrix("b", tasks, n, r)
        self.q, self.rr = matrix("q", tasks, n, n), matrix("r", tasks, r, r)
        self.sigma0 = np.array(matrix("m", -1, n, n)[0])  # the same for all tasks
        self.w, self.rates = np.array(matrix("w", r, n)), np.array(matrix("rate", -1))
        self.v, self.step = self.rates, 0.0
        if (folder / "v.f64").stat().st_size:
            self.v, self.step = np.array(matrix("v", r, n)), float(matrix("step", 1)[0])

    def first(self, count):
        """The same family with its first tasks alone."""
        few = copy(self)
        few.tasks = min(self.tasks, count)
        few.a, few.b, few.q, few.rr = (x[:count] for x in (self.a, self.b, self.q, self.rr))
        return few

    def doublings(self):
        """How many doublings leave 1e-13 of a Stein solution, at W, for the
        tasks looked at: ‖A^(2^k)‖² is what is left."""
        power = self.a[:1000] - self.b[:1000] @ self.w
        count = 0
        while np.max(np.sum(power * power, axis=(1, 2))) > 1e-13:
            power = power @ power
            count += 1
            if count > 40:
                raise ValueError("the gain does not stabilise the tasks")
        return count


def flat(result):
    if isinstance(result, tuple):
        return np.concatenate([np.ravel(np.asarray(part)) for part in result])
    return np.ravel(np.asarray(result))


def serve(versions, load):
    """load(kind, folder, n, r, tasks) returns the call to time and a note."""
    print("ready", versions, flush=True)
    call = None
    one = 0.0
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split("\t")
        if word == "load":
            kind, folder, n, r, tasks, out = rest
            call = None  # what the last case held is free before the next
            call, note = load(kind, folder, int(n), int(r), int(tasks))
            start = time.perf_counter()
            flat(call()).tofile(out)
            one = time.perf_counter() - start
            if one < WARM:
                one = mean_call(call, 1 if kind.startswith("fleet") else 2)
            print("loaded", note, sep="\t", flush=True)
        elif word == "time":
            repetitions = max(1, int(float(rest[0]) / one))
            one = mean_call(call, repetitions)
            print("timed", repetitions, repr(one), sep="\t", flush=True)
