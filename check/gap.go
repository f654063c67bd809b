package check

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// ErrGap is matched by every error about a gap that could not be enclosed.
var ErrGap = errors.New("the gap is not proved")

// A GapError says where the proof of a gap failed, and why. The gain may be
// outside the domain, or the enclosures too wide to show that it is not.
type GapError struct {
	Task string
	Step int // the inner step that starts from the gain, from 0; the number of steps for the adapted gain; −1 for what depends on no gain
	Err  error
}

func (e *GapError) Error() string {
	if e.Step < 0 {
		return fmt.Sprintf("check: task %q: %v: %v", e.Task, ErrGap, e.Err)
	}
	return fmt.Sprintf("check: task %q, after inner step %d: %v: %v", e.Task, e.Step, ErrGap, e.Err)
}

func (e *GapError) Unwrap() []error { return []error{ErrGap, e.Err} }

// gap encloses, for exactly the gain w,
//
//	h(W) − Σ λᵢ Cᵢ* = Σ λᵢ tr( Σ_F (F − Wᵢ*)ᵀ Sᵢ* (F − Wᵢ*) ),   F = Fᵢ(W),
//
// an upper bound of h(W) − inf h: λᵢ is task i's weight divided by the sum of
// all, Fᵢ one step of the family's inner rule at each of the rates, Cᵢ* the
// least cost of a stabilising gain. It proves on the way that w is in the domain
// of h, and that every Cᵢ* is attained by a stabilising gain.
//
// The right-hand side is an identity for every stabilising F, whatever the sign
// of Q or the modes of the plant. What limits the enclosure is the rounding of
// closed loops and how much the equations of P and Σ amplify it: the width
// relative to the gap is 1e-14 to 1e-9 for well-conditioned tasks of up to a
// dozen states and 2e-6 for examples/boeing.yaml after five steps; at the
// optimum of a single task, where the gap is 0, it is the square of the rounding
// of W*, 1e-20 C* and less.
//
// Every error is a *GapError. Neither argument is modified. Cost per task, with
// d states and r inputs: about twenty products of d×d interval matrices for the
// optimum and for each inner step, and six r d for each step after the first,
// or three r d where the rule needs no Σ.
func gap(f *family.Family, rates []float64, w matrixeq.Matrix) (interval.Interval, error) {
	var sum, weights interval.Interval
	for i := range f.Tasks {
		t := &f.Tasks[i]
		g, err := taskGap(t, f.Meta.Inner.Rule, f.Meta.Normalize, rates, w)
		if err != nil {
			return interval.Interval{}, err
		}
		λ := interval.Of(t.Weight)
		sum, weights = sum.Add(λ.Mul(g)), weights.Add(λ)
	}
	h := sum.Div(weights)
	if h.IsEmpty() || !h.IsBounded() {
		return interval.Interval{}, &GapError{Step: -1, Err: errUnbounded}
	}
	return h, nil
}

var (
	errShape      = errors.New("the gain has the wrong shape")
	errOptimum    = errors.New("the optimal cost cannot be shown to be positive: nothing can be divided by it")
	errIndefinite = errors.New("the gap is negative: Sigma0 is not positive semidefinite")
)

// taskGap encloses the gap of one task, without its weight.
func taskGap(t *family.Task, rule family.Rule, normalize family.Normalization, rates []float64, w matrixeq.Matrix) (interval.Interval, error) {
	at := -1
	fail := func(err error) (interval.Interval, error) {
		return interval.Interval{}, &GapError{Task: t.Name, Step: at, Err: err}
	}
	outer, err := newLinearTask(t.Outer)
	if err != nil {
		return fail(err)
	}
	seen := outer
	if t.Inner != nil {
		if seen, err = newLinearTask(*t.Inner); err != nil {
			return fail(err)
		}
	}
	if w.Rows != outer.b.Cols || w.Cols != outer.a.Cols {
		return fail(errShape)
	}
	if !isFinite(w) || !isFinite(matrixeq.Matrix{Data: rates}) {
		return fail(errUnbounded)
	}

	// The costs of both f and g are divided by this.
	divisor := interval.Of(1)
	var best *optimum
	switch normalize {
	case family.NormalizeNone:
	case family.NormalizeOptimalCost:
		if best, err = outer.optimum(w); err != nil {
			return fail(err)
		}
		if divisor = best.cost; !divisor.Positive() || !divisor.IsBounded() {
			return fail(errOptimum)
		}
	default:
		return fail(errRule)
	}
	to := thin(w)
	for k, rate := range rates {
		at = k
		step, err := newStepRule(rule, rate, divisor)
		if err != nil {
			return fail(err)
		}
		if to, err = seen.step(step, to); err != nil {
			return fail(err)
		}
	}
	at = len(rates)
	if best == nil {
		if _, err := newLyapunov(outer.loop(to)); err != nil {
			return fail(err)
		}
		if best, err = outer.optimum(mid(to)); err != nil {
			at = -1
			return fail(err)
		}
	}
	g, err := outer.gapFrom(to, best)
	if err != nil {
		return fail(err)
	}
	if g = g.Div(divisor); !g.IsBounded() {
		return fail(errUnbounded)
	}
	return g, nil
}

// gapFrom encloses C(W) − C* = tr(Σ (W − W*)ᵀ S* (W − W*)) for every W of w,
// and proves that they stabilise the task.
func (t *linearTask) gapFrom(w interval.Matrix, best *optimum) (interval.Interval, error) {
	loop, err := newLyapunov(t.loop(w))
	if err != nil {
		return interval.Interval{}, err
	}
	sigma, err := loop.solve(t.s0)
	if err != nil {
		return interval.Interval{}, err
	}
	off := w.Sub(best.gain)
	g := inner(best.s.Mul(off), off.Mul(sigma))
	if !g.IsBounded() {
		return g, errUnbounded
	}
	if g = g.Intersect(interval.New(0, math.Inf(1))); g.IsEmpty() {
		return g, errIndefinite
	}
	return g, nil
}
