package fleet

import (
	"sync"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
)

// maxPowers is how many powers A^(2^k) a lane may need, which is enough for
// ρ(A) ≤ 1 − 2⁻¹⁸ or so; nearer to 1 the lqr route takes over.
const maxPowers = 24

// An engine is where in a worker's slab everything lies, and the programs that
// run there. It is immutable and shared.
//
// Symbols are those of package lqr; X stands for Σ. What belongs to one gain on
// the path W_0 … W_K lies in a slot.
type engine struct {
	n, r  int
	rule  Rule
	rates []float64
	first bool

	layout       kernel.Layout
	outer, inner data       // inner is outer unless the inner steps see other tasks
	eye          kernel.Mat // I, n×n; set once
	gain         kernel.Mat // W*, r×n
	lStar        kernel.Mat // the Cholesky factor of S*, r×r
	weight       kernel.Mat
	slots        []slot
	adjoints     []kernel.Mat // J_{k+1}ᵀ … J_Kᵀ ∇f(W_K), for each k
	out          kernel.Mat   // 1×(2 + rn): value, gap, gradient
	size         kernel.Mat   // Σ out², for overflow
	direction    kernel.Mat   // the v of a Hessian-vector product
	product      kernel.Mat   // and the product

	// Temporaries.
	t, t2, l       kernel.Mat // n×n; t and t2 are spoilt by the solutions
	d2, d3         kernel.Mat // n×n
	g1, g2, g3, g4 kernel.Mat // r×n
	tangents       []tangent  // along z_k
	sides          []tangent  // along the adjoints
	side           tangent    // along u

	evaluate [2]*kernel.Program // value, gap and gradient; [1] where Σ₀ proves nothing
	hessian  [2]*kernel.Program // the product
	values   [2]*kernel.Program // value and gap alone

	pushOnce sync.Once
	pushes   []*kernel.Program // after any of them: product ← J_k direction
}

// data is one block of tasks: a copy of what the store holds, parts of which are
// the matrices, and what has to be expanded from triangles beside it.
type data struct {
	block           kernel.Mat // 1×(length of a block)
	a, b, q, rr, s0 kernel.Mat
	form            form
	shift           kernel.Mat // r×n, where the form has one
	constant        kernel.Mat // 1×1, likewise
	known           kernel.Mat // 1×3: λ with M ⪰ λ I, ‖A‖_F, ‖B‖_F
	gain, lStar     kernel.Mat
	weight          kernel.Mat
}

// slot is a gain with what lqr.Point holds for it.
type slot struct {
	w, aw     kernel.Mat // the gain in the caller's coordinates
	v0        kernel.Mat // W less the shift: w itself without one
	pow       kernel.Powers
	p, x, ax  kernel.Mat // P, Σ, A_W Σ
	e, s      kernel.Mat
	v         kernel.Mat // solves V = A_W V A_Wᵀ + I, where Σ₀ proves nothing
	inv       kernel.Mat // 1/(1 − A_W²), n = 1
	u, ls, bu kernel.Mat // Gauss–Newton: U, the factor of S, B U
	check     kernel.Mat // 1×4: ‖residual‖², ‖X‖², ‖W‖², the last pivot of X
	known     kernel.Mat // of the data it is evaluated on
}

// tangent is what a point's derivatives along a direction share.
type tangent struct{ dp, dx, bz, de kernel.Mat }

