package lqr

import (
	"math"

	"github.com/metalqr/metalqr/matrixeq"
)

// A Spec describes a task as its user states it. Absent matrices are zero
// values. [New] checks it and reduces it to the standard form
// (A, B, Q, R, Σ₀) of the package comment by these substitutions, in this
// order:
//
//	SampleTime h   A, B, Q, R, N, Noise describe a continuous plant under
//	               ∫(sᵀQs + 2sᵀNa + aᵀRa)dt with inputs held for h; they are
//	               replaced by their exact samples under zero-order hold. The
//	               sampled cost has a cross term even where N is absent, and
//	               what the noise costs between samples is added.
//	N              W ← W − R⁻¹Nᵀ,  A ← A − B R⁻¹Nᵀ,  Q ← Q − N R⁻¹Nᵀ
//	Discount γ     A ← √γ A,  B ← √γ B; the cost is finite where √γ ρ(A − BW) < 1
//	Noise V, γ<1   Σ₀ ← Σ₀ + γ/(1−γ) V
//	AverageCost    Σ₀ ← V
//
// Derivatives with respect to W are unchanged by all of them.
type Spec struct {
	Name        string
	A           matrixeq.Matrix // d×d
	B           matrixeq.Matrix // d×r
	Q           matrixeq.Matrix // d×d, positive semidefinite
	R           matrixeq.Matrix // r×r, positive definite
	N           matrixeq.Matrix // d×r cross term 2 sᵀN a; absent: 0
	Sigma0      matrixeq.Matrix // d×d covariance of s₀; absent: X0 X0ᵀ, or I
	X0          []float64       // d, a known initial state; not with Sigma0
	Noise       matrixeq.Matrix // d×d covariance V of the process noise, or its intensity in continuous time; absent: 0
	Discount    float64         // γ in (0, 1], per step; 0 means 1
	AverageCost bool            // the stationary cost per step; needs Noise, excludes Discount < 1, Sigma0 and X0
	SampleTime  float64         // h > 0: A and B are continuous; 0: discrete
}

// ScaleCost returns the spec with Q, R and N multiplied by c > 0, and with
// them every cost, gradient and higher derivative. The optimal gain does not
// change.
func (s Spec) ScaleCost(c float64) Spec {
	scaled := func(m matrixeq.Matrix) matrixeq.Matrix {
		if m.IsZero() {
			return m
		}
		m = m.Clone()
		for i := range m.Data {
			m.Data[i] *= c
		}
		return m
	}
	s.Q, s.R, s.N = scaled(s.Q), scaled(s.R), scaled(s.N)
	return s
}

// standard checks the spec and reduces it.
func (s Spec) standard() (*standard, error) {
	n, r := s.A.Rows, s.B.Cols
	if s.A.IsZero() || s.B.IsZero() || s.Q.IsZero() || s.R.IsZero() {
		for _, m := range []struct {
			name string
			m    matrixeq.Matrix
		}{{"A", s.A}, {"B", s.B}, {"Q", s.Q}, {"R", s.R}} {
			if m.m.IsZero() {
				return nil, &SpecError{Field: m.name, Problem: "is missing"}
			}
		}
	}
	for _, m := range []struct {
		name       string
		m          matrixeq.Matrix
		rows, cols int
		required   bool
	}{
		{"A", s.A, n, n, true}, {"B", s.B, n, r, true},
		{"Q", s.Q, n, n, true}, {"R", s.R, r, r, true},
		{"N", s.N, n, r, false}, {"Sigma0", s.Sigma0, n, n, false},
		{"noise", s.Noise, n, n, false},
	} {
		if m.m.IsZero() && !m.required {
			continue
		}
		if err := matrixeq.CheckShape(m.name, m.m, m.rows, m.cols); err != nil {
			return nil, err
		}
		if err := matrixeq.CheckFinite(m.name, m.m); err != nil {
			return nil, err
		}
	}
	if err := s.contradictions(); err != nil {
		return nil, err
	}
	if s.X0 != nil {
		x := matrixeq.Matrix{Rows: len(s.X0), Cols: 1, Data: s.X0}
		if err := matrixeq.CheckShape("x0", x, n, 1); err != nil {
			return nil, err
		}
		if err := matrixeq.CheckFinite("x0", x); err != nil {
			return nil, err
		}
	}
	for _, m := range []struct {
		name string
		m    matrixeq.Matrix
	}{{"Q", s.Q}, {"R", s.R}, {"Sigma0", s.Sigma0}, {"noise", s.Noise}} {
		if m.m.IsZero() {
			continue
		}
		if err := matrixeq.CheckSymmetric(m.name, m.m); err != nil {
			return nil, err
		}
		var err error
		switch m.name {
		case "R":
			err = matrixeq.CheckPositiveDefinite(m.name, m.m)
		case "Q": // rounding is judged beside R: −1e-17 beside 1 is zero
			err = matrixeq.CheckPositiveSemidefiniteAt(m.name, m.m, matrixeq.CostScale(s.B, s.R))
		default:
			err = matrixeq.CheckPositiveSemidefinite(m.name, m.m)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.reduce(n, r)
}

// contradictions refuses settings that cannot hold together.
func (s Spec) contradictions() error {
	bad := func(field, problem string) error { return &SpecError{Field: field, Problem: problem} }
	γ := s.Discount
	switch {
	case math.IsNaN(γ) || γ < 0 || γ > 1:
		return &SpecError{Field: "discount", Problem: "must lie in (0, 1]", Value: γ, HasValue: true}
	case math.IsNaN(s.SampleTime) || s.SampleTime < 0 || math.IsInf(s.SampleTime, 0):
		return &SpecError{Field: "sample_time", Problem: "must be positive and finite", Value: s.SampleTime, HasValue: true}
	case !s.Sigma0.IsZero() && s.X0 != nil:
		return bad("x0", "contradicts Sigma0: give the initial state or its covariance, not both")
	case s.AverageCost && s.Noise.IsZero():
		return bad("average_cost", "needs noise: without it the stationary cost per step is zero for every gain")
	case s.AverageCost && γ != 0 && γ != 1:
		return &SpecError{Field: "average_cost", Problem: "contradicts a discount below 1", Value: γ, HasValue: true}
	case s.AverageCost && (!s.Sigma0.IsZero() || s.X0 != nil):
		return bad("average_cost", "contradicts an initial state: the stationary cost per step does not depend on Sigma0 or x0")
	case !s.Noise.IsZero() && !s.AverageCost && (γ == 0 || γ == 1):
		return bad("noise", "makes the undiscounted cost infinite: set average_cost, or a discount below 1")
	}
	return nil
}
