package maml

import (
	"errors"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// HessianFree is the gradient step x − η ∇g(x) with its Jacobian's products by
// differences of gradients,
//
//	Jᵀv ≈ v − η (∇g(x + δv) − ∇g(x − δv)) / 2δ,   δ = Delta (1 + ‖x‖)/‖v‖,
//
// HF-MAML's. Their error falls like δ² until rounding, of order ε/Delta, takes
// over; δ is halved until x ± δv are in the domain of g. Jᵀ0 = 0.
//
// A product costs two evaluations of g, for an LQR task 4 matrix equations,
// where the exact one costs 2: it is here to be compared, and for objectives
// without second derivatives.
//
// A. Fallah, A. Mokhtari, A. Ozdaglar, AISTATS 2020.
type HessianFree struct {
	Objective objective.Objective // g
	Rate      float64             // η, finite
	Delta     float64             // relative; 0 means the cube root of the rounding unit
}

// Truncation says what is left out.
func (HessianFree) Truncation() string {
	return "products with the Hessian of the inner objective are differences of its gradients"
}

// At evaluates the step at x.
func (r HessianFree) At(x []float64) (objective.Step, error) {
	if math.IsNaN(r.Rate) || math.IsInf(r.Rate, 0) {
		return nil, &SettingError{Of: "Hessian-free step", Field: "rate", Value: r.Rate, Want: "a finite number"}
	}
	if !(r.Delta >= 0) || math.IsInf(r.Delta, 1) {
		return nil, &SettingError{Of: "Hessian-free step", Field: "delta", Value: r.Delta, Want: "a positive number, or 0 for 6e-6"}
	}
	if r.Delta == 0 {
		r.Delta = math.Cbrt(0x1p-53)
	}
	p, err := r.Objective.At(x)
	if err != nil {
		return nil, err
	}
	s := &hessianFreeStep{rule: r, x: x, at: p, to: make([]float64, len(x))}
	s.x = append([]float64(nil), x...)
	p.Grad(s.to)
	for i, g := range s.to {
		s.to[i] = x[i] - r.Rate*g
	}
	return s, nil
}

type hessianFreeStep struct {
	rule  HessianFree
	x, to []float64
	at    objective.Point
}

func (s *hessianFreeStep) To() []float64 { return s.to }

func (s *hessianFreeStep) Push(dst, z []float64) {
	length := dense.Norm(z)
	if length == 0 {
		clear(dst)
		return
	}
	s.product(dst, z, s.rule.Delta*(1+dense.Norm(s.x))/length)
	for i, h := range dst {
		dst[i] = z[i] - s.rule.Rate*h
	}
}

// product sets dst to the difference quotient of the gradient along z. Where
// even the shortest δ leaves the domain it is NaN, which a Meta answers as
// outside the domain.
func (s *hessianFreeStep) product(dst, z []float64, delta float64) {
	below := make([]float64, len(z))
	for range maxBacktracks {
		p, err := s.rule.Objective.At(along(s.x, delta, z))
		if err == nil {
			p.Grad(dst)
			p, err = s.rule.Objective.At(along(s.x, -delta, z))
		}
		if err == nil {
			p.Grad(below)
			for i := range dst {
				dst[i] = (dst[i] - below[i]) / (2 * delta)
			}
			return
		}
		if !errors.Is(err, objective.ErrDomain) {
			break
		}
		delta /= 2
	}
	for i := range dst {
		dst[i] = math.NaN()
	}
}

func (s *hessianFreeStep) Pull(dst, v []float64) { s.Push(dst, v) }

// PullDeriv: dst ← 0; the derivative of a difference quotient is not asked for.
func (s *hessianFreeStep) PullDeriv(dst, _, _ []float64) { clear(dst) }

// Error is ‖approximate − exact‖ / ‖exact‖ of the product ∇²g(x) v.
func (s *hessianFreeStep) Error(v []float64) float64 {
	length := dense.Norm(v)
	if length == 0 {
		return 0
	}
	approximate, exact := make([]float64, len(v)), make([]float64, len(v))
	s.product(approximate, v, s.rule.Delta*(1+dense.Norm(s.x))/length)
	s.at.HessVec(exact, v)
	size := dense.Norm(exact)
	dense.Sub(approximate, approximate, exact)
	if size == 0 {
		return dense.Norm(approximate)
	}
	return dense.Norm(approximate) / size
}

// An Approximate step measures the error of its products with ∇²g, relative
// to the exact ones.
type Approximate interface {
	objective.Step
	Error(v []float64) float64
}
