package lqr

import (
	"fmt"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// HorizonNatural is the natural-gradient inner rule on a gain for each time,
//
//	F(W)ₜ = Wₜ − 2η Eₜ.
//
// Its Jacobian and the transpose, with sym(X) = (X + Xᵀ)/2 and Y₀ = 0:
//
//	(J Z)ₜ  = Zₜ − 2η dEₜ[Z]
//	(Jᵀ v)ₜ = vₜ − 2η (Sₜ vₜ − 2 Eₜ Yₜ),   Yₜ₊₁ = sym((Fₜ Yₜ + Bₜ vₜ) Fₜᵀ)
//
// It does not depend on Σ₀. Where times share a gain ([Tied]) there is no such
// rule: the sum of the Eₜ is no natural gradient.
type HorizonNatural struct {
	Task *Horizon
	Rate float64 // η
}

// At evaluates the rule; see [Horizon.Evaluate] for the errors. Push and Pull
// cost one sweep each, PullDeriv two.
func (rule HorizonNatural) At(x []float64) (objective.Step, error) {
	p, err := rule.Task.Evaluate(x)
	if err != nil {
		return nil, err
	}
	to := make([]float64, len(x))
	for i, e := range p.eAll {
		to[i] = x[i] - 2*rule.Rate*e
	}
	return &horizonNaturalStep{p: p, η: rule.Rate, to: to}, nil
}

type horizonNaturalStep struct {
	p  *HorizonPoint
	η  float64
	to []float64
}

func (s *horizonNaturalStep) To() []float64 { return s.to }

func (s *horizonNaturalStep) Push(dst, z []float64) {
	p := s.p
	f := p.h.std
	rn := f.r * f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	clear(ws.m1)
	for t := f.T - 1; t >= 0; t-- {
		zt, out := part(z, t, rn), part(dst, t, rn)
		p.back(t, ws.m1, ws.g1, ws.g2, zt, ws.m2, ws.m3)
		for i, de := range ws.g1 {
			out[i] = zt[i] - 2*s.η*de
		}
	}
}

func (s *horizonNaturalStep) Pull(dst, v []float64) {
	p := s.p
	f := p.h.std
	n, r, rn := f.n, f.r, f.r*f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	y := ws.m1
	clear(y)
	for t := range f.T {
		vt, out := part(v, t, rn), part(dst, t, rn)
		dense.Mul(ws.g1, p.s(t), vt, r, r, n)
		dense.Mul(ws.g2, p.e(t), y, r, n, n)
		for i := range out {
			out[i] = vt[i] - 2*s.η*(ws.g1[i]-2*ws.g2[i])
		}
		s.carry(t, y, vt, ws.m2, ws.m3)
	}
}

// carry takes y from Yₜ to Yₜ₊₁ and sets l ← Fₜ Yₜ + Bₜ vₜ; m is a temporary.
func (s *horizonNaturalStep) carry(t int, y, v, l, m []float64) {
	f := s.p.h.std
	n, r := f.n, f.r
	dense.Mul(l, s.p.loop(t), y, n, n, n)
	dense.Mul(m, f.b[t], v, n, r, n)
	dense.Add(l, l, m)
	dense.MulNT(y, l, s.p.loop(t), n, n, n)
	dense.Symmetrize(y, n)
}

// PullDeriv sets dst ← D[Z, v], at every time
// −2η (Bᵀ dP′ B v − 2 dE Y − 2 E dY), with L = F Y + B v, dY₀ = 0 and
// dY′ = sym((F dY − B Z Y) Fᵀ − L ZᵀBᵀ), a prime meaning t+1.
func (s *horizonNaturalStep) PullDeriv(dst, z, v []float64) {
	p := s.p
	f := p.h.std
	n, r, rn := f.n, f.r, f.r*f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	dp, l, m, y, dy, bz := ws.m1, ws.m2, ws.m3, ws.m4, ws.m5, ws.m6
	clear(dp)
	for t := f.T - 1; t >= 0; t-- {
		p.squeeze(part(dst, t, rn), dp, f.b[t], part(v, t, rn), ws.g1, ws.u1)
		p.back(t, dp, part(ws.all1, t, rn), ws.g2, part(z, t, rn), l, m)
	}
	clear(y)
	clear(dy)
	for t := range f.T {
		zt, out := part(z, t, rn), part(dst, t, rn)
		dense.Mul(ws.g1, part(ws.all1, t, rn), y, r, n, n)
		dense.Mul(ws.g2, p.e(t), dy, r, n, n)
		for i := range out {
			out[i] = -2 * s.η * (out[i] - 2*ws.g1[i] - 2*ws.g2[i])
		}
		dense.Mul(bz, f.b[t], zt, n, r, n)
		dense.Mul(dp, p.loop(t), dy, n, n, n)
		dense.Mul(m, bz, y, n, n, n)
		dense.Sub(dp, dp, m) // F dY − B Z Y
		dense.MulNT(dy, dp, p.loop(t), n, n, n)
		s.carry(t, y, part(v, t, rn), l, m)
		dense.MulNT(m, l, bz, n, n, n)
		dense.Sub(dy, dy, m)
		dense.Symmetrize(dy, n)
	}
}

// HorizonGaussNewton is the Gauss–Newton inner rule on a gain for each time,
//
//	F(W)ₜ = Wₜ − 2η Uₜ,   Uₜ = Sₜ⁻¹Eₜ.
//
// With η = ½ it is policy iteration, which is exact after T steps: each makes
// one more gain, from the last, that of the Riccati recursion. Multiplying the
// cost by a constant changes nothing. With sym(X) = (X + Xᵀ)/2 and Y₀ = 0:
//
//	(J Z)ₜ  = Zₜ − 2η dUₜ,   dUₜ = Sₜ⁻¹ (dEₜ − Bₜᵀ dPₜ₊₁ Bₜ Uₜ)
//	(Jᵀ v)ₜ = (1−2η) vₜ + 4η Eₜ Yₜ,   gₜ = Sₜ⁻¹vₜ
//	Yₜ₊₁    = sym(Fₜ Yₜ Fₜᵀ + Bₜ gₜ (Fₜ + Bₜ Uₜ)ᵀ)
type HorizonGaussNewton struct {
	Task *Horizon
	Rate float64 // η
}

// At evaluates the rule; see [Horizon.Evaluate] for the errors. An
// [*OverflowError] says too where Sₜ is not positive definite in float64. Push
// and Pull cost one sweep each, PullDeriv two.
func (rule HorizonGaussNewton) At(x []float64) (objective.Step, error) {
	p, err := rule.Task.Evaluate(x)
	if err != nil {
		return nil, err
	}
	f := p.h.std
	n, r := f.n, f.r
	s := &horizonGaussNewtonStep{p: p, η: rule.Rate, l: make([]float64, len(p.sAll)), u: make([]float64, len(x)), to: make([]float64, len(x))}
	copy(s.u, p.eAll)
	for t := range f.T {
		l := part(s.l, t, r*r)
		if !factorAboveRounding(l, p.s(t), r) {
			return nil, &OverflowError{Task: p.h.spec.Name, Quantity: fmt.Sprintf("R + BᵀPB at time %d, in which R drowns,", t)}
		}
		dense.CholeskySolve(l, part(s.u, t, r*n), r, n)
	}
	for i, u := range s.u {
		s.to[i] = x[i] - 2*rule.Rate*u
	}
	return s, nil
}

type horizonGaussNewtonStep struct {
	p        *HorizonPoint
	η        float64
	l, u, to []float64 // T Cholesky factors, r×r; U and F, T times r×n
}

func (s *horizonGaussNewtonStep) To() []float64 { return s.to }

// back takes dp from dPₜ₊₁[Z] to dPₜ[Z] and sets du ← dUₜ, de ← dEₜ.
func (s *horizonGaussNewtonStep) back(t int, dp, de, du, z []float64, ws *horizonWorkspace) {
	f := s.p.h.std
	rn := f.r * f.n
	s.p.squeeze(du, dp, f.b[t], part(s.u, t, rn), ws.g4, ws.u1)
	s.p.back(t, dp, de, ws.g4, z, ws.m2, ws.m3)
	for i, x := range de {
		du[i] = x - du[i]
	}
	dense.CholeskySolve(part(s.l, t, f.r*f.r), du, f.r, f.n)
}

func (s *horizonGaussNewtonStep) Push(dst, z []float64) {
	f := s.p.h.std
	rn := f.r * f.n
	ws := s.p.h.workspace()
	defer s.p.h.scratch.Put(ws)
	clear(ws.m1)
	for t := f.T - 1; t >= 0; t-- {
		zt, out := part(z, t, rn), part(dst, t, rn)
		s.back(t, ws.m1, ws.g1, ws.g2, zt, ws)
		for i, du := range ws.g2 {
			out[i] = zt[i] - 2*s.η*du
		}
	}
}

func (s *horizonGaussNewtonStep) Pull(dst, v []float64) {
	p := s.p
	f := p.h.std
	n, r, rn := f.n, f.r, f.r*f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	y, x := ws.m1, ws.m2
	clear(y)
	for t := range f.T {
		vt, out := part(v, t, rn), part(dst, t, rn)
		dense.Mul(ws.g1, p.e(t), y, r, n, n)
		for i := range out {
			out[i] = (1-2*s.η)*vt[i] + 4*s.η*ws.g1[i]
		}
		dense.Congruence(y, p.loop(t), y, x, n)
		s.loop(t, x, ws.m3)
		copy(ws.g1, vt)
		dense.CholeskySolve(part(s.l, t, r*r), ws.g1, r, n)
		s.addOuter(t, y, ws.g1, x, ws.m3, ws.m4)
		dense.Symmetrize(y, n)
	}
}

// loop sets dst ← Fₜ + Bₜ Uₜ, the closed loop of policy iteration; m is a
// temporary.
func (s *horizonGaussNewtonStep) loop(t int, dst, m []float64) {
	f := s.p.h.std
	dense.Mul(m, f.b[t], part(s.u, t, f.r*f.n), f.n, f.r, f.n)
	dense.Add(dst, s.p.loop(t), m)
}

// addOuter sets y ← y + Bₜ g xᵀ for x n×n; m and m2 are temporaries.
func (s *horizonGaussNewtonStep) addOuter(t int, y, g, x, m, m2 []float64) {
	f := s.p.h.std
	dense.Mul(m, f.b[t], g, f.n, f.r, f.n)
	dense.MulNT(m2, m, x, f.n, f.n, f.n)
	dense.Add(y, y, m2)
}

// PullDeriv sets dst ← D[Z, v] = 4η (dE Y + E dY) at every time, with
// dg = −S⁻¹Bᵀ dP′ B g, dY₀ = 0 and, a prime meaning t+1,
//
//	dY′ = sym((F dY − 2 B Z Y) Fᵀ + B dg (F + B U)ᵀ + B g (B dU − B Z)ᵀ).
func (s *horizonGaussNewtonStep) PullDeriv(dst, z, v []float64) {
	p := s.p
	f := p.h.std
	n, r, rn := f.n, f.r, f.r*f.n
	ws := p.h.workspace()
	defer p.h.scratch.Put(ws)
	dp, m, m2, y, dy, x := ws.m1, ws.m2, ws.m3, ws.m4, ws.m5, ws.m6
	g, g2, g3 := ws.g1, ws.g2, ws.g3
	// Until its own time comes on the way forth, dst holds dg.
	clear(dp)
	for t := f.T - 1; t >= 0; t-- {
		l, dg := part(s.l, t, r*r), part(dst, t, rn)
		copy(g, part(v, t, rn))
		dense.CholeskySolve(l, g, r, n)
		p.squeeze(dg, dp, f.b[t], g, g2, ws.u1)
		dense.CholeskySolve(l, dg, r, n)
		dense.Scale(dg, -1, dg)
		s.back(t, dp, part(ws.all1, t, rn), part(ws.all2, t, rn), part(z, t, rn), ws)
	}
	clear(y)
	clear(dy)
	for t := range f.T {
		b, loop := f.b[t], p.loop(t)
		zt, out := part(z, t, rn), part(dst, t, rn)
		copy(g, part(v, t, rn))
		dense.CholeskySolve(part(s.l, t, r*r), g, r, n)
		dense.Mul(g2, part(ws.all1, t, rn), y, r, n, n)
		dense.Mul(g3, p.e(t), dy, r, n, n)
		dense.Add(g3, g3, g2)
		// dY′.
		dense.Mul(x, loop, dy, n, n, n)
		dense.Mul(g2, zt, y, r, n, n)
		dense.Mul(m, b, g2, n, r, n)
		dense.AddScaled(x, -2, m)
		dense.MulNT(dy, x, loop, n, n, n)
		s.loop(t, x, m)
		s.addOuter(t, dy, out, x, m, m2)
		// Y′, while F + B U stands.
		dense.Congruence(y, loop, y, m, n)
		s.addOuter(t, y, g, x, m, m2)
		dense.Symmetrize(y, n)
		dense.Sub(g2, part(ws.all2, t, rn), zt)
		dense.Mul(x, b, g2, n, r, n)
		s.addOuter(t, dy, g, x, m, m2)
		dense.Symmetrize(dy, n)
		for i, e := range g3 {
			out[i] = 4 * s.η * e
		}
	}
}
