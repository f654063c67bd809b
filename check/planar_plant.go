package check

import (
	"errors"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A planarPlant is a task with two states and one input, in 256 bits. A and b have
// the root of the discount in them.
//
// # Coordinates
//
// Let c be the row with cb = 0 and cAb = 1, and y₋ = cs, y₀ = cAs: coordinates T s =
// (y₀, y₋), in which b is (1, 0)ᵀ. By Cayley and Hamilton, cA A_W = cA_W² = τcA − δc
// with τ = tr A_W and δ = det A_W: the closed loop is [τ −δ; 1 0], y₊ = τy₀ − δy₋, and
// a = y₊ − τ_A y₀ + δ_A y₋. So a step costs a quadratic form G of (y₊, y₀, y₋) that
// does not depend on the gain, numbered 0, 1, 2 below, and G₀₀ = R. The gain enters
// by τ = tr A − Wb and δ = det A − W adj(A)b: p = from + L Wᵀ for p = (τ, δ).
//
// # Cost
//
// The covariance Σ = [σ₀ σ₁; σ₁ σ₂] = S + A_WΣA_Wᵀ, S = TΣ₀Tᵀ, has by its three equations
//
//	σ₂ = σ₀ + s₂₂    (1 + δ)σ₁ = τσ₀ + s₁₂    σ₀ = τ²σ₀ − 2τδσ₁ + δ²σ₂ + s₁₁,
//
// and with u = 1 − δ, v = 1 − τ + δ, z = 1 + τ + δ (all positive where A_W is stable)
// and a∓ = s₁₁ ∓ 2s₁₂δ + s₂₂δ²,
//
//	σ₀ = ½(a₋/uv + a₊/uz)    σ₁ = ½(a₋/uv − a₊/uz) + s₁₂/u.
//
// The sums of y₊², y₊y₀ and y₊y₋ along a trajectory are σ₀ − s₁₁, σ₁ − s₁₂ and
// τσ₁ − δσ₂ = σ₀ − (s₁₁ + δ²s₂₂ − τs₁₂)/u − δs₂₂. With ρ₀ = tr G, ρ₁ = G₀₁ + G₁₂,
// ρ₂ = G₀₂ and q± = ρ₀ ± 2ρ₁ + 2ρ₂,
//
//	C = ½q₊a₋/uv + ½q₋a₊/uz + (e₀ + e₁τ)/u + e₂,
//	e₀ = 2ρ₁s₁₂ − 2ρ₂(s₁₁ + s₂₂),  e₁ = 2ρ₂s₁₂,  e₂ = 2ρ₂s₂₂ + G₂₂s₂₂ − G₀₀s₁₁ − 2G₀₁s₁₂.
//
// # Policy gradient
//
// 2EΣ is the gradient whatever S; and Σ = I for S = I − A_WA_Wᵀ. Inserted into the
// gradient of C at fixed S, this gives 2E, as derivatives in τ and δ:
//
//	e_τ = q₊/uv − q₋/uz − 2(ρ₁ + ρ₂τ)/u    e_δ = δ(q₊/uv + q₋/uz) − 2ρ₂(1 + δ)/u
//
// and R + bᵀPb = G₀₀ + (C for S = e₁e₁ᵀ) = ½q₊/uv + ½q₋/uz − 2ρ₂/u = ŝ.
//
// # Optimum
//
// E = 0 has the stable solution ŝv² = q₊, ŝz² = q₋, ŝδ = ρ₂, to be inserted. As
// v + z = 2(1 + δ), √ŝ is the larger root of 2t² − (√q₊ + √q₋)t + 2ρ₂. A stable
// gain with E = 0 and ŝ > 0 is the best one, for C(W) − C* = tr(Σ_W (W−W*)ᵀŝ(W−W*)).
type planarPlant struct {
	stated lqr.Spec
	from   [2]fine
	l, inv [2][2]fine
	side   planarSide[fine]
	start  [3]fine // Σ₀
	spread [3]fine // Σ at the optimum
	best   fine    // C*
	sOpt   fine    // ŝ at the optimum
	opt    [2]fine // τ*, δ*
}

// A planarSide is what the formulas need of a task.
type planarSide[C any] struct {
	q, hq  [2]C // q± and ½q±
	r1, r2 C    // 2ρ₁, 2ρ₂
	s      [3]C // s₁₁, s₁₂, s₂₂
	e      [3]C

	crowded bool // use what follows
	near    [3]C
	rest    [6]C
}

// crowding is how many times C* the terms of the closed form may be before the form
// of crowd is used, in which they do not cancel.
const crowding = 1000

// crowd prepares for poles that crowd at 1, u and v being small. In the closed form,
// with δ = 1 − u, τ = 2 − u − v and z = 4 − 2u − v and sorted by powers of u and v,
//
//	a₋ = (s₁₁ − 2s₁₂ + s₂₂) + 2(s₁₂ − s₂₂)u + s₂₂u²
//	½q₋a₊ + (e₀ + e₁τ)z + e₂uz = N(u, v)
//
// N has the coefficients, of 1, u, u², v, uv and v², that rest holds, of which the parts
// cancel, and near has those of ½q₊a₋: C = ½q₊a₋/uv + N/uz.
func crowd(side *planarSide[fine], best, u fine) {
	if !best.ok() || !u.ok() {
		return
	}
	s, e := side.s, side.e
	side.near = [3]fine{
		s[0].sub(s[1].times(2)).add(s[2]).mul(side.hq[0]),
		s[1].sub(s[2]).mul(side.q[0]),
		s[2].mul(side.hq[0]),
	}
	at := e[0].add(e[1].times(2)) // e₀ + e₁τ = at − e₁(u + v)
	side.rest = [6]fine{
		s[0].add(s[1].times(2)).add(s[2]).mul(side.hq[1]).add(at.times(4)),
		s[1].add(s[2]).mul(side.q[1]).neg().sub(at.times(2)).sub(e[1].times(4)).add(e[2].times(4)),
		s[2].mul(side.hq[1]).add(e[1].times(2)).sub(e[2].times(2)),
		at.add(e[1].times(4)).neg(),
		e[1].times(3).sub(e[2]),
		e[1],
	}
	big := e[0].div(u).round().Mag()
	side.crowded = big > crowding*best.round().Mag()
}

var errPlanarOptimum = errors.New("its optimum is not found to be a stabilising gain")

func newPlanarPlant(s lqr.Spec) (*planarPlant, error) {
	for _, m := range []matrixeq.Matrix{s.A, s.B, s.Q, s.R, s.N, s.Noise, s.Sigma0} {
		if !isFinite(m) {
			return nil, errUnbounded
		}
	}
	entries := func(m matrixeq.Matrix, n int) []fine {
		x := make([]fine, n)
		for i := range x {
			x[i] = exactly(0)
			if !m.IsZero() {
				x[i] = exactly(m.Data[i])
			}
		}
		return x
	}
	form := func(m matrixeq.Matrix) [3]fine {
		x := entries(m, 4)
		return [3]fine{x[0], x[1].add(x[2]).times(0.5), x[3]}
	}
	p := &planarPlant{stated: s}
	given := planarStatement{
		a: entries(s.A, 4), b: entries(s.B, 2), q: form(s.Q), n: entries(s.N, 2), r: exactly(s.R.Data[0]),
		noise: form(s.Noise), noisy: !s.Noise.IsZero(), between: exactly(0),
	}
	if s.SampleTime != 0 {
		if err := given.sample(s.SampleTime, planarHoldTerms); err != nil {
			return nil, err
		}
	}
	a, b, noise := given.a, given.b, given.noise
	switch {
	case s.AverageCost:
		p.start = noise
	case !s.Sigma0.IsZero():
		p.start = form(s.Sigma0)
	case s.X0 != nil:
		return nil, errors.New("its initial state is known: Σ₀ is not positive definite")
	default:
		p.start = [3]fine{exactly(1), exactly(0), exactly(1)}
	}
	if γ := s.Discount; γ != 0 && γ != 1 {
		root := exactly(γ).sqrt()
		for _, x := range [][]fine{a, b} {
			for i := range x {
				x[i] = x[i].mul(root)
			}
		}
		share := exactly(γ).div(exactly(1).sub(exactly(γ)))
		for i := range p.start {
			p.start[i] = p.start[i].add(noise[i].mul(share))
		}
		if given.noisy && !s.AverageCost {
			given.between = given.between.div(exactly(1).sub(exactly(γ)))
		}
	}
	if m := p.start; m[0].sign() <= 0 || m[0].mul(m[2]).sub(m[1].sqr()).sign() <= 0 {
		return nil, errors.New("its Σ₀ is not positive definite")
	}

	// The chart.
	trace, det := a[0].add(a[3]), a[0].mul(a[3]).sub(a[1].mul(a[2]))
	adj := [2]fine{a[3].mul(b[0]).sub(a[1].mul(b[1])), a[0].mul(b[1]).sub(a[2].mul(b[0]))} // adj(A) b
	p.from = [2]fine{trace, det}
	p.l = [2][2]fine{{b[0].neg(), b[1].neg()}, {adj[0].neg(), adj[1].neg()}}
	var ok bool
	if p.inv, ok = inverse2(p.l); !ok {
		return nil, errors.New("it is not controllable")
	}
	ab := [2]fine{a[0].mul(b[0]).add(a[1].mul(b[1])), a[2].mul(b[0]).add(a[3].mul(b[1]))}
	cross := b[0].mul(ab[1]).sub(b[1].mul(ab[0]))
	c := [2]fine{b[1].neg().div(cross), b[0].div(cross)}
	t := [2][2]fine{{c[0].mul(a[0]).add(c[1].mul(a[2])), c[0].mul(a[1]).add(c[1].mul(a[3]))}, c}
	back, ok := inverse2(t)
	if !ok {
		return nil, errors.New("it is not controllable")
	}
	k := &p.side
	k.s = congruent(t, p.start)

	// The cost of a step, of (y₊, y₀, y₋).
	q := congruent([2][2]fine{{back[0][0], back[1][0]}, {back[0][1], back[1][1]}}, given.q)
	n := given.n
	n = []fine{back[0][0].mul(n[0]).add(back[1][0].mul(n[1])), back[0][1].mul(n[0]).add(back[1][1].mul(n[1]))}
	r := given.r
	m := [3]fine{exactly(1), trace.neg(), det} // a = m·(y₊, y₀, y₋)
	w := [3]fine{exactly(0), n[0], n[1]}
	var g [3][3]fine
	for i := range 3 {
		for j := range 3 {
			g[i][j] = r.mul(m[i]).mul(m[j]).add(w[i].mul(m[j])).add(m[i].mul(w[j]))
		}
	}
	g[1][1], g[1][2], g[2][2] = g[1][1].add(q[0]), g[1][2].add(q[1]), g[2][2].add(q[2])
	ρ0, ρ1, ρ2 := g[0][0].add(g[1][1]).add(g[2][2]), g[0][1].add(g[1][2]), g[0][2]
	k.r1, k.r2 = ρ1.times(2), ρ2.times(2)
	k.q = [2]fine{ρ0.add(k.r1).add(k.r2), ρ0.sub(k.r1).add(k.r2)}
	k.hq = [2]fine{k.q[0].times(0.5), k.q[1].times(0.5)}
	k.e = [3]fine{
		k.r1.mul(k.s[1]).sub(k.r2.mul(k.s[0].add(k.s[2]))),
		k.r2.mul(k.s[1]),
		k.r2.add(g[2][2]).mul(k.s[2]).sub(g[0][0].mul(k.s[0])).sub(g[0][1].mul(k.s[1]).times(2)).add(given.between),
	}

	// The optimum.
	if k.q[0].sign() <= 0 || k.q[1].sign() <= 0 {
		return nil, errPlanarOptimum
	}
	root := [2]fine{k.q[0].sqrt(), k.q[1].sqrt()}
	sum := root[0].add(root[1])
	under := sum.sqr().sub(ρ2.times(16))
	if under.sign() <= 0 {
		return nil, errPlanarOptimum
	}
	x := sum.add(under.sqrt()).times(0.25)
	p.sOpt = x.sqr()
	δ := ρ2.div(p.sOpt)
	u, v, z := exactly(1).sub(δ), root[0].div(x), root[1].div(x)
	p.opt = [2]fine{z.sub(v).times(0.5), δ}
	if p.sOpt.sign() <= 0 || u.sign() <= 0 || v.sign() <= 0 || z.sign() <= 0 {
		return nil, errPlanarOptimum
	}
	even := k.s[0].add(k.s[2].mul(δ.sqr()))
	odd := k.s[1].mul(δ).times(2)
	uv, uz := even.sub(odd).div(u.mul(v)), even.add(odd).div(u.mul(z))
	p.best = k.hq[0].mul(uv).add(k.hq[1].mul(uz)).add(k.e[0].add(k.e[1].mul(p.opt[0])).div(u)).add(k.e[2])
	σ0, σ1 := uv.add(uz).times(0.5), uv.sub(uz).times(0.5).add(k.s[1].div(u))
	p.spread = congruent(back, [3]fine{σ0, σ1, σ0.add(k.s[2])})
	if !p.best.ok() || !p.spread[1].ok() {
		return nil, errPlanarOptimum
	}
	if one := exactly(1); u.sub(one).sign() < 0 && v.sub(one).sign() < 0 {
		crowd(k, p.best, u)
	}
	return p, nil
}

// scaled is the plant with its cost times c.
func (p *planarPlant) scaled(c fine) *planarPlant {
	x := *p
	k := &x.side
	for _, y := range []*fine{&k.q[0], &k.q[1], &k.hq[0], &k.hq[1], &k.r1, &k.r2, &k.e[0], &k.e[1], &k.e[2], &x.best, &x.sOpt} {
		*y = y.mul(c)
	}
	if k.crowded {
		for i := range k.near {
			k.near[i] = k.near[i].mul(c)
		}
		for i := range k.rest {
			k.rest[i] = k.rest[i].mul(c)
		}
	}
	return &x
}

// round is k in float64 intervals.
func (k *planarSide[C]) round(r func(C) interval.Interval) (x planarSide[interval.Interval]) {
	for i := range 2 {
		x.q[i], x.hq[i] = r(k.q[i]), r(k.hq[i])
	}
	x.r1, x.r2 = r(k.r1), r(k.r2)
	for i := range 3 {
		x.s[i], x.e[i] = r(k.s[i]), r(k.e[i])
	}
	if x.crowded = k.crowded; x.crowded {
		for i, y := range k.near {
			x.near[i] = r(y)
		}
		for i, y := range k.rest {
			x.rest[i] = r(y)
		}
	}
	return x
}

// congruent is T M Tᵀ of a symmetric M.
func congruent(t [2][2]fine, m [3]fine) (r [3]fine) {
	entry := func(i, j int) fine {
		return t[i][0].mul(m[0]).mul(t[j][0]).
			add(m[1].mul(t[i][0].mul(t[j][1]).add(t[i][1].mul(t[j][0])))).
			add(t[i][1].mul(m[2]).mul(t[j][1]))
	}
	return [3]fine{entry(0, 0), entry(0, 1), entry(1, 1)}
}

func inverse2(x [2][2]fine) (y [2][2]fine, ok bool) {
	det := x[0][0].mul(x[1][1]).sub(x[0][1].mul(x[1][0]))
	if det.sign() == 0 {
		return y, false
	}
	return [2][2]fine{
		{x[1][1].div(det), x[0][1].neg().div(det)},
		{x[1][0].neg().div(det), x[0][0].div(det)},
	}, true
}

func product2(x, y [2][2]fine) (r [2][2]fine) {
	for i := range 2 {
		for j := range 2 {
			r[i][j] = x[i][0].mul(y[0][j]).add(x[i][1].mul(y[1][j]))
		}
	}
	return r
}
