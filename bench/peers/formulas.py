"""Value and gradient of a task's meta-objective with one gradient step, from
closed formulas, for any library whose matrices have +, −, and the product and
transpose given. The powers of a closed loop serve every equation at its gain.

    P = Q + WᵀRW + AᵀPA,  Σ = Σ₀ + AΣAᵀ,  E = RW − BᵀPA,  ∇C = 2EΣ  (A = A − BW)
"""


def powers(mul, a, doublings):
    out = [a]
    for _ in range(doublings - 1):
        out.append(mul(out[-1], out[-1]))
    return out


def stein(mul, t, powers_of_a, m):
    """X = A X Aᵀ + M by Smith's doubling."""
    x = m
    for p in powers_of_a:
        x = x + mul(p, mul(x, t(p)))
    return x


def stein_t(mul, t, powers_of_a, m):
    """X = Aᵀ X A + M."""
    x = m
    for p in powers_of_a:
        x = x + mul(t(p), mul(x, p))
    return x


def meta_gradient(mul, t, doublings, a, b, q, r, sigma0, w, rate):
    """P where the inner step lands, whose trace with Σ₀ is the value, and the
    gradient (I − rate ∇²C(W)) ∇C(F(W))."""
    aw = a - mul(b, w)
    pw = powers(mul, aw, doublings)
    p = stein_t(mul, t, pw, q + mul(t(w), mul(r, w)))
    sigma = stein(mul, t, pw, sigma0)
    e = mul(r, w) - mul(t(b), mul(p, aw))

    w1 = w - 2 * rate * mul(e, sigma)
    a1 = a - mul(b, w1)
    pw1 = powers(mul, a1, doublings)
    p1 = stein_t(mul, t, pw1, q + mul(t(w1), mul(r, w1)))
    sigma1 = stein(mul, t, pw1, sigma0)
    v = 2 * mul(mul(r, w1) - mul(t(b), mul(p1, a1)), sigma1)

    ve = mul(t(v), e)
    dp = stein_t(mul, t, pw, ve + t(ve))
    bv = mul(b, v)
    x = mul(bv, mul(sigma, t(aw)))
    dsigma = stein(mul, t, pw, -x - t(x))
    de = mul(r, v) + mul(t(b), mul(p, bv)) - mul(t(b), mul(dp, aw))
    return p1, v - 2 * rate * (mul(de, sigma) + mul(e, dsigma))
