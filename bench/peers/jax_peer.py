"""JAX's side of the benchmark; bench/peer.go describes the conversation.

With no argument: jit and vmap over a cost of one task, all derivatives by
jax.grad and jax.jvp. A Stein equation is solved by doubling under
lax.custom_linear_solve (so that its derivatives are Stein equations, not the
derivatives of the doubling), or (n ≤ 4) by doubling differentiated as it stands;
which, how products are written and where the axis of tasks lies is measured once
for each size. The Kronecker form is not among them: at n = 4 it took as long as
doubling for 1000 tasks, and for 10 000 the batched LU of JAX 0.10.2 did not end.

With the argument "last": the same derivatives by jax.grad and jax.jvp, but all
tasks in one array with the tasks as its last axis, no vmap, and products as sums
of whole rows, which the compiler fuses.

With the argument "formulas": the closed formulas of formulas.py instead of
derivatives, in either layout.

Tasks go in chunks that the cache holds or in large ones, whichever is faster;
results stay on the device until a whole call is done.
"""

import functools
import os
import sys

threads = os.environ["BENCH_THREADS"]
os.environ["NPROC"] = threads  # the size of JAX's pool
if threads == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
import numpy as np

import formulas
from conversation import KEPT, TRAINING_STEPS, Choice, Family, serve

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")
explicit, last = "formulas" in sys.argv, "last" in sys.argv


def matmul(x, y):
    return x @ y


def summed(x, y):
    return jnp.sum(x[:, :, None] * y[None, :, :], axis=1)


def rows(x, y):
    """The product of matrices whose tasks are the last axis."""
    s = x[:, 0:1] * y[0:1]
    for k in range(1, x.shape[1]):
        s = s + x[:, k : k + 1] * y[k : k + 1]
    return s


def planes(x, y):
    """The same as one sum, shorter to compile."""
    return jnp.sum(x[:, :, None] * y[None], axis=1)


def transpose(x):
    return jnp.swapaxes(x, 0, 1)


PRODUCTS = {"@": matmul, "sum": summed}
LAST = {"rows": rows, "planes": planes}


def policy_value(solver, mul, doublings, a, m):
    """P = Aᵀ P A + M."""
    if solver == "doubling":
        return formulas.stein_t(mul, transpose, formulas.powers(mul, a, doublings), m)

    # Both solves take the powers of a: the compiler sees that they are the same.
    def solve(_, m):
        return formulas.stein_t(mul, transpose, formulas.powers(mul, a, doublings), m)

    def transposed(_, m):
        return formulas.stein(mul, transpose, formulas.powers(mul, a, doublings), m)

    return jax.lax.custom_linear_solve(lambda x: x - mul(transpose(a), mul(x, a)), m, solve, transposed)


def one_task(variant, doublings, rates, sigma0):
    """value, gradient and Hessian-vector product of h for one task."""
    solver, product, _ = variant
    mul = PRODUCTS[product]

    def cost(w, a, b, q, r):
        m = q + mul(w.T, mul(r, w))
        return jnp.sum(policy_value(solver, mul, doublings, a - mul(b, w), m) * sigma0)

    def value(w, *task):
        for rate in rates:
            w = w - rate * jax.grad(cost)(w, *task)
        return cost(w, *task)

    def gradient(w, *task):
        if not explicit:
            return jax.value_and_grad(value)(w, *task)
        p, g = formulas.meta_gradient(mul, transpose, doublings, *task, sigma0, w, rates[0])
        return jnp.sum(p * sigma0), g

    def product(w, v, *task):
        return jax.jvp(lambda x: jax.grad(value)(x, *task), (w,), (v,))[1]

    return value, gradient, product


def all_tasks(variant, doublings, rates, sigma0):
    """The same, summed over tasks that are the last axis of the tensors."""
    solver, product, _ = variant
    mul = LAST[product]
    sigma0 = sigma0[..., None]

    def cost(w, a, b, q, r):
        m = q + mul(transpose(w), mul(r, w))
        return jnp.sum(policy_value(solver, mul, doublings, a - mul(b, w), m) * sigma0)

    def value(w, *tasks):
        x = jnp.broadcast_to(w[..., None], (*w.shape, tasks[0].shape[-1]))
        for rate in rates:  # no task's cost depends on another's gain
            x = x - rate * jax.grad(cost)(x, *tasks)
        return cost(x, *tasks)

    def gradient(w, *tasks):
        if not explicit:
            return jax.value_and_grad(value)(w, *tasks)
        p, g = formulas.meta_gradient(mul, transpose, doublings, *tasks, sigma0, w[..., None], rates[0])
        return jnp.sum(p * sigma0), jnp.sum(g, axis=-1)

    def product_at(w, v, *tasks):
        return jax.jvp(lambda x: jax.grad(value)(x, *tasks), (w,), (v,))[1]

    return value, gradient, product_at


