package maml

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// ErrBreakdown is matched by the error about a proximal step whose minimum is
// not one, or was not found.
var ErrBreakdown = errors.New("the proximal problem breaks down")

// BreakdownError says why a proximal step has no answer.
type BreakdownError struct {
	Strength  float64 // κ
	Curvature float64 // least eigenvalue of ∇²g(φ) + κI, where that is why; else NaN
	Residual  float64 // ‖∇g(φ) + κ(φ − x)‖ / κ(1 + ‖φ‖)
	Limit     float64 // of the residual
}

func (e *BreakdownError) Error() string {
	if !math.IsNaN(e.Curvature) {
		return fmt.Sprintf("maml: %v: the least eigenvalue of ∇²g + κI is %.4g, not positive; κ = %g must exceed it by that", ErrBreakdown, e.Curvature, e.Strength)
	}
	return fmt.Sprintf("maml: %v: the residual stays at %.3g, above %.3g (κ = %g)", ErrBreakdown, e.Residual, e.Limit, e.Strength)
}

func (e *BreakdownError) Unwrap() error { return ErrBreakdown }

// Proximal is iMAML's inner step, to a minimiser near x:
//
//	F(x) = φ = argmin g(φ) + (κ/2)‖φ − x‖²,   J = M⁻¹,   M = I + ∇²g(φ)/κ,
//	d(Jᵀv)[z] = −M⁻¹ ∇³g(φ)[M⁻¹z, M⁻¹v] / κ.
//
// x itself need not be in the domain of g. The problem is solved by Newton's
// method with conjugate gradients, from x where g is finite there and else from
// Start, to
//
//	‖∇g(φ) + κ(φ − x)‖ ≤ Tolerance κ (1 + ‖φ‖);
//
// products with M⁻¹ by conjugate gradients on the exact curvature to a relative
// residual of Tolerance. M ≻ 0 is required and checked; where it fails, or no
// minimum is found, the error is a *BreakdownError. Where g is not convex φ may
// jump as x moves. The answer depends on x alone, not on what was asked before:
// a run resumed, or done in another order, has the same bits.
//
// Cost: some Newton iterations, each of as many products with ∇²g as the
// conjugate gradients need, at most the dimension in exact arithmetic; and that
// once more for every product with J. Solves counts them for LQR.
//
// A. Rajeswaran, C. Finn, S. Kakade, S. Levine, NeurIPS 2019.
type Proximal struct {
	Objective objective.Objective // g
	Strength  float64             // κ, positive
	Tolerance float64             // 0 means 1e-12
	Start     []float64           // in the domain of g; used where x is not
}