// newEngine prepares for tasks of the form outer, whose inner steps see tasks of
// the form inner; nil: the same tasks.
func newEngine(n, r int, rule Rule, rates []float64, first bool, outer form, inner *form) *engine {
	e := &engine{n: n, r: r, rule: rule, rates: rates, first: first}
	l := &e.layout
	steps := len(rates)
	e.outer = newData(l, n, r, outer)
	e.inner = e.outer
	if inner != nil {
		e.inner = newData(l, n, r, *inner)
	}
	e.gain, e.lStar, e.weight = e.outer.gain, e.outer.lStar, e.outer.weight
	e.eye = l.Mat(n, n)
	e.t, e.t2, e.d2, e.d3, e.l = l.Mat(n, n), l.Mat(n, n), l.Mat(n, n), l.Mat(n, n), l.Mat(n, n)
	e.g1, e.g2, e.g3, e.g4 = l.Mat(r, n), l.Mat(r, n), l.Mat(r, n), l.Mat(r, n)
	e.out, e.size = l.Mat(1, 2+r*n), l.Mat(1, 1)
	e.direction, e.product = l.Mat(r, n), l.Mat(r, n)
	for range steps + 1 {
		e.adjoints = append(e.adjoints, l.Mat(r, n))
	}
	e.side = newTangent(l, n, r)
	for k := range steps + 1 {
		d := e.inner
		if k == steps {
			d = e.outer
		}
		e.slots = append(e.slots, e.newSlot(d))
		e.tangents = append(e.tangents, newTangent(l, n, r))
		e.sides = append(e.sides, newTangent(l, n, r))
	}
	for i := range 2 {
		e.evaluate[i] = e.evaluation(i == 1, true).Done()
		e.values[i] = e.evaluation(i == 1, false).Done()
		e.hessian[i] = e.hessianProduct(i == 1).Done()
	}
	return e
}

func newData(l *kernel.Layout, n, r int, of form) data {
	at := newStore(0, n, r, of)
	block := l.Mat(1, at.stride)
	// A triangle of one number is the matrix.
	expanded := func(at, n int) kernel.Mat {
		if n == 1 {
			return block.Tail(at, 1, 1)
		}
		return l.Mat(n, n)
	}
	d := data{
		block: block, form: of,
		a: block.Tail(at.a, n, n), b: block.Tail(at.b, n, r), q: expanded(at.q, n), rr: expanded(at.rr, r),
		known: block.Tail(at.known, 1, 3), gain: block.Tail(at.gain, r, n), lStar: expanded(at.lStar, r),
		weight: block.Tail(at.weight, 1, 1),
	}
	if of.sigma {
		d.s0 = expanded(at.s0, n)
	} else {
		d.s0 = l.Mat(n, n)
	}
	if of.shift {
		d.shift = block.Tail(at.shift, r, n)
	}
	if of.constant {
		d.constant = block.Tail(at.constant, 1, 1)
	}
	return d
}

func newTangent(l *kernel.Layout, n, r int) tangent {
	return tangent{dp: l.Mat(n, n), dx: l.Mat(n, n), bz: l.Mat(n, n), de: l.Mat(r, n)}
}

func (e *engine) newSlot(d data) slot {
	l, n, r := &e.layout, e.n, e.r
	s := slot{
		w: l.Mat(r, n), p: l.Mat(n, n), x: l.Mat(n, n), ax: l.Mat(n, n), e: l.Mat(r, n), s: l.Mat(r, r),
		v: l.Mat(n, n), inv: l.Mat(1, 1), check: l.Mat(1, 4), known: d.known,
	}
	if e.rule == GaussNewton {
		s.u, s.ls, s.bu = l.Mat(r, n), l.Mat(r, r), l.Mat(n, n)
	}
	powers := maxPowers
	if n == 1 {
		powers = 1
	}
	s.pow = l.Powers(n, powers)
	s.aw = s.pow.First
	if s.v0 = s.w; d.form.shift {
		s.v0 = l.Mat(r, n)
	}
	return s
}

// slab is a new worker's, with what never changes filled in.
func (e *engine) slab() []kernel.Vec {
	// At least 32 KB, and so aligned to cache lines.
	s := make([]kernel.Vec, max(e.layout.Size(), 1024))
	for i := range e.n {
		for l := range kernel.Lanes {
			e.eye.Of(s)[i*e.n+i][l] = 1
			e.outer.s0.Of(s)[i*e.n+i][l] = 1
			e.inner.s0.Of(s)[i*e.n+i][l] = 1
		}
	}
	return s
}

