"""PyTorch's side of the benchmark; bench/peer.go describes the conversation.

With no argument: tensors with the tasks first, autograd for all derivatives. A
Stein equation is solved by doubling as an autograd function whose backward is
another Stein equation, by doubling that autograd follows, or as a linear system
of its Kronecker form, whichever is faster; which, and how products are written,
is measured once for each size.

With the argument "formulas": the closed formulas of formulas.py, and also tasks
last and products as sums of whole rows, which suits large batches of small
matrices better than torch.matmul does.

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
explicit = "formulas" in sys.argv


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


def transpose(x):
    return x.transpose(-1, -2)


def transpose_last(x):
    return x.transpose(0, 1)


PRODUCTS = {"@": matmul, "sum": summed, "rows": rows}


class Stein(torch.autograd.Function):
    """X = Aᵀ X A + M, or with transposed X = A X Aᵀ + M, given the powers of A."""

    @staticmethod
    def forward(ctx, a, m, powers, mul, transposed):
        solve = formulas.stein if transposed else formulas.stein_t
        x = solve(mul, transpose, powers, m)
        ctx.powers, ctx.mul, ctx.transposed = powers, mul, transposed
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    def backward(ctx, g):
        a, x = ctx.saved_tensors
        mul = ctx.mul
        y = Stein.apply(a, g, ctx.powers, mul, not ctx.transposed)
        if ctx.transposed:
            da = mul(y, mul(a, transpose(x))) + mul(transpose(y), mul(a, x))
        else:
            da = mul(x, mul(a, transpose(y))) + mul(transpose(x), mul(a, y))
        return da, y, None, None, None


def policy_value(solver, mul, doublings, a, m):
    """P = Aᵀ P A + M."""
    if solver == "kronecker":
        n = a.shape[-1]
        at = transpose(a)
        k = torch.einsum("...ij,...kl->...ikjl", at, at).reshape(*a.shape[:-2], n * n, n * n)
        return torch.linalg.solve(torch.eye(n * n) - k, m.reshape(*m.shape[:-2], n * n)).reshape(m.shape)
    if solver == "doubling":
        return formulas.stein_t(mul, transpose, formulas.powers(mul, a, doublings), m)
    with torch.no_grad():
        powers = formulas.powers(mul, a.detach(), doublings)
    return Stein.apply(a, m, powers, mul, False)


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

    def cost(w, a, b, q, r):
        m = q + mul(transpose(w), mul(r, w))
        return (policy_value(solver, mul, doublings, a - mul(b, w), m) * sigma0).sum()

    def part(w, tasks, graph):
        """Σ f(F(W)) over some tasks; its derivatives are wanted if graph."""
        x = w.expand(tasks[0].shape[0], *w.shape)
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
            if axis == 0:
                p, g = formulas.meta_gradient(mul, transpose, doublings, *tasks, sigma0, w, rates[0])
                h, total = h + (p * sigma0).sum(), total + g.sum(0)
            else:
                p, g = formulas.meta_gradient(
                    mul, transpose_last, doublings, *tasks, sigma0[..., None], w[..., None], rates[0]
                )
                h, total = h + (p.sum(-1) * sigma0).sum(), total + g.sum(-1)
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
