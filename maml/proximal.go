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

// A BreakdownError says why a proximal step has no answer at x. It matches
// objective.ErrDomain too: F has no value there, and an outer method shortens
// its step.
type BreakdownError struct {
	Strength float64 // κ

	// Curvature is the least eigenvalue of ∇²g(φ) + κI at the stationary φ, where
	// it is not positive: there κ would have to exceed Strength − Curvature. NaN
	// where that is not the reason.
	Curvature float64

	// Distance is the length of Newton's step at the last φ, which estimates how
	// far the minimiser is, relative to 1 + ‖φ‖; it stays above Limit. NaN where
	// there is no such step.
	Distance, Limit float64
}

func (e *BreakdownError) Error() string {
	switch {
	case !math.IsNaN(e.Curvature):
		return fmt.Sprintf("%v: the least eigenvalue of the Hessian of g + (κ/2)‖φ − x‖² is %.4g, not positive: κ = %g would have to exceed %.4g", ErrBreakdown, e.Curvature, e.Strength, e.Strength-e.Curvature)
	case math.IsNaN(e.Distance):
		return fmt.Sprintf("%v: no minimum was found (κ = %g)", ErrBreakdown, e.Strength)
	}
	return fmt.Sprintf("%v: the minimum is known to %.3g only, not to %.3g (κ = %g)", ErrBreakdown, e.Distance, e.Limit, e.Strength)
}

func (e *BreakdownError) Unwrap() []error { return []error{ErrBreakdown, objective.ErrDomain} }

// Proximal is iMAML's inner step, to a minimiser near x:
//
//	F(x) = φ = argmin g(φ) + (κ/2)‖φ − x‖²,   J = M⁻¹,   M = I + ∇²g(φ)/κ,
//	d(Jᵀv)[z] = −M⁻¹ ∇³g(φ)[M⁻¹z, M⁻¹v] / κ.
//
// x itself need not be in the domain of g: the problem is solved by Newton's
// method in a trust region ([NewtonCG]'s steps) from x where g is finite there,
// and else from Start. It ends where the next step of Newton's, which estimates
// the distance to the minimiser, has
//
//	‖(∇²g(φ) + κI)⁻¹ (∇g(φ) + κ(φ − x))‖ ≤ Tolerance (1 + ‖φ‖).
//
// M ≻ 0 is required and checked. Where it fails at the stationary φ, or the
// tolerance is below what the rounding of ∇g permits, the error is a
// *BreakdownError.
//
// κ above −λ_min(∇²g) everywhere makes φ unique and F smooth. Below, there may be
// several minimisers; φ is the one at the end of Newton's path, and F jumps where
// that changes, at the border of the domain of g (where Start takes over) among
// other places. φ depends on x alone, not on the φ before it: h is a function, a
// resumed run has the same bits, but φ does not follow a minimiser continuously
// for as long as it could. The outer methods but [Algorithm1] see a jump as a
// step that did not do as foretold, and shorten it.
//
// Products with M⁻¹ are solved for by the Cholesky factor of ∇²g(φ) + κI, which
// is formed once, by dim products, and shows M ≻ 0 by the way. In more than Dense
// parameters, conjugate gradients on products with ∇²g(φ) take its place, to a
// residual ‖κz − (∇²g + κI) y‖ ≤ Tolerance (‖κz‖ + ‖∇²g + κI‖‖y‖), and M ≻ 0 is
// checked by the Ritz values of at most 120 Lanczos steps, which can only refute
// it. Where they do not converge the product is NaN, which a Meta answers as
// outside the domain.
//
// Cost of At: an iteration of Newton's takes one evaluation, or two, and the
// conjugate gradients' products, dim at most in exact arithmetic, and one; then
// dim products form ∇²g + κI. LQR tasks of 1, 2, 3 and 8 parameters took 3 to 11
// evaluations and at most 10, 15, 26 and 57 products in all; 28 and 104 from a
// start where the least eigenvalue of ∇²g is −3345. A push or a pull then
// costs nothing, the derivative of a pull one third derivative. With conjugate
// gradients the Lanczos steps take the place of the dim products, and each push
// and pull costs dim + 1 products at most in exact arithmetic, the derivative of
// a pull three times that. A cancelled context does not interrupt it: a run stops
// after the evaluation.
//
// g must have points that are an objective.Point3, else the error is a
// *NoThirdError.
//
// A. Rajeswaran, C. Finn, S. Kakade, S. Levine, NeurIPS 2019.
type Proximal struct {
	Objective objective.Objective // g
	Strength  float64             // κ, positive
	Tolerance float64             // 0 means 1e-12
	Start     []float64           // in the domain of g; used where x is not
	Dense     int                 // 0 means objective.DenseLimit; negative: conjugate gradients always
}