// solve sets x to the solution of X = A_W X A_Wᵀ + x.
func (e *engine) solve(p *kernel.Program, s *slot, x kernel.Mat) {
	if e.n == 1 {
		p.Times(x, x, s.inv)
		return
	}
	p.Double(s.pow, x, e.t)
}

// solveT sets y to the solution of Y = A_Wᵀ Y A_W + y.
func (e *engine) solveT(p *kernel.Program, s *slot, y kernel.Mat) {
	if e.n == 1 {
		p.Times(y, y, s.inv)
		return
	}
	p.DoubleT(s.pow, y, e.t)
}

// solveBoth is solve for x and solveT for y.
func (e *engine) solveBoth(p *kernel.Program, s *slot, x, y kernel.Mat) {
	if e.n == 1 {
		e.solve(p, s, x)
		e.solveT(p, s, y)
		return
	}
	p.DoubleBoth(s.pow, x, e.t, y, e.t2)
}

// powers prepares A_W for solve.
func (e *engine) powers(p *kernel.Program, s *slot) {
	if e.n > 1 {
		p.Powers(s.pow)
		return
	}
	// 1/(1 − a²) from (1 − a)(1 + a), whose reciprocal root is NaN, and so is
	// everything after it, where |a| > 1.
	a, b, c := e.t, e.t2, e.d2
	p.Sub(a, e.eye, s.aw)
	p.Add(b, e.eye, s.aw)
	p.Mul(c, a, b)
	p.Cholesky(a, c, 1)
	p.Mul(s.inv, a, a)
	p.Dot(s.pow.Sum, s.aw, s.aw)
}

// at evaluates the slot's gain: P, Σ, E, S and what tells whether to believe
// them.
func (e *engine) at(p *kernel.Program, s *slot, d *data, witness bool) {
	n := e.n
	p.MulSub(s.aw, d.a, d.b, s.w)
	e.powers(p, s)
	p.Copy(s.x, d.s0)
	if d.form.shift {
		p.Sub(s.v0, s.w, d.shift)
	}
	p.Mul(e.g1, d.rr, s.v0)
	p.SymAdd(s.p, d.q, s.v0.T(), e.g1)
	e.solveBoth(p, s, s.x, s.p)

	// The residual of X against its right-hand side M.
	x, m := s.x, d.s0
	p.Mul(s.ax, s.aw, s.x)
	ax := s.ax
	if witness {
		p.Copy(s.v, e.eye)
		e.solve(p, s, s.v)
		p.Mul(e.t2, s.aw, s.v)
		x, m, ax = s.v, e.eye, e.t2
	}
	p.SymSub(e.t, x, ax, s.aw.T())
	p.Sub(e.t, e.t, m)
	p.Dot(s.check.Entry(0, 0), e.t, e.t)
	p.Dot(s.check.Entry(0, 1), x, x)
	p.Dot(s.check.Entry(0, 2), s.w, s.w)
	p.Cholesky(e.l, x, 1-2*float64(n)*float64(n+4)*dense.Eps)
	p.Copy(s.check.Entry(0, 3), e.l.Entry(n-1, n-1))

	p.Mul(e.g2, d.b.T(), s.p)
	p.SymAdd(s.s, d.rr, e.g2, d.b)
	p.MulSub(s.e, e.g1, e.g2, s.aw)
}

// step sets to to the gain after the step from s with rate η.
func (e *engine) step(p *kernel.Program, to kernel.Mat, s *slot, d *data, η float64) {
	switch e.rule {
	case Gradient:
		p.MulFMA(to, s.w, -2*η, s.e, s.x)
	case Natural:
		p.FMA(to, s.w, -2*η, s.e)
	case GaussNewton:
		p.Cholesky(s.ls, s.s, 1)
		p.Copy(s.u, s.e)
		p.Solve(s.ls, s.u)
		p.FMA(to, s.w, -2*η, s.u)
		p.Mul(s.bu, d.b, s.u)
	}
}

// path evaluates the slots from the gain in the first.
func (e *engine) path(p *kernel.Program, witness bool) {
	for k, η := range e.rates {
		e.at(p, &e.slots[k], &e.inner, witness)
		e.step(p, e.slots[k+1].w, &e.slots[k], &e.inner, η)
	}
	e.at(p, e.last(), &e.outer, witness)
}