def chunked(family, axis, chunk):
    """The tensors of the tasks, on the device, in chunks."""

    def put(x, i):
        return jnp.asarray(np.ascontiguousarray(np.moveaxis(x[i : i + chunk], 0, axis)))

    tensors = (family.a, family.b, family.q, family.rr)
    return [tuple(put(x, i) for x in tensors) for i in range(0, family.tasks, chunk)]


@functools.cache
def compiled(variant, doublings, rates, sigma0):
    """value, gradient and product summed over a chunk of tasks. Sizes are compiled
    when they are first met, once for all calls that share them."""
    n = int(np.sqrt(len(sigma0) / 8))
    sigma0 = jnp.asarray(np.frombuffer(sigma0).reshape(n, n))
    if variant[1] in LAST:
        return tuple(jax.jit(f) for f in all_tasks(variant, doublings, rates, sigma0))

    def total(f, fixed):
        mapped = jax.vmap(f, in_axes=(None,) * fixed + (variant[2],) * 4)

        def summed_up(*arguments):
            return jax.tree.map(lambda x: jnp.sum(x, axis=0), mapped(*arguments))

        return jax.jit(summed_up)

    return tuple(map(total, one_task(variant, doublings, rates, sigma0), (1, 1, 2)))


def prepare(kind, family, variant, doublings, chunk):
    n = family.tasks
    rates = tuple(float(x) for x in family.rates)
    value, gradient, product = compiled(variant, doublings, rates, family.sigma0.tobytes())
    chunks = chunked(family, variant[2], min(chunk, n))
    w, v = jnp.asarray(family.w), jnp.asarray(family.v)

    def mean(f, *fixed):
        parts = [f(*fixed, *tasks) for tasks in chunks]
        result = parts[0]
        for part in parts[1:]:
            result = jax.tree.map(jnp.add, result, part)
        return jax.tree.map(lambda x: x / n, result)

    if kind == "fleet-value":
        return lambda: jax.block_until_ready(mean(value, w))
    if kind == "fleet-product":
        return lambda: jax.block_until_ready(mean(product, w, v))
    if kind != "fleet-train":
        return lambda: jax.block_until_ready(mean(gradient, w))
    if len(chunks) == 1:  # the whole training is one call
        tasks = chunks[0]

        def step(x, _):
            x = x - family.step * gradient(x, *tasks)[1] / n
            return x, x

        training = jax.jit(lambda x: jax.lax.scan(step, x, length=TRAINING_STEPS)[1][KEPT - 1 :: KEPT])
        return lambda: jax.block_until_ready(training(w))

    def train():
        x, kept = w, []
        for k in range(TRAINING_STEPS):
            x = x - family.step * mean(gradient, x)[1]
            if (k + 1) % KEPT == 0:
                kept.append(x)
        return jax.block_until_ready(jnp.stack(kept))

    return train


def variants(n):
    if explicit:
        some = [("formulas", "@", 0), ("formulas", "@", -1)] + [("formulas", "sum", 0)] * (n <= 8)
        return some + [("formulas", "planes", -1)]  # rows take 4 s to compile, and were slower
    if last:
        # Doubling differentiated as it stands: several times slower, 15 s to compile.
        return [("implicit doubling", "planes", -1)] + [("implicit doubling", "rows", -1)] * (n <= 4)
    some = [("implicit doubling", "@", 0)]
    if n <= 8:
        some += [("implicit doubling", "sum", 0), ("implicit doubling", "@", -1)]
    if n <= 4:
        some += [("doubling", "@", 0)]
    return some


choose = Choice(
    lambda family, variant, chunk: prepare("fleet-gradient", family, variant, family.doublings(), chunk)
)


def load(kind, folder, n, r, tasks):
    family = Family(folder, n, r, tasks)
    variant, chunk = choose(family, variants(n))
    solver, product, axis = variant
    note = f"{solver}, {product}, tasks {'first' if axis == 0 else 'last'}"
    if tasks > chunk:
        note += f", chunks of {chunk}"
    return prepare(kind, family, variant, family.doublings(), chunk), note


serve(f"JAX {jax.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}", load)
