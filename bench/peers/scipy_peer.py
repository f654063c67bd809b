"""SciPy's side of the benchmark; bench/peer.go describes the conversation.

The meta-gradient is the loop one writes from the formulas with
scipy.linalg.solve_discrete_lyapunov: no derivative is approximated, nothing is
solved twice.
"""

import sys
import time
from pathlib import Path

import numpy as np
import scipy
from scipy.linalg import solve_discrete_are, solve_discrete_lyapunov


def mean_call(call, repetitions):
    start = time.perf_counter()
    for _ in range(repetitions):
        call()
    return (time.perf_counter() - start) / repetitions


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


def load(kind, folder, n, r, tasks):
    """The call to time, and a note on how it was set up."""
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
        stacks = zip(
            matrix("a", tasks, n, n),
            matrix("b", tasks, n, r),
            matrix("q", tasks, n, n),
            matrix("r", tasks, r, r),
            matrix("m", tasks, n, n),
        )
        family = [tuple(task) for task in stacks]
        w, rate = matrix("w", r, n), float(matrix("rate", 1)[0])
        method = faster_method(family[0][0] - family[0][1] @ w, family[0][4])
        return lambda: meta_gradient(family, w, rate, method), method
    raise ValueError(f"unknown kind {kind}")


def flat(result):
    if isinstance(result, tuple):
        return np.concatenate([np.ravel(part) for part in result])
    return np.ravel(result)


def main():
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    print(
        f"ready SciPy {scipy.__version__}, NumPy {np.__version__}, Python "
        f"{sys.version.split()[0]}, {blas['name']} {blas['version']}",
        flush=True,
    )
    call = None
    one = 0.0
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split("\t")
        if word == "load":
            kind, folder, n, r, tasks, out = rest
            call, note = load(kind, folder, int(n), int(r), int(tasks))
            flat(call()).tofile(out)
            one = mean_call(call, 2)
            print("loaded", note, sep="\t", flush=True)
        elif word == "time":
            repetitions = max(1, int(float(rest[0]) / one))
            one = mean_call(call, repetitions)
            print("timed", repetitions, repr(one), sep="\t", flush=True)


main()
