package landscape

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A gainPlant is one linear-quadratic cost of gains of any shape, its parameters
// enclosed, with the discount inside A and B and noise inside Σ₀. The cross term
// stays where it is:
//
//	L = A − B W            P = Q − N W − WᵀNᵀ + WᵀRW + LᵀPL
//	S = R + BᵀPB           E = R W − Nᵀ − BᵀP L
//	Σ = Σ₀ + L Σ Lᵀ        C = tr(P Σ₀) + constant
type gainPlant struct {
	a, b, q, r, n, s0 interval.Matrix
	constant          interval.Interval

	opt, sOpt, sigmaOpt interval.Matrix   // W*, S*, Σ*
	best                interval.Interval // C*
}

// newGainPlant encloses a task and its optimum, which is near a given gain.
func newGainPlant(s lqr.Spec, near []float64) (*gainPlant, error) {
	if s.SampleTime != 0 {
		return nil, errors.New("it has a sample_time, and here landscapes are proved of discrete plants alone: give A, B, Q, N and R of its samples (of two states and one input, with one inner step, it may have one)")
	}
	d, r := s.A.Rows, s.B.Cols
	exact := func(m matrixeq.Matrix) interval.Matrix { return interval.FromFloats(m.Rows, m.Cols, m.Data) }
	p := &gainPlant{a: exact(s.A), b: exact(s.B), q: symmetricPart(s.Q), r: symmetricPart(s.R), n: interval.NewMatrix(d, r)}
	if !s.N.IsZero() {
		p.n = exact(s.N)
	}
	switch {
	case s.AverageCost:
		p.s0 = symmetricPart(s.Noise)
	case !s.Sigma0.IsZero():
		p.s0 = symmetricPart(s.Sigma0)
	case s.X0 != nil:
		x := interval.FromFloats(d, 1, s.X0)
		p.s0 = x.MulNT(x)
	default:
		p.s0 = exact(matrixeq.Identity(d))
	}
	if γ := s.Discount; γ != 0 && γ != 1 {
		g := interval.Of(γ)
		root := g.Sqrt()
		p.a, p.b = p.a.Scale(root), p.b.Scale(root)
		if !s.Noise.IsZero() && !s.AverageCost {
			p.s0 = p.s0.Add(symmetricPart(s.Noise).Scale(g.Div(one.Sub(g))))
		}
	}
	if !p.s0.PositiveDefinite() {
		return nil, fmt.Errorf("its Σ₀ is not shown to be positive definite, and a proof about a landscape needs that")
	}
	if err := p.optimum(near); err != nil {
		return nil, err
	}
	return p, nil
}

// symmetricPart encloses (m + mᵀ)/2.
func symmetricPart(m matrixeq.Matrix) interval.Matrix {
	s := interval.FromFloats(m.Rows, m.Cols, m.Data)
	for i := range m.Rows {
		for j := range i {
			x := half.Mul(s.At(i, j).Add(s.At(j, i)))
			s.Set(i, j, x)
			s.Set(j, i, x)
		}
	}
	return s
}

