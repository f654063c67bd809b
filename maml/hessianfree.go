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
// HF-MAML's. Their error is δ²‖∇⁴g‖‖v‖³/6 until rounding, of order ε‖∇g‖/δ,
// takes over; where ∇g varies on the scale 1 + ‖x‖ the best Delta is about
// ε^{1/3}, and leaves 1e-10 of the product. Jᵀ0 = 0.
//
// Where x ± δv are not both in the domain of g, δ is halved until they are, which
// tells how far its border is: s‖v‖, and that g varies on that scale. The balance
// is then at
//
//	δ = Delta (1 + ‖x‖)^{1/3} (s‖v‖)^{2/3}/‖v‖,   at most s/2,
//
// where 1e-5 of the product is left at a distance of 1e-8. (A border just beyond δ
// goes unnoticed, and costs digits: at 20 δ two remain.) Where no δ that moves x
// stays inside, or g fails otherwise, the product is NaN, which a Meta answers as
// outside the domain.
//
// What a Meta over it has for a gradient tends to ∇h as Delta → 0, down to
// rounding, but is the gradient of no function: only [Algorithm1] steps along it.
//
// Cost of a direction, per member: 3K + 1 evaluations, of which 2K for the
// products, and more near the border; for an LQR task 6K + 2 matrix equations,
// where the exact gradient takes 4K + 2. It is here to be compared, and for
// objectives without second derivatives.
//
// A. Fallah, A. Mokhtari, A. Ozdaglar, AISTATS 2020.
type HessianFree struct {
	Objective objective.Objective // g
	Rate      float64             // η, finite
	Delta     float64             // relative; 0 means 2^{−53/3}, about 4.8e-6
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
		return nil, &SettingError{Of: "Hessian-free step", Field: "delta", Value: r.Delta, Want: "a positive number, or 0 for 4.8e-6"}
	}
	if r.Delta == 0 {
		r.Delta = math.Cbrt(0x1p-53)
	}
	p, err := r.Objective.At(x)
	if err != nil {
		return nil, err
	}
	s := &hessianFreeStep{rule: r, x: append([]float64(nil), x...), at: p, to: make([]float64, len(x))}
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
	s.product(dst, z)
	for i, h := range dst {
		dst[i] = z[i] - s.rule.Rate*h
	}
}

func (s *hessianFreeStep) Pull(dst, v []float64) { s.Push(dst, v) }

// PullDeriv: dst ← 0; no method asks for the derivative of a difference
// quotient.
func (s *hessianFreeStep) PullDeriv(dst, _, _ []float64) { clear(dst) }

// product sets dst to the difference quotient of ∇g along v.
func (s *hessianFreeStep) product(dst, v []float64) {
	most := dense.MaxAbs(v)
	switch {
	case most == 0:
		clear(dst)
		return
	case !dense.Finite(v):
		spoil(dst)
		return
	}
	// The direction is scaled to length one first, by way of a power of two: δ/‖v‖
	// and 1/‖v‖ may overflow.
	_, exponent := math.Frexp(most)
	unit := make([]float64, len(v))
	for i, x := range v {
		unit[i] = math.Ldexp(x, -exponent)
	}
	length := dense.Norm(unit)
	dense.Scale(unit, 1/length, unit)
	below := make([]float64, len(v))
	scale := 1 + dense.Norm(s.x)
	left := false // by the last δ
	for δ := s.rule.Delta * scale; δ > 0; {
		above := along(s.x, δ, unit)
		if equal(above, s.x) {
			break
		}
		p, err := s.rule.Objective.At(above)
		if err == nil {
			p.Grad(dst)
			p, err = s.rule.Objective.At(along(s.x, -δ, unit))
		}
		switch {
		case errors.Is(err, objective.ErrDomain):
			left = true
			δ /= 2
		case err != nil:
			spoil(dst)
			return
		case left:
			left = false
			δ = math.Min(s.rule.Delta*math.Cbrt(scale*δ*δ), δ/2)
		default:
			p.Grad(below)
			for i := range dst {
				dst[i] = math.Ldexp((dst[i]-below[i])/(2*δ)*length, exponent)
			}
			return
		}
	}
	spoil(dst)
}

// spoil answers where there is no answer.
func spoil(dst []float64) {
	for i := range dst {
		dst[i] = math.NaN()
	}
}

// Error is ‖approximate − exact‖ / ‖exact‖ of the product ∇²g(x) v, and
// ‖approximate‖ where the exact one is zero. It costs a product of each kind.
func (s *hessianFreeStep) Error(v []float64) float64 {
	approximate, exact := make([]float64, len(v)), make([]float64, len(v))
	s.product(approximate, v)
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