func (e *engine) last() *slot { return &e.slots[len(e.rates)] }

// evaluation is the path, its value and gap, and the gradient pulled back.
func (e *engine) evaluation(witness, gradient bool) *kernel.Program {
	p := new(kernel.Program)
	e.path(p, witness)
	s := e.last()
	p.Dot(e.out.Entry(0, 0), s.p, e.outer.s0)
	if e.outer.form.constant {
		p.Add(e.out.Entry(0, 0), e.out.Entry(0, 0), e.outer.constant)
	}
	// tr(Σ (W − W*)ᵀ S* (W − W*)).
	p.Sub(e.g1, s.w, e.gain)
	p.Mul(e.g2, e.lStar.T(), e.g1)
	p.Mul(e.g3, e.g2, s.x)
	p.Dot(e.out.Entry(0, 1), e.g3, e.g2)
	if gradient {
		e.pulled(p)
		p.Copy(e.gradient(), e.adjoint(0))
		p.Dot(e.size, e.out, e.out)
		return p
	}
	p.Dot(e.size, e.out.Tail(0, 1, 2), e.out.Tail(0, 1, 2))
	return p
}

// gradient is the part of out that holds it, as one row.
func (e *engine) gradient() kernel.Mat { return e.out.Tail(2, e.r, e.n) }

// adjoint is J_{k+1}ᵀ … J_Kᵀ ∇f(W_K), with the Jacobians left out of a
// first-order method.
func (e *engine) adjoint(k int) kernel.Mat {
	if e.first {
		k = len(e.rates)
	}
	return e.adjoints[k]
}

// pulled computes the adjoints.
func (e *engine) pulled(p *kernel.Program) {
	s := e.last()
	p.MulScale(e.adjoints[len(e.rates)], 2, s.e, s.x)
	if e.first {
		return
	}
	for k := len(e.rates) - 1; k >= 0; k-- {
		e.pull(p, e.adjoints[k], e.adjoints[k+1], &e.slots[k], &e.inner, e.rates[k], &e.sides[k])
	}
}

// preparePushes makes pushes, which few ask for.
func (e *engine) preparePushes() {
	for k, η := range e.rates {
		p := new(kernel.Program)
		p.Copy(e.product, e.direction)
		e.push(p, e.product, &e.slots[k], &e.inner, η, &e.tangents[k])
		e.pushes = append(e.pushes, p.Done())
	}
}

// hessianProduct is the path and its adjoints again, then
//
//	z_0 = v,   z_{k+1} = J_k z_k,
//	u ← ∇²f(W_K) z_K,   u ← J_kᵀ u + d(J_kᵀ a_{k+1})[z_k],
//
// the result in product.
func (e *engine) hessianProduct(witness bool) *kernel.Program {
	p := new(kernel.Program)
	e.path(p, witness)
	e.pulled(p)
	p.Copy(e.product, e.direction)
	z := e.product // z_k, then u
	if !e.first {
		for k, η := range e.rates {
			t := &e.tangents[k]
			e.push(p, z, &e.slots[k], &e.inner, η, t)
		}
	}
	// ∇²f: u ← 2 (dE Σ + E dΣ).
	s, t := e.last(), &e.tangents[len(e.rates)]
	e.along(p, s, &e.outer, z, t)
	p.MulScale(z, 2, t.de, s.x)
	p.MulFMA(z, z, 2, s.e, t.dx)
	if !e.first {
		for k := len(e.rates) - 1; k >= 0; k-- {
			u := e.g4
			p.Copy(u, z)
			e.pull(p, z, u, &e.slots[k], &e.inner, e.rates[k], &e.side)
			e.pullDerivative(p, z, e.adjoints[k+1], &e.slots[k], &e.inner, e.rates[k], &e.tangents[k], &e.sides[k])
		}
	}
	p.Dot(e.size, e.product, e.product)
	return p
}