// optimum encloses W*, S* and C*. W* is the one stabilising gain with E = 0, for
// E = 0 says that P solves the Riccati equation. Krawczyk's operator of
// S̃⁻¹E, in a box around a gain Ŵ,
//
//	Ŵ − S̃⁻¹E(Ŵ) + (I − S̃⁻¹E′(box))(box − Ŵ),
//
// lies in the box: there is such a gain, and in what the operator leaves. With
// S* ≻ 0 it is the best one of all that stabilise.
func (p *gainPlant) optimum(near []float64) error {
	r, d := p.r.Rows, p.a.Rows
	unknown := fmt.Errorf("its optimum cannot be enclosed: it is too near a task that has none, or its numbers are too large or too small for intervals")
	w := interval.FromFloats(r, d, near)
	center, ok := p.at(gainSpaceOf(r*d, 0), gainJet{w}, []interval.Matrix{w}, nil, false, 0)
	if !ok {
		return unknown
	}
	inverse, ok := inverseOf(center.s[0])
	if !ok {
		return unknown
	}
	c := interval.FromFloats(r, r, inverse)
	move := c.Mul(center.e[0])
	space := gainSpaceOf(r*d, 1)
	for grow := 4.0; grow < 1e6; grow *= 16 {
		box := interval.NewMatrix(r, d)
		off := interval.NewMatrix(r, d)
		for k, x := range w.Data {
			reach := grow*move.Data[k].Mag() + grow*0x1p-52*x.Mag() + 0x1p-1000
			off.Data[k] = interval.New(-reach, reach)
			box.Data[k] = x.Add(off.Data[k])
		}
		over, ok := p.at(space, space.identity(box), []interval.Matrix{box}, center, false, 1)
		if !ok {
			break
		}
		image := w.Sub(move)
		for v := range r * d {
			column := c.Mul(over.e[1+v])
			for k := range image.Data {
				g := column.Data[k].Neg()
				if k == v {
					g = one.Add(g)
				}
				image.Data[k] = image.Data[k].Add(g.Mul(off.Data[v]))
			}
		}
		if !interval.Box(image.Data).Interior(box.Data) {
			continue
		}
		at, ok := p.at(gainSpaceOf(r*d, 0), gainJet{image}, []interval.Matrix{image}, center, false, 0)
		if !ok || !at.s[0].PositiveDefinite() {
			break
		}
		p.opt, p.sOpt, p.sigmaOpt = image, at.s[0], at.sigma[0]
		p.best = interval.Dot(at.p[0].Data, p.s0.Data).Add(p.constant)
		if !p.best.IsBounded() {
			break
		}
		return nil
	}
	return unknown
}

// identity is the jet of the box itself: W₀ = box, W_v = e_v.
func (s *gainSpace) identity(box interval.Matrix) gainJet {
	w := make(gainJet, len(s.alpha))
	w[0] = box
	if s.order > 0 {
		for v := range s.vars {
			w[1+v] = interval.NewMatrix(box.Rows, box.Cols)
			w[1+v].Data[v] = one
		}
	}
	return w
}

// A gainAt is a plant at the gains of a jet W: E, S, P and Σ as jets.
type gainAt struct {
	w, loop    gainJet
	p, e, s    gainJet
	sigma      gainJet
	v          gainJet // of P: P_α = L₀ᵀP_αL₀ + V_α for |α| > 0
	dualUnits  []float64
	primeUnits []float64
}

