"""PyTorch's side of the benchmark; bench/peer.go describes the conversation.

With no argument: tensors with the tasks first, autograd for all derivatives. A
Stein equation is solved by doubling as an autograd function whose backward is
another Stein equation, by doubling that autograd follows, or as a linear system
of its Kronecker form, whichever is faster; which, and how products are written,
is measured once for each size.

With the argument "last": autograd too, but tasks last and products as sums of
whole rows, which suits large batches of small matrices better than torch.matmul
does.

With the argument "formulas": the closed formulas of formulas.py, in either layout.

Tasks go in chunks that the cache holds or in large ones, whichever is faster.
"""

import os
import sys

import numpy as np
import torch

import formulas
from conversation import KEPT, TRAINING_STEPS, Choice, Family, serve

torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
torch.set_default_dtype(torch.float64)
explicit, last = "formulas" in sys.argv, "last" in sys.argv


def matmul(x, y):
    return x @ y


def summed(x, y):
    return (x.unsqueeze(-1) * y.unsqueeze(-3)).sum(-2)


def rows(x, y):
    """The product of matrices whose tasks are the last axis."""
    s = x[:, 0:1] * y[0:1]
    for k in range(1, x.shape[1]):
        s = torch.addcmul(s, x[:, k : k + 1], y[k : k + 1])
    return s


class Product(torch.autograd.Function):
    """rows, whose derivatives are such products again, not sums of slices."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return rows(x, y)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        dx = Product.apply(g, transpose_last(y)) if ctx.needs_input_grad[0] else None
        dy = Product.apply(transpose_last(x), g) if ctx.needs_input_grad[1] else None
        return dx, dy


def transpose(x):
    return x.transpose(-1, -2)


def transpose_last(x):
    return x.transpose(0, 1)


PRODUCTS = {"@": matmul, "sum": summed, "rows": rows, "rows with their derivative": Product.apply}


class Stein(torch.autograd.Function):
    """X = Aᵀ X A + M, or with transposed X = A X Aᵀ + M, given the powers of A."""

    @staticmethod
    def forward(ctx, a, m, powers, mul, t, transposed):
        solve = formulas.stein if transposed else formulas.stein_t
        x = solve(mul, t, powers, m)
        ctx.powers, ctx.mul, ctx.t, ctx.transposed = powers, mul, t, transposed
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    def backward(ctx, g):
        a, x = ctx.saved_tensors
        mul, t = ctx.mul, ctx.t
        y = Stein.apply(a, g, ctx.powers, mul, t, not ctx.transposed)
        if ctx.transposed:
            da = mul(y, mul(a, t(x))) + mul(t(y), mul(a, x))
        else:
            da = mul(x, mul(a, t(y))) + mul(t(x), mul(a, y))
        return da, y, None, None, None, None


def policy_value(solver, mul, t, doublings, a, m):
    """P = Aᵀ P A + M."""
    if solver == "kronecker":
        n = a.shape[-1]
        at = transpose(a)
        k = torch.einsum("...ij,...kl->...ikjl", at, at).reshape(*a.shape[:-2], n * n, n * n)
        return torch.linalg.solve(torch.eye(n * n) - k, m.reshape(*m.shape[:-2], n * n)).reshape(m.shape)
    if solver == "doubling":
        return formulas.stein_t(mul, t, formulas.powers(mul, a, doublings), m)
    with torch.no_grad():
        powers = formulas.powers(mul, a.detach(), doublings)
    return Stein.apply(a, m, powers, mul, t, False)


def prepare(kind, family, variant, doublings, chunk):
    solver, product, axis = variant
    mul = PRODUCTS[product]
    n, rates = family.tasks, [float(x) for x in family.rates]
    chunk = min(chunk, n)
    tensors = (family.a, family.b, family.q, family.rr)
    chunks = [
        tuple(torch.tensor(np.ascontiguousarray(np.moveaxis(x[i : i + chunk], 0, axis))) for x in tensors)
        for i in range(0, n, chunk)
    ]
    sigma0, w, v = torch.tensor(family.sigma0), torch.tensor(family.w), torch.tensor(family.v)
    t = transpose if axis == 0 else transpose_last

    def spread(x):
        """x for every task."""
        return x if axis == 0 else x[..., None]

    def cost(w, a, b, q, r):
        m = q + mul(t(w), mul(r, w))
        return (policy_value(solver, mul, t, doublings, a - mul(b, w), m) * spread(sigma0)).sum()

    def part(w, tasks, graph):
        """Σ f(F(W)) over some tasks; its derivatives are wanted if graph."""
        count = tasks[0].shape[axis]
        x = w.expand(count, *w.shape) if axis == 0 else w[..., None].expand(*w.shape, count)
        if not x.requires_grad:
            x = x.detach().requires_grad_()
        for rate in rates:
            (g,) = torch.autograd.grad(cost(x, *tasks), x, create_graph=graph)
            x = x - rate * g
        return cost(x, *tasks)

    def value(w):
        return (sum(part(w, tasks, False).detach() for tasks in chunks) / n).item()

    def gradient(w):
        h, total = 0.0, torch.zeros_like(w)
        for tasks in chunks:
            x = w.clone().requires_grad_()
            some = part(x, tasks, True)
            total += torch.autograd.grad(some, x)[0]
            h = h + some.detach()
        return h / n, total / n

    def by_formulas(w):
        h, total = 0.0, torch.zeros_like(w)
        for tasks in chunks:
            p, g = formulas.meta_gradient(mul, t, doublings, *tasks, spread(sigma0), spread(w), rates[0])
            h, total = h + (p * spread(sigma0)).sum(), total + g.sum(axis)
        return h / n, total / n

    def product_at(w, v):
        total = torch.zeros_like(w)
        for tasks in chunks:
            x = w.clone().requires_grad_()
            (g,) = torch.autograd.grad(part(x, tasks, True), x, create_graph=True)
            total += torch.autograd.grad((g * v).sum(), x)[0]
        return total / n

    if explicit:
        gradient = torch.no_grad()(by_formulas)
    if kind == "fleet-value":
        return lambda: value(w)
    if kind == "fleet-product":
        return lambda: product_at(w, v)
    if kind != "fleet-train":
        return lambda: gradient(w)

    def train():
        x, kept = w, []
        for k in range(TRAINING_STEPS):
            x = x - family.step * gradient(x)[1]
            if (k + 1) % KEPT == 0:
                kept.append(x)
        return torch.stack(kept)

    return train


def variants(n):
    if explicit:
        return [("formulas", "@", 0), ("formulas", "rows", -1)] + [("formulas", "sum", 0)] * (n <= 8)
    if last:
        with_derivative = [(solver, "rows with their derivative", -1) for solver in ("implicit doubling", "doubling")]
        return [("implicit doubling", "rows", -1)] + with_derivative
    some = [("implicit doubling", "@", 0), ("doubling", "@", 0)]
    if n <= 8:
        some += [("implicit doubling", "sum", 0), ("doubling", "sum", 0)]
    if n <= 4:
        some += [("kronecker", "@", 0)]
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


blas = "OpenBLAS" if "openblas" in os.path.realpath("/etc/alternatives/libblas.so.3-x86_64-linux-gnu") else "no OpenBLAS"
serve(f"PyTorch {torch.__version__}, {blas}, Python {sys.version.split()[0]}", load)