// At solves the proximal problem at x.
func (r Proximal) At(x []float64) (objective.Step, error) {
	s, err := r.solve(x)
	if err != nil {
		return nil, err
	}
	if _, ok := s.at.(objective.Point3); !ok {
		return nil, &NoThirdError{Point: s.at}
	}
	return s, nil
}

// proximalIterations bounds Newton's method. From far away the trust region
// doubles at most, so that 200 are not reached by a problem that has a minimum.
const proximalIterations = 200

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
	if r.Dense == 0 {
		r.Dense = objective.DenseLimit
	}
	problem := proximity{r.Objective, append([]float64(nil), x...), r.Strength}
	at, err := Visit(problem, problem.x)
	if errors.Is(err, objective.ErrDomain) && r.Start != nil {
		if len(r.Start) != len(x) {
			return nil, &DimensionError{What: "the start of the proximal problem", Dim: len(r.Start), Want: len(x)}
		}
		at, err = Visit(problem, append([]float64(nil), r.Start...))
	}
	if err != nil {
		return nil, err
	}
	if why := direction(at.Point.(*proximityPoint).Point); why != "" {
		return nil, &SettingError{Of: "proximal step", Field: "objective", Value: fmt.Sprintf("%T", r.Objective), Want: "one with gradients: " + why}
	}
	ctx, newton, state := context.Background(), NewtonCG{}, new(State)
	failure := &BreakdownError{Strength: r.Strength, Curvature: math.NaN(), Distance: math.NaN(), Limit: r.Tolerance}
	// accept says whether the tolerance is met, and sets failure where it is not.
	var s *proximalStep
	accept := func() bool {
		failure.Curvature, failure.Distance = math.NaN(), math.NaN()
		if s, failure.Curvature = r.step(at); s == nil {
			return false
		}
		s.divide(s.newton, at.Gradient)
		failure.Distance = dense.Norm(s.newton) / (1 + dense.Norm(s.to))
		return failure.Distance <= r.Tolerance
	}
	for range proximalIterations {
		if at.Norm == 0 {
			if accept() {
				return s, nil
			}
			return nil, failure
		}
		if err := newton.prepare(at, state); err != nil {
			return nil, err
		}
		path, err := steihaug(ctx, at, state.Radius)
		if err != nil {
			return nil, err
		}
		// The conjugate gradients' step is short of Newton's by little, so near the
		// end, and by the look of it one is spared the last iterations down to rounding.
		if t := path.cut(state.Radius); !t.border && dense.Norm(t.step) <= r.Tolerance*(1+dense.Norm(at.X)) && accept() {
			return s, nil
		}
		move, err := newton.within(ctx, problem, at, state, path.cut)
		if err != nil {
			return nil, err
		}
		if move.Status == Stalled {
			if accept() {
				return s, nil
			}
			return nil, failure
		}
		at = move.To
	}
	return nil, failure
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

// proximalStep is a Proximal at one x. N = ∇²g(φ) + κI = κM.
type proximalStep struct {
	to                  []float64       // φ
	at                  objective.Point // g at φ
	n                   *proximityPoint // whose Hessian is N
	newton              []float64       // N⁻¹(∇g(φ) + κ(φ − x)), which φ is too long by
	strength, tolerance float64

	factor []float64 // L of N = L Lᵀ; nil: conjugate gradients
	norm   float64   // ‖N‖₂, or less, for them
}