// at evaluates the plant at the gains of w, all of which it proves to stabilise
// it; corners are gains as [contract] wants loops. P, E and S are found to a
// given order; V to the order of the space; Σ to the same, if its derivatives are
// wanted, else Σ₀.
//
// With W = W₀ + Z, of which Z₀ = 0,
//
//	P = P₀ + Π,   Π = LᵀΠL + ZᵀE₀ + E₀ᵀZ + ZᵀS₀Z
//	E = E₀ + S₀Z − BᵀΠL,   S = S₀ + BᵀΠB.
//
// The same, between the gain of a center and those of a box, gives P₀, E₀ and S₀
// over the box without the cancellation of Q + WᵀRW − …: near the optimum E is
// small. Of Σ alike, with Δ = W − W_c,
//
//	Σ − Σ_c = L(Σ − Σ_c)Lᵀ − BΔΣ_cL_cᵀ − L_cΣ_cΔᵀBᵀ + BΔΣ_cΔᵀBᵀ.
func (p *gainPlant) at(s *gainSpace, w gainJet, corners []interval.Matrix, center *gainAt, derivatives bool, order int) (*gainAt, bool) {
	x := &gainAt{w: w, loop: w.each(func(m interval.Matrix) interval.Matrix { return p.b.Mul(m).Scale(interval.Of(-1)) })}
	x.loop[0] = p.a.Add(x.loop[0])
	if !boundedMatrix(x.loop[0]) {
		return nil, false
	}
	if center != nil {
		x.dualUnits, x.primeUnits = center.dualUnits, center.primeUnits
	} else if !p.measure(x) {
		return nil, false
	}
	loops, adjoint := make([]interval.Matrix, len(corners)), make([]interval.Matrix, len(corners))
	for i, c := range corners {
		loops[i] = p.a.Sub(p.b.Mul(c))
		adjoint[i] = loops[i].T()
	}
	dual, ok := contract(loops, x.loop[0], x.dualUnits)
	if !ok {
		return nil, false
	}
	prime, ok := contract(adjoint, x.loop[0].T(), x.primeUnits)
	if !ok {
		return nil, false
	}

	var p0, e0, s0, sigma0 interval.Matrix
	if center == nil {
		nw, rw := p.n.Mul(w[0]), p.r.Mul(w[0])
		if p0, ok = dual.enclose(p.q.Sub(nw).Sub(nw.T()).Add(w[0].MulTN(rw)).Symmetrize()); !ok {
			return nil, false
		}
		bp := p.b.MulTN(p0)
		e0 = rw.Sub(p.n.T()).Sub(bp.Mul(x.loop[0]))
		s0 = p.r.Add(bp.Mul(p.b)).Symmetrize()
		if sigma0, ok = prime.enclose(p.s0); !ok {
			return nil, false
		}
	} else {
		Δ := w[0].Sub(center.w[0])
		ze := Δ.MulTN(center.e[0])
		sz := center.s[0].Mul(Δ)
		Π, ok := dual.enclose(ze.Add(ze.T()).Add(Δ.MulTN(sz)).Symmetrize())
		if !ok {
			return nil, false
		}
		bp := p.b.MulTN(Π)
		p0 = center.p[0].Add(Π)
		e0 = center.e[0].Add(sz).Sub(bp.Mul(x.loop[0]))
		s0 = center.s[0].Add(bp.Mul(p.b)).Symmetrize()
		bz := p.b.Mul(Δ)
		cross := bz.Mul(center.sigma[0]).MulNT(center.loop[0])
		Ξ, ok := prime.enclose(bz.Mul(center.sigma[0]).MulNT(bz).Sub(cross).Sub(cross.T()).Symmetrize())
		if !ok {
			return nil, false
		}
		sigma0 = center.sigma[0].Add(Ξ)
	}

	z := w.moving()
	sz := z.each(s0.Mul)
	load := z.each(func(m interval.Matrix) interval.Matrix { y := m.MulTN(e0); return y.Add(y.T()) }).plus(s.product(z, sz, jetMulTN))
	Π, v, yl, ok := dual.jets(s, x.loop, interval.Matrix{}, load, order)
	if !ok {
		return nil, false
	}
	x.v = v
	x.p = Π.moving()
	x.p[0] = p0
	bΠ := Π.each(func(m interval.Matrix) interval.Matrix { return p.b.MulTN(m) })
	x.s = bΠ.each(func(m interval.Matrix) interval.Matrix { return m.Mul(p.b).Symmetrize() })
	x.s[0] = s0
	x.e = sz.plus(yl.each(func(m interval.Matrix) interval.Matrix { return p.b.MulTN(m).Scale(interval.Of(-1)) }))
	x.e[0] = e0
	x.sigma = make(gainJet, len(s.alpha))
	x.sigma[0] = sigma0
	if derivatives {
		adj := x.loop.each(interval.Matrix.T)
		if x.sigma, _, _, ok = prime.jets(s, adj, sigma0, make(gainJet, len(s.alpha)), s.order); !ok {
			return nil, false
		}
	}
	return x, true
}

// narrow cuts x down by the mean value theorem; see [gainSpace.narrow]. It has been
// found with the same arguments.
func (x *gainAt) narrow(s *gainSpace, center *gainAt, off []interval.Interval, derivatives bool, order int) bool {
	ok := s.narrow(x.p, center.p, off, order) && s.narrow(x.e, center.e, off, order) && s.narrow(x.s, center.s, off, order)
	if ok && derivatives {
		ok = s.narrow(x.sigma, center.sigma, off, s.order)
	}
	return ok
}

