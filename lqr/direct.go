package lqr

import "math"

// A Direction D is meant for W ← W − η D(W). The three of Fazel et al. 2018 are
// [Gradient], [NaturalGradient] and [GaussNewtonGradient].
type Direction func(p *Point, dst []float64) error

// Gradient is ∇C = 2 E Σ.
func Gradient(p *Point, dst []float64) error { p.Grad(dst); return nil }

// NaturalGradient is ∇C Σ⁻¹ = 2 E.
func NaturalGradient(p *Point, dst []float64) error { p.NaturalGrad(dst); return nil }

// GaussNewtonGradient is S⁻¹ ∇C Σ⁻¹ = 2 S⁻¹E. A step of η = ½ is policy
// iteration, whose error squares at every step.
func GaussNewtonGradient(p *Point, dst []float64) error { return p.GaussNewton(dst) }

// A Descent is what [Task.Descend] did.
type Descent struct {
	Gain       []float64 // the last gain
	Gaps       []float64 // C − C* at the start and after every step
	Iterations int
	Converged  bool // the last gap is at most the tolerance times C*
}

// Descend iterates W ← W − η D(W) on one task from the gain start, until
// C(W) − C* ≤ tolerance·C* or for the given number of iterations. The rate is
// constant and nothing is enforced: a step that leaves the stabilising set ends
// the descent with the error of [Task.Evaluate], beside what was reached.
//
// M. Fazel, R. Ge, S. Kakade, M. Mesbahi, ICML 2018: each of the three
// converges to W* linearly for a rate small enough, Gauss–Newton for η ≤ ½.
func (t *Task) Descend(start []float64, d Direction, rate, tolerance float64, iterations int) (Descent, error) {
	out := Descent{Gain: append([]float64(nil), start...)}
	p, err := t.Evaluate(out.Gain)
	if err != nil {
		return out, err
	}
	dir := make([]float64, len(start))
	next := make([]float64, len(start))
	for {
		gap := p.Gap()
		out.Gaps = append(out.Gaps, gap)
		out.Converged = gap <= tolerance*math.Abs(t.optimum.Cost)
		if out.Converged || out.Iterations >= iterations {
			return out, nil
		}
		if err := d(p, dir); err != nil {
			return out, err
		}
		for i, x := range out.Gain {
			next[i] = x - rate*dir[i]
		}
		if p, err = t.Evaluate(next); err != nil {
			return out, err
		}
		copy(out.Gain, next)
		out.Iterations++
	}
}
