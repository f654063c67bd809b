package maml

import (
	"math"

	"github.com/metalqr/metalqr/objective"
)

// Gradient is the inner step
//
//	F(x) = x − η ∇g(x),   J v = Jᵀ v = v − η ∇²g v,   d(Jᵀv)[z] = −η ∇³g[z, v].
//
// A rate of zero is F(x) = x on the domain of g. Different rates for different
// steps arise from a list of Gradients.
//
// Every point of the objective must be an objective.Point3 (else a
// *NoThirdError). Evaluating costs one evaluation of g; each product one
// product with a derivative of g.
type Gradient struct {
	Objective objective.Objective // g
	Rate      float64             // η, finite
}

// At evaluates the step at x.
func (r Gradient) At(x []float64) (objective.Step, error) {
	if math.IsNaN(r.Rate) || math.IsInf(r.Rate, 0) {
		return nil, &SettingError{Of: "gradient step", Field: "rate", Value: r.Rate, Want: "a finite number"}
	}
	p, err := r.Objective.At(x)
	if err != nil {
		return nil, err
	}
	p3, ok := p.(objective.Point3)
	if !ok {
		return nil, &NoThirdError{Point: p}
	}
	to := make([]float64, len(x))
	p.Grad(to)
	for i, g := range to {
		to[i] = x[i] - r.Rate*g
	}
	return &gradientStep{at: p3, rate: r.Rate, to: to}, nil
}

// gradientStep is a Gradient at one x.
type gradientStep struct {
	at   objective.Point3
	rate float64
	to   []float64
}

func (s *gradientStep) To() []float64 { return s.to }

func (s *gradientStep) Push(dst, z []float64) {
	s.at.HessVec(dst, z)
	for i, h := range dst {
		dst[i] = z[i] - s.rate*h
	}
}

func (s *gradientStep) Pull(dst, v []float64) { s.Push(dst, v) }

func (s *gradientStep) PullDeriv(dst, z, v []float64) {
	s.at.Third(dst, z, v)
	for i := range dst {
		dst[i] *= -s.rate
	}
}
