"""SciPy's side of the benchmark; bench/peer.go describes the conversation.

The meta-gradient is the loop one writes from the formulas with
scipy.linalg.solve_discrete_lyapunov: no derivative is approximated, nothing is
solved twice.
"""

import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy.linalg import solve_discrete_are, solve_discrete_lyapunov

from conversation import Family, mean_call, serve


def faster_method(a, m):
    """The method of solve_discrete_lyapunov that is faster on this a."""
    if a.shape[0] > 30:  # 'direct' factors an n²×n² matrix
        return "bilinear"

    def seconds(method):
        def call():
            solve_discrete_lyapunov(a, m, method=method)

        call()
        return min(mean_call(call, 5) for _ in range(5))

    return min("direct", "bilinear", key=seconds)


def meta_gradient(tasks, w, rate, method):
    """Mean over tasks of f(F(W)) and its gradient, F(W) = W − rate ∇f(W)."""
    value = 0.0
    gradient = np.zeros_like(w)
    for a, b, q, r, sigma0 in tasks:
        # P, Σ, E and ∇C at W.
        aw = a - b @ w
        p = solve_discrete_lyapunov(aw.T, q + w.T @ r @ w, method=method)
        sigma = solve_discrete_lyapunov(aw, sigma0, method=method)
        e = r @ w - b.T @ p @ aw

        # Where the inner step lands, the cost there and v = ∇C there.
        w1 = w - 2 * rate * e @ sigma
        a1 = a - b @ w1
        p1 = solve_discrete_lyapunov(a1.T, q + w1.T @ r @ w1, method=method)
        sigma1 = solve_discrete_lyapunov(a1, sigma0, method=method)
        v = 2 * (r @ w1 - b.T @ p1 @ a1) @ sigma1
        value += np.sum(p1 * sigma0)

        # Jᵀv = v − rate ∇²C(W)[v].
        ve = v.T @ e
        dp = solve_discrete_lyapunov(aw.T, ve + ve.T, method=method)
        bvsa = b @ v @ sigma @ aw.T
        dsigma = solve_discrete_lyapunov(aw, -bvsa - bvsa.T, method=method)
        de = (r + b.T @ p @ b) @ v - b.T @ dp @ aw
        gradient += v - 2 * rate * (de @ sigma + e @ dsigma)
    return value / len(tasks), gradient / len(tasks)


def part(a, b, q, r, sigma0, w, rate, method):
    """Sums over some tasks, in a process of its own."""
    family = [(*task, sigma0) for task in zip(a, b, q, r)]
    value, gradient = meta_gradient(family, w, rate, method)
    return value * len(family), gradient * len(family)


def gains(a, b, q, r):
    """The optimal gains of some tasks."""
    out = []
    for a, b, q, r in zip(a, b, q, r):
        p = solve_discrete_are(a, b, q, r)
        out.append(np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a))
    return np.array(out)


def worker(pipe, halves, task):
    """Answers a gain, or None, with what the task says of this worker's tasks."""
    halves = [np.array(x) for x in halves]
    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(task(*halves, *arguments))


class Workers:
    """Processes that hold equal parts of the tasks and answer together."""

    def __init__(self, family, task):
        self.pipes, self.processes = [], []
        context = multiprocessing.get_context("fork")
        bounds = np.linspace(0, family.tasks, int(os.environ["BENCH_THREADS"]) + 1).astype(int)
        for lo, hi in zip(bounds[:-1], bounds[1:]):
            here, there = context.Pipe()
            halves = [x[lo:hi] for x in (family.a, family.b, family.q, family.rr)]
            process = context.Process(target=worker, args=(there, halves, task), daemon=True)
            process.start()
            self.pipes.append(here)
            self.processes.append(process)

    def __call__(self, *arguments):
        for pipe in self.pipes:
            pipe.send(arguments)
        return [pipe.recv() for pipe in self.pipes]

    def close(self):
        for process in self.processes:
            process.terminate()
            process.join()


workers = None


def load(kind, folder, n, r, tasks):
    """The call to time, and a note on how it was set up."""
    global workers
    if workers:
        workers.close()
        workers = None
    if kind.startswith("fleet"):
        family = Family(folder, n, r, tasks)
        if kind == "fleet-optima":
            workers = Workers(family, gains)
            return lambda: np.concatenate(workers()), "solve_discrete_are, a process a core"
        method = faster_method(family.a[0] - family.b[0] @ family.w, family.sigma0)
        workers = Workers(family, part)

        def call():
            parts = workers(family.sigma0, family.w, family.rates[0], method)
            value = sum(value for value, _ in parts) / tasks
            return value, sum(gradient for _, gradient in parts) / tasks

        return call, f"{method}, a process a core"
    folder = Path(folder)

    def matrix(name, *shape):
        return np.fromfile(folder / (name + ".f64")).reshape(shape)

    if kind == "riccati":
        a, b = matrix("a", n, n), matrix("b", n, r)
        q, rr = matrix("q", n, n), matrix("r", r, r)
        return lambda: solve_discrete_are(a, b, q, rr), ""
    if kind == "stein":
        a, m = matrix("a", n, n), matrix("m", n, n)
        method = faster_method(a, m)
        return lambda: solve_discrete_lyapunov(a, m, method=method), method
    if kind == "meta":
        family = Family(folder, n, r, tasks)
        stacks = zip(*(np.array(x) for x in (family.a, family.b, family.q, family.rr)))
        members = [(*task, family.sigma0) for task in stacks]
        method = faster_method(members[0][0] - members[0][1] @ family.w, family.sigma0)
        return lambda: meta_gradient(members, family.w, family.rates[0], method), method
    raise ValueError(f"unknown kind {kind}")


blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
serve(
    f"SciPy {scipy.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}, {blas['name']} {blas['version']}",
    load,
)