// measure finds the units of the states at a gain, in which its P and Σ have
// diagonals of ones.
func (p *gainPlant) measure(x *gainAt) bool {
	n := p.a.Rows
	op, err := matrixeq.Prepare(matrixeq.Matrix{Rows: n, Cols: n, Data: x.loop[0].Mid()})
	if err != nil {
		return false
	}
	units := func(m []float64) []float64 {
		u, top := make([]float64, n), 0.0
		for i := range u {
			u[i] = math.Sqrt(math.Abs(m[i*n+i]))
			top = max(top, u[i])
		}
		if !(top > 0) {
			top = 1
		}
		for i := range u {
			if !(u[i] > 0x1p-40*top) {
				u[i] = top
			}
		}
		return u
	}
	y := make([]float64, n*n)
	nw := p.n.Mul(x.w[0])
	op.SolveT(y, p.q.Sub(nw).Sub(nw.T()).Add(x.w[0].MulTN(p.r.Mul(x.w[0]))).Mid())
	x.dualUnits = units(y)
	op.Solve(y, p.s0.Mid())
	x.primeUnits = units(y)
	return true
}

// jets solves X = LᵀXL + M for the coefficients of X up to an order, with X₀
// given (without rows: zero). v has what X_α = L₀ᵀX_αL₀ + V_α is solved with, to
// the order of the space, and xl the product XL.
func (c *contraction) jets(s *gainSpace, l gainJet, x0 interval.Matrix, m gainJet, order int) (x, v, xl gainJet, ok bool) {
	x, v, xl = make(gainJet, len(s.alpha)), make(gainJet, len(s.alpha)), make(gainJet, len(s.alpha))
	x[0] = x0
	if x0.Rows > 0 {
		xl[0] = x0.Mul(l[0])
	}
	for k := 1; k < len(x); k++ {
		xl[k] = s.coefficient(k, x, l, jetMul, func(i, _ int) bool { return i == k })
		v[k] = accumulate(m[k], s.coefficient(k, l, xl, jetMulTN, nil))
		if v[k].Rows == 0 || len(s.alpha[k]) > order {
			continue
		}
		v[k] = v[k].Symmetrize()
		if x[k], ok = c.enclose(v[k]); !ok {
			return nil, nil, nil, false
		}
		xl[k] = accumulate(xl[k], x[k].Mul(l[0]))
	}
	return x, v, xl, true
}

// inverseOf is about the inverse of the middle of s.
func inverseOf(s interval.Matrix) ([]float64, bool) {
	n := s.Rows
	lu, inv, piv := s.Mid(), make([]float64, n*n), make([]int, n)
	dense.Identity(inv, n)
	if !dense.LU(lu, piv, n) {
		return nil, false
	}
	dense.LUSolve(lu, piv, inv, n, n)
	return inv, dense.Finite(inv)
}

// A linearSystem encloses S⁻¹b for every S of an interval matrix: with C ≈ S⁻¹ and
// G = I − CS, x = Cb + Gx, so that ‖x‖_∞ ≤ ‖Cb‖_∞/(1 − ‖G‖_∞), and again
// x ∈ Cb + G[−‖x‖, ‖x‖].
type linearSystem struct {
	c, g interval.Matrix
	norm float64 // of G
}

func newLinearSystem(s interval.Matrix) (*linearSystem, bool) {
	if !boundedMatrix(s) {
		return nil, false
	}
	inverse, ok := inverseOf(s)
	if !ok {
		return nil, false
	}
	n := s.Rows
	l := &linearSystem{c: interval.FromFloats(n, n, inverse)}
	l.g = interval.FromFloats(n, n, matrixeq.Identity(n).Data).Sub(l.c.Mul(s))
	l.norm = l.g.NormInf()
	return l, l.norm < 1
}

func (l *linearSystem) solve(b interval.Matrix) interval.Matrix {
	y := l.c.Mul(b)
	x := interval.NewMatrix(y.Rows, y.Cols)
	for j := range y.Cols {
		size := 0.0
		for i := range y.Rows {
			size = max(size, y.At(i, j).Mag())
		}
		size = interval.DivUp(size, interval.SubDown(1, l.norm))
		if math.IsInf(size, 1) {
			x.Set(0, j, interval.Entire())
			continue
		}
		for i := range y.Rows {
			x.Set(i, j, interval.New(-size, size))
		}
	}
	for range 3 {
		x = y.Add(l.g.Mul(x))
	}
	return x
}