// At solves the proximal problem at x.
func (r Proximal) At(x []float64) (objective.Step, error) {
	s, err := r.solve(x)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (r Proximal) solve(x []float64) (*proximalStep, error) {
	if !(r.Strength > 0) || math.IsInf(r.Strength, 1) {
		return nil, &SettingError{Of: "proximal step", Field: "strength", Value: r.Strength, Want: "a positive number"}
	}
	if !(r.Tolerance >= 0) || r.Tolerance >= 1 {
		return nil, &SettingError{Of: "proximal step", Field: "tolerance", Value: r.Tolerance, Want: "a number below 1, or 0 for 1e-12"}
	}
	if r.Tolerance == 0 {
		r.Tolerance = 1e-12
	}
	anchor := append([]float64(nil), x...)
	problem := proximity{r.Objective, anchor, r.Strength}
	start := anchor
	if _, err := Visit(problem, start); errors.Is(err, objective.ErrDomain) && r.Start != nil {
		start = r.Start
	}
	state := NewState(start)
	// Down to rounding: the residual is judged below.
	result, err := Minimize(context.Background(), problem, NewtonCG{}, state, Stop{Tolerance: 1e-300, Iterations: 500}, nil)
	if err != nil {
		return nil, err
	}
	s := &proximalStep{rule: r, to: state.X, at: result.Point.(*proximityPoint).Point}
	residual := result.GradientNorm / (r.Strength * (1 + dense.Norm(s.to)))
	if !(residual <= r.Tolerance) {
		return nil, &BreakdownError{Strength: r.Strength, Curvature: math.NaN(), Residual: residual, Limit: r.Tolerance}
	}
	if least := objective.Spectrum(result.Point, len(x), 0).Min; !(least > 0) {
		return nil, &BreakdownError{Strength: r.Strength, Curvature: least, Residual: residual, Limit: r.Tolerance}
	}
	return s, nil
}

// proximity is g(φ) + (κ/2)‖φ − x‖².
type proximity struct {
	g        objective.Objective
	x        []float64
	strength float64
}

func (p proximity) Dim() int { return p.g.Dim() }

func (p proximity) At(φ []float64) (objective.Point, error) {
	at, err := p.g.At(φ)
	if err != nil {
		return nil, err
	}
	return &proximityPoint{Point: at, away: difference(φ, p.x), strength: p.strength}, nil
}

type proximityPoint struct {
	objective.Point
	away     []float64 // φ − x
	strength float64
}

func (p *proximityPoint) Value() float64 {
	return p.Point.Value() + p.strength/2*dense.Dot(p.away, p.away)
}

func (p *proximityPoint) Grad(dst []float64) {
	p.Point.Grad(dst)
	dense.AddScaled(dst, p.strength, p.away)
}

func (p *proximityPoint) HessVec(dst, v []float64) {
	p.Point.HessVec(dst, v)
	dense.AddScaled(dst, p.strength, v)
}

type proximalStep struct {
	rule Proximal
	to   []float64
	at   objective.Point // g at φ
}

func (s *proximalStep) To() []float64 { return s.to }

// Push: dst ← M⁻¹ z by conjugate gradients.
func (s *proximalStep) Push(dst, z []float64) {
	n := len(z)
	clear(dst)
	r := append([]float64(nil), z...)
	p := append([]float64(nil), z...)
	mp := make([]float64, n)
	rr := dense.Dot(r, r)
	target := s.rule.Tolerance * math.Sqrt(rr)
	for range 4*n + 20 {
		if math.Sqrt(rr) <= target {
			return
		}
		s.at.HessVec(mp, p)
		for i := range mp {
			mp[i] = p[i] + mp[i]/s.rule.Strength
		}
		α := rr / dense.Dot(p, mp)
		dense.AddScaled(dst, α, p)
		dense.AddScaled(r, -α, mp)
		next := dense.Dot(r, r)
		for i := range p {
			p[i] = r[i] + next/rr*p[i]
		}
		rr = next
	}
}

func (s *proximalStep) Pull(dst, v []float64) { s.Push(dst, v) }

func (s *proximalStep) PullDeriv(dst, z, v []float64) {
	p3, ok := s.at.(objective.Point3)
	if !ok {
		for i := range dst {
			dst[i] = math.NaN() // there is no third derivative to answer with
		}
		return
	}
	mz, mv, third := make([]float64, len(z)), make([]float64, len(z)), make([]float64, len(z))
	s.Push(mz, z)
	s.Push(mv, v)
	p3.Third(third, mz, mv)
	dense.Scale(third, -1/s.rule.Strength, third)
	s.Push(dst, third)
}

// Moreau is the Moreau envelope of an objective as an objective,
//
//	m(x) = min g(φ) + (κ/2)‖φ − x‖²,   ∇m = κ(x − φ),   ∇²m = κ(I − M⁻¹),
//
// with φ and M as in [Proximal]. A Meta over envelopes without inner steps is the
// cheaper cousin of iMAML: its gradient needs no product with M⁻¹. The two
// differ even where f = g.
//
// A. Aravind, M. T. Toghani, C. A. Uribe, arXiv 2024 (Moreau-envelope MAML for
// LQR).
type Moreau struct {
	Proximal
}

// Dim is that of g.
func (m Moreau) Dim() int { return m.Objective.Dim() }

// LowerBound is that of g.
func (m Moreau) LowerBound() float64 { return lowerBound(m.Objective) }

// At solves the proximal problem at x.
func (m Moreau) At(x []float64) (objective.Point, error) {
	s, err := m.solve(x)
	if err != nil {
		return nil, err
	}
	return &moreauPoint{s, difference(x, s.to)}, nil
}

type moreauPoint struct {
	*proximalStep
	away []float64 // x − φ
}

func (p *moreauPoint) Value() float64 { return p.at.Value() + p.distance() }

func (p *moreauPoint) distance() float64 { return p.rule.Strength / 2 * dense.Dot(p.away, p.away) }

// Gap is g's gap at φ and the proximal term.
func (p *moreauPoint) Gap() float64 {
	if g, ok := p.at.(objective.Gapped); ok {
		return g.Gap() + p.distance()
	}
	return p.Value() - lowerBound(p.rule.Objective)
}

func (p *moreauPoint) Grad(dst []float64) { dense.Scale(dst, p.rule.Strength, p.away) }

func (p *moreauPoint) HessVec(dst, v []float64) {
	p.Push(dst, v)
	for i := range dst {
		dst[i] = p.rule.Strength * (v[i] - dst[i])
	}
}

func (p *moreauPoint) Third(dst, y, z []float64) {
	p.PullDeriv(dst, z, y)
	dense.Scale(dst, -p.rule.Strength, dst)
}