// step prepares N at a stationary φ. Where N ≻ 0 fails there is none, and least
// is its least eigenvalue, or one above it; else least is NaN.
//
// Formed, N must stay definite without n ε‖N‖_F, the rounding of factoring it;
// Ritz values must exceed n ε‖N‖.
func (r Proximal) step(at *Iterate) (s *proximalStep, least float64) {
	p := at.Point.(*proximityPoint)
	s = &proximalStep{to: at.X, at: p.Point, n: p, newton: make([]float64, len(at.X)), strength: r.Strength, tolerance: r.Tolerance}
	n := len(at.X)
	margin := float64(n) * dense.Eps
	if n > r.Dense {
		x := objective.Spectrum(p, n, -1)
		if s.norm = x.Norm; !(x.Min > margin*x.Norm) {
			return nil, x.Min
		}
		return s, math.NaN()
	}
	h, _ := objective.DenseHessian(p, n)
	s.factor = make([]float64, n*n)
	copy(s.factor, h)
	lower := margin * dense.Norm(h)
	for i := range n {
		s.factor[i*n+i] -= lower
	}
	if !dense.Cholesky(s.factor, s.factor, n) || !dense.Cholesky(s.factor, h, n) {
		return nil, objective.Spectrum(p, n, n).Min
	}
	return s, math.NaN()
}

// divide: dst ← N⁻¹ z.
func (s *proximalStep) divide(dst, z []float64) {
	n := len(z)
	if s.factor != nil {
		copy(dst, z)
		dense.CholeskySolve(s.factor, dst, n, 1)
		return
	}
	// The residual that conjugate gradients carry along drifts from the true one;
	// they are started again from that until it is met. Three times is enough
	// where anything is.
	clear(dst)
	r, image := append([]float64(nil), z...), make([]float64, n)
	for range 3 {
		s.conjugate(dst, r)
		s.n.HessVec(image, dst)
		dense.Sub(r, z, image)
		if dense.Norm(r) <= s.tolerance*(dense.Norm(z)+s.norm*dense.Norm(dst)) {
			return
		}
	}
	spoil(dst)
}

// conjugate adds N⁻¹ r to dst by conjugate gradients from zero, to a tenth of
// the tolerance or for 2n + 20 steps; r is overwritten.
func (s *proximalStep) conjugate(dst, r []float64) {
	n := len(r)
	p := append([]float64(nil), r...)
	np := make([]float64, n)
	size, rr := dense.Norm(r), dense.Dot(r, r)
	for range 2*n + 20 {
		if math.Sqrt(rr) <= s.tolerance/10*(size+s.norm*dense.Norm(dst)) {
			return
		}
		s.n.HessVec(np, p)
		α := rr / dense.Dot(p, np)
		dense.AddScaled(dst, α, p)
		dense.AddScaled(r, -α, np)
		next := dense.Dot(r, r)
		for i := range p {
			p[i] = r[i] + next/rr*p[i]
		}
		rr = next
	}
}

func (s *proximalStep) To() []float64 { return s.to }

func (s *proximalStep) Push(dst, z []float64) {
	s.divide(dst, z)
	dense.Scale(dst, s.strength, dst)
}

func (s *proximalStep) Pull(dst, v []float64) { s.Push(dst, v) }

// PullDeriv: dst ← −κ² N⁻¹ ∇³g[N⁻¹z, N⁻¹v].
func (s *proximalStep) PullDeriv(dst, z, v []float64) {
	mz, mv, third := make([]float64, len(z)), make([]float64, len(z)), make([]float64, len(z))
	s.Push(mz, z)
	s.Push(mv, v)
	s.at.(objective.Point3).Third(third, mz, mv)
	s.divide(dst, third)
	dense.Scale(dst, -1, dst)
}
