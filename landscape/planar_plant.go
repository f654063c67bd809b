package landscape

import (
	"fmt"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A planarPlant is one linear-quadratic cost with two states and one input, in
// the coordinates of its closed loop's characteristic polynomial
// λ² − τλ + δ: with γ the discount, Ã = √γ A and b = √γ B,
//
//	τ = tr Ã − Wb          u = 1 − δ
//	δ = det Ã − W adj(Ã)b  v = 1 − τ + δ
//	                       z = 1 + τ + δ
//
// which are affine in W, one to one where (A, B) is controllable. W stabilises
// where u, v and z are positive: a triangle. It has the corners (τ, δ) = (2, 1),
// (−2, 1) and (0, −1), and u = 0 for a pair of eigenvalues on the unit circle,
// v = 0 for one at 1, z = 0 for one at −1.
//
// With T the change of state coordinates for which T b = e₁ and the closed loop
// is [τ −δ; 1 0], the state is (y₀, y₋): what the signal y is and was. The input
// is y₊ − τ₀y₀ + δ₀y₋, of the plant's own τ₀, δ₀, so that a step costs a quadratic
// form G of (y₊, y₀, y₋) that does not depend on the gain. Let S = TΣ₀Tᵀ and
//
//	ρ₀ = tr G,  ρ₁ = g₀₁ + g₁₂,  ρ₂ = g₀₂,   q± = ρ₀ ± 2ρ₁ + 2ρ₂ = 1ᵀG1, (1,−1,1)G(1,−1,1)ᵀ,
//	a∓ = s₁₁ ∓ 2s₁₂δ + s₂₂δ²,  U = 1/u,  V = 1/v,  Z = 1/z.
//
// The Lyapunov equation solved in closed form then gives the cost as separate
// poles,
//
//	C = ½q₊a₋UV + ½q₋a₊UZ + (e₀ + e₁τ)U + e₂,
//	e₀ = 2ρ₁s₁₂ − 2ρ₂(s₁₁ + s₂₂),  e₁ = 2ρ₂s₁₂,  e₂ = (2ρ₂ + g₂₂)s₂₂ − g₀₀s₁₁ − 2g₀₁s₁₂,
//
// and, since C is linear in S, P in these coordinates, and with it
//
//	ŝ = R + BᵀPB = ½q₊UV + ½q₋UZ − 2ρ₂U
//	π = ½δ(q₋UZ − q₊UV) + (ρ₁ + ρ₂τ)U
//	E T⁻¹ = −(τŝ + π, ρ₂ − δŝ).
//
// At the optimum E = 0, and ŝ|1 − τλ + δλ²|² is G's spectrum (the return
// difference), at λ = ±1 too: ŝv² = q₊, ŝz² = q₋ and δ = ρ₂/ŝ, so that √ŝ is the
// larger root of 2t² − (√q₊ + √q₋)t + 2ρ₂ = 0.
type planarPlant struct {
	chart planarChart
	s     [3]interval.Interval // s₁₁, s₁₂, s₂₂
	g00   interval.Interval
	q     [2]interval.Interval // q₊, q₋
	ρ     [3]interval.Interval
	e     [3]interval.Interval
	α, β  [2]interval.Interval // a∓ U = αU + β + s₂₂u
	opt   [2]interval.Interval // τ*, δ*
	sOpt  interval.Interval    // ŝ at the optimum
	σ     [3]interval.Interval // Σ at the optimum, in T's coordinates: σ₁₁, σ₁₂, σ₂₂
	best  interval.Interval    // C*
	crowd *planarCrowd         // nil unless its poles crowd at 1
}

// A planarChart maps gains to (τ, δ): p = from + L W.
type planarChart struct {
	from [2]interval.Interval
	l    [2][2]interval.Interval
	inv  [2][2]interval.Interval // L⁻¹
}

// at is (τ, δ) at a gain.
func (c *planarChart) at(w [2]interval.Interval) (p [2]interval.Interval) {
	for i := range p {
		p[i] = interval.Sum([]interval.Interval{c.from[i], c.l[i][0].Mul(w[0]), c.l[i][1].Mul(w[1])})
	}
	return p
}

// gain is W at (τ, δ).
func (c *planarChart) gain(p [2]interval.Interval) (w [2]interval.Interval) {
	x, y := p[0].Sub(c.from[0]), p[1].Sub(c.from[1])
	for i := range w {
		w[i] = c.inv[i][0].Mul(x).Add(c.inv[i][1].Mul(y))
	}
	return w
}

// planarSpec encloses a task's cost.
func planarSpec(s lqr.Spec) (*planarPlant, error) {
	entries := func(m matrixeq.Matrix, n int) []interval.Interval {
		x := make([]interval.Interval, n)
		for i := range x {
			if !m.IsZero() {
				x[i] = interval.Of(m.Data[i])
			}
		}
		return x
	}
	symmetric := func(m matrixeq.Matrix) [3]interval.Interval {
		x := entries(m, 4)
		return [3]interval.Interval{x[0], half.Mul(x[1].Add(x[2])), x[3]}
	}
	task := planarWeighing{
		a: [4]interval.Interval(entries(s.A, 4)), b: [2]interval.Interval(entries(s.B, 2)),
		q: symmetric(s.Q), n: [2]interval.Interval(entries(s.N, 2)), r: interval.Of(s.R.Data[0]),
		noise: symmetric(s.Noise),
	}
	if s.SampleTime != 0 {
		if err := task.sample(s.SampleTime, heldTerms); err != nil {
			return nil, err
		}
	}
	given := task
	a, b, noise := task.a, task.b, task.noise
	γ := one
	if s.Discount != 0 && s.Discount != 1 {
		γ = interval.Of(s.Discount)
		root := γ.Sqrt()
		for i := range a {
			a[i] = a[i].Mul(root)
		}
		for i := range b {
			b[i] = b[i].Mul(root)
		}
	}
	sigma := [3]interval.Interval{one, zero, one}
	switch {
	case s.AverageCost:
		sigma = noise
	case !s.Sigma0.IsZero():
		sigma = symmetric(s.Sigma0)
	case s.X0 != nil:
		x, y := interval.Of(s.X0[0]), interval.Of(s.X0[1])
		sigma = [3]interval.Interval{x.Sqr(), x.Mul(y), y.Sqr()}
	}
	start, shared := sigma, !s.AverageCost && !s.Noise.IsZero()
	if shared {
		share := γ.Div(one.Sub(γ))
		for i := range sigma {
			sigma[i] = sigma[i].Add(share.Mul(noise[i]))
		}
		task.between = task.between.Div(one.Sub(γ))
	}
	if det := sigma[0].Mul(sigma[2]).Sub(sigma[1].Sqr()); !det.Positive() || !sigma[0].Positive() {
		return nil, fmt.Errorf("its Σ₀ is not shown to be positive definite (its determinant is in [%v, %v]), and a proof about a landscape needs that", det.Lo(), det.Hi())
	}
	p := &planarPlant{}
	// [b, Ãb] has the determinant c.
	ab := [2]interval.Interval{a[0].Mul(b[0]).Add(a[1].Mul(b[1])), a[2].Mul(b[0]).Add(a[3].Mul(b[1]))}
	c := b[0].Mul(ab[1]).Sub(b[1].Mul(ab[0]))
	if c.Contains(0) {
		return nil, fmt.Errorf("(A, B) is not shown to be controllable (det [B, AB] is in [%v, %v]), so that its stabilising gains are not known to be bounded", c.Lo(), c.Hi())
	}
	τ0 := a[0].Add(a[3])
	δ0 := a[0].Mul(a[3]).Sub(a[1].Mul(a[2]))
	p.chart.from = [2]interval.Interval{τ0, δ0}
	p.chart.l = [2][2]interval.Interval{
		{b[0].Neg(), b[1].Neg()},
		{a[1].Mul(b[1]).Sub(a[3].Mul(b[0])), a[2].Mul(b[0]).Sub(a[0].Mul(b[1]))},
	}
	l := &p.chart.l
	det := l[0][0].Mul(l[1][1]).Sub(l[0][1].Mul(l[1][0]))
	if det.Contains(0) {
		return nil, fmt.Errorf("(A, B) is not shown to be controllable")
	}
	p.chart.inv = [2][2]interval.Interval{
		{l[1][1].Div(det), l[0][1].Neg().Div(det)},
		{l[1][0].Neg().Div(det), l[0][0].Div(det)},
	}
	// T has the rows t₂Ã and t₂ = (−b₂, b₁)/c.
	t2 := [2]interval.Interval{b[1].Neg().Div(c), b[0].Div(c)}
	t1 := [2]interval.Interval{t2[0].Mul(a[0]).Add(t2[1].Mul(a[2])), t2[0].Mul(a[1]).Add(t2[1].Mul(a[3]))}
	form := func(x, y [2]interval.Interval) interval.Interval {
		return x[0].Mul(y[0]).Mul(sigma[0]).Add(x[0].Mul(y[1]).Add(x[1].Mul(y[0])).Mul(sigma[1])).Add(x[1].Mul(y[1]).Mul(sigma[2]))
	}
	p.s = [3]interval.Interval{form(t1, t1), form(t1, t2), form(t2, t2)}
	// (y₊, y₀, y₋) give the state by T⁻¹ = [b, Ãb − τ₀b], and the input.
	q, n, r := task.q, task.n, task.r
	columns := [3][3]interval.Interval{
		{zero, zero, one},
		{b[0], b[1], τ0.Neg()},
		{ab[0].Sub(τ0.Mul(b[0])), ab[1].Sub(τ0.Mul(b[1])), δ0},
	}
	cost := func(x, y [3]interval.Interval) interval.Interval {
		return interval.Sum([]interval.Interval{
			q[0].Mul(x[0]).Mul(y[0]), q[1].Mul(x[0].Mul(y[1]).Add(x[1].Mul(y[0]))), q[2].Mul(x[1]).Mul(y[1]),
			x[0].Mul(n[0]).Add(x[1].Mul(n[1])).Mul(y[2]), y[0].Mul(n[0]).Add(y[1].Mul(n[1])).Mul(x[2]),
			r.Mul(x[2]).Mul(y[2]),
		})
	}
	var g [3][3]interval.Interval
	for i := range g {
		for j := range g {
			g[i][j] = cost(columns[i], columns[j])
		}
	}
	p.g00 = g[0][0]
	p.ρ = [3]interval.Interval{g[0][0].Add(g[1][1]).Add(g[2][2]), g[0][1].Add(g[1][2]), g[0][2]}
	var even, odd [3]interval.Interval
	for i := range even {
		even[i] = columns[0][i].Add(columns[2][i]).Add(columns[1][i])
		odd[i] = columns[0][i].Add(columns[2][i]).Sub(columns[1][i])
	}
	p.q = [2]interval.Interval{cost(even, even), cost(odd, odd)}
	p.e = [3]interval.Interval{
		two.Mul(p.ρ[1].Mul(p.s[1]).Sub(p.ρ[2].Mul(p.s[0].Add(p.s[2])))),
		two.Mul(p.ρ[2]).Mul(p.s[1]),
		two.Mul(p.ρ[2]).Add(g[2][2]).Mul(p.s[2]).Sub(p.g00.Mul(p.s[0])).Sub(two.Mul(g[0][1]).Mul(p.s[1])).Add(task.between),
	}
	p.α = [2]interval.Interval{p.s[0].Sub(two.Mul(p.s[1])).Add(p.s[2]), p.s[0].Add(two.Mul(p.s[1])).Add(p.s[2])}
	p.β = [2]interval.Interval{two.Mul(p.s[1].Sub(p.s[2])), two.Mul(p.s[1].Add(p.s[2])).Neg()}
	if !p.complete() {
		return nil, fmt.Errorf("its optimum cannot be enclosed: it is too near a task that has none, or its numbers are too large or too small for intervals")
	}
	// Cancellation to less than a thousandth at the optimum.
	u := one.Sub(p.opt[1])
	if v := one.Sub(p.opt[0]).Add(p.opt[1]); v.Hi() < 1 && u.Hi() < 1 && p.e[0].Div(u).Mag() > crowding*p.best.Mag() {
		given.between = task.between
		if c, ok := given.crowded(s, start, shared); ok {
			p.crowd = &c
			if x, ok := p.cost(p.opt[0], p.opt[1], u, one.Sub(p.opt[0]).Add(p.opt[1]), one.Add(p.opt[0]).Add(p.opt[1])); ok {
				p.best = x.Intersect(p.best)
			}
		}
	}
	return p, nil
}

// crowding is how many times larger than C* terms may be that cancel, before the
// form of [planarCrowd] is used.
const crowding = 1000

// complete fills in the optimum, and reports whether there is one that intervals
// can show.
func (p *planarPlant) complete() bool {
	if !p.q[0].Positive() || !p.q[1].Positive() {
		return false
	}
	κ := p.q[0].Sqrt().Add(p.q[1].Sqrt())
	disc := κ.Sqr().Sub(interval.Of(16).Mul(p.ρ[2]))
	if !disc.Positive() {
		return false
	}
	t := κ.Add(disc.Sqrt()).Mul(interval.Of(0.25))
	p.sOpt = t.Sqr()
	δ := p.ρ[2].Div(p.sOpt)
	v, z := p.q[0].Sqrt().Div(t), p.q[1].Sqrt().Div(t)
	τ := half.Mul(z.Sub(v))
	p.opt = [2]interval.Interval{τ, δ}
	u := one.Sub(δ)
	if !u.Positive() || !v.Positive() || !z.Positive() || !p.sOpt.Positive() {
		return false
	}
	c, ok := p.cost(τ, δ, u, v, z)
	if !ok || !c.IsBounded() {
		return false
	}
	p.best = c
	aV := p.α[0].Div(u).Add(p.β[0]).Add(p.s[2].Mul(u)).Div(v)
	aZ := p.α[1].Div(u).Add(p.β[1]).Add(p.s[2].Mul(u)).Div(z)
	p.σ[0] = half.Mul(aV.Add(aZ))
	p.σ[1] = half.Mul(aV.Sub(aZ)).Add(p.s[1].Div(u))
	p.σ[2] = p.σ[0].Add(p.s[2])
	return p.σ[0].IsBounded() && p.σ[1].IsBounded()
}

// cost encloses C over the gains of a box that stabilise, given enclosures of
// τ, δ, u, v and z of which those ends may be beyond the border of stability. It
// reports false where no gain of the box stabilises. The poles are bounded apart:
//
//	C − e₂ = U K,   K = ½q₊a₋V + ½q₋a₊Z + e₀ + e₁τ.
func (p *planarPlant) cost(τ, δ, u, v, z interval.Interval) (interval.Interval, bool) {
	u, v, z = u.Intersect(toTwo), v.Intersect(toFour), z.Intersect(toFour)
	τ, δ = τ.Intersect(traces), δ.Intersect(determinants)
	for _, x := range []interval.Interval{τ, δ, u, v, z} {
		if !(x.Hi() >= x.Lo()) {
			return interval.Empty(), false
		}
	}
	if u.Hi() == 0 || v.Hi() == 0 || z.Hi() == 0 {
		return interval.Empty(), false
	}
	a := func(sign float64) interval.Interval {
		// s₂₂(δ ∓ s₁₂/s₂₂)² + det S/s₂₂
		m := p.s[1].Div(p.s[2]).Scale(sign)
		return p.s[2].Mul(δ.Sub(m).Sqr()).Add(p.s[0].Sub(p.s[1].Sqr().Div(p.s[2])))
	}
	if p.crowd != nil {
		f := &p.crowd.c
		n := f[0].Add(u.Mul(f[1].Add(f[2].Mul(u)).Add(f[4].Mul(v)))).Add(v.Mul(f[3].Add(f[5].Mul(v))))
		c := half.Mul(p.q[0]).Mul(a(1)).Div(v).Add(n.Div(z)).Div(u)
		return c.Intersect(interval.New(p.best.Lo(), infinity)), true
	}
	k := half.Mul(p.q[0]).Mul(a(1)).Div(v).Add(half.Mul(p.q[1]).Mul(a(-1)).Div(z)).Add(p.e[0]).Add(p.e[1].Mul(τ))
	c := k.Div(u).Add(p.e[2])
	if p.best != (interval.Interval{}) {
		c = c.Intersect(interval.New(p.best.Lo(), infinity))
	}
	return c, true
}

var (
	toTwo        = interval.New(0, 2)
	toFour       = interval.New(0, 4)
	traces       = interval.New(-2, 2)
	determinants = interval.New(-1, 1)
)

// scaled is the plant with its cost multiplied by x > 0.
func (p *planarPlant) scaled(x interval.Interval) (*planarPlant, bool) {
	o := *p
	o.g00 = x.Mul(p.g00)
	for i := range p.q {
		o.q[i] = x.Mul(p.q[i])
	}
	for i := range p.ρ {
		o.ρ[i], o.e[i] = x.Mul(p.ρ[i]), x.Mul(p.e[i])
	}
	o.best = interval.Interval{}
	if p.crowd != nil {
		c := *p.crowd
		for i := range c.f {
			c.f[i] = x.Mul(c.f[i])
		}
		for i := range c.c {
			c.c[i] = x.Mul(c.c[i])
		}
		o.crowd = &c
	}
	return &o, o.complete()
}
