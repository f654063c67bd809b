package maml

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Stop says when a run is over.
type Stop struct {
	// Tolerance τ: converged when
	//
	//	‖∇h(x)‖ (1 + ‖x‖) ≤ τ max(|h(x)|, tiny),   tiny the least normal float64,
	//
	// a relative rule that does not change when h is multiplied by a constant.
	// It presumes that h is not 0 at its minimum. 0 means 1e-10; to run down to
	// rounding, give one that cannot be reached, as 1e-300.
	Tolerance float64
	// Iterations of the whole run, resumed ones included; 0 means 1000.
	Iterations int
}

// DefaultTolerance and DefaultIterations are what zeros in a Stop mean.
const (
	DefaultTolerance  = 1e-10
	DefaultIterations = 1000
)

// A Record is one line of a trace: the iterate after Iteration iterations, and
// the step that led to it.
type Record struct {
	Iteration    int        `json:"iteration"`
	Value        float64    `json:"value"`
	Gap          *float64   `json:"gap"` // h(x) − the lower bound; nil where none is known
	GradientNorm float64    `json:"gradient_norm"`
	Step         float64    `json:"step"` // ‖x − the iterate before‖
	Backtracks   Backtracks `json:"backtracks"`
}

// A Result is the end of a run; the iterate itself is in the State.
type Result struct {
	Status       Status
	Value        float64
	Gap          *float64 // nil where no lower bound is known
	GradientNorm float64
	Point        objective.Point // at State.X

	// Backtracks of the iteration that failed, when Stalled.
	Backtracks Backtracks
	// Cause, when LeftDomain: the error that names the task and its measure.
	Cause error

	// Kind and Curvature, when Converged along a gradient: what the Hessian says.
	Kind      Kind
	Curvature objective.Extremes

	// Best is State.Best where its value is below Value by more than rounding,
	// 1e-10 |Value|; nil where the last iterate is the best. Algorithm1 can
	// pass a better iterate; the other methods cannot.
	Best *Best
}

// Minimize continues the run in s by method m until stop says so, ctx is
// cancelled, or the method can do no more: all of these are a Status. After
// every iteration s is a complete checkpoint, and observe, if not nil, is
// called with the record of it (of the start too, when the run is new). Saved
// there and resumed, the run has the same bits as one undisturbed.
//
// Errors: the start is outside the domain (what the objective says, as it
// says it) or of another dimension (*DimensionError); a setting makes no sense
// (*SettingError); an evaluation failed other than by leaving the domain;
// observe returned an error, which ends the run. The Result is then zero.
func Minimize(ctx context.Context, o objective.Objective, m Method, s *State, stop Stop, observe func(Record) error) (Result, error) {
	stop, err := stop.withDefaults()
	if err != nil {
		return Result{}, err
	}
	if len(s.X) != o.Dim() {
		return Result{}, &DimensionError{What: "the start", Dim: len(s.X), Want: o.Dim()}
	}
	if observe == nil {
		observe = func(Record) error { return nil }
	}
	at, err := Visit(o, append([]float64(nil), s.X...))
	if err != nil {
		return Result{}, err
	}
	directed := direction(at.Point)
	if _, ok := m.(Algorithm1); directed != "" && !ok {
		return Result{}, &SettingError{Of: "outer method", Field: "method", Value: fmt.Sprintf("%T", m), Want: "Algorithm1, which needs no function that falls along its steps: " + directed}
	}
	// An evaluation that repeats the last one of a resumed run is not counted.
	if s.Evaluations == 0 {
		s.Evaluations = 1
		s.note(at)
		if err := observe(at.record(Record{})); err != nil {
			return Result{}, err
		}
	}
	for {
		result := Result{Value: at.Value, Gap: at.gap(), GradientNorm: at.Norm, Point: at.Point, Best: s.better(at)}
		next := *s
		var move Move
		switch {
		case ctx.Err() != nil:
			result.Status = Stopped
			return result, nil
		case stop.met(at):
			result.Status = Converged
			if directed != "" {
				return result, nil // no gradient, and so no kind
			}
			result.Curvature = objective.Spectrum(at.Point, len(at.X), 0)
			var downhill bool
			result.Kind, downhill = stop.classify(at, result.Curvature)
			e, ok := m.(escaper)
			if !ok || !downhill || s.Iteration >= stop.Iterations {
				return result, nil
			}
			move, err = e.escape(ctx, o, at, &next, result.Curvature.MinVec, result.Curvature.Min)
			if err == nil && move.Status == Stalled {
				s.Evaluations, s.Products = next.Evaluations, next.Products
				return result, nil
			}
		case s.Iteration >= stop.Iterations:
			result.Status = IterationLimit
			return result, nil
		default:
			move, err = m.Advance(ctx, o, at, &next)
		}
		if err != nil {
			if cause := ctx.Err(); cause != nil && errors.Is(err, cause) {
				result.Status, result.Kind, result.Curvature = Stopped, Unclassified, objective.Extremes{}
				return result, nil
			}
			return Result{}, err
		}
		if move.Status != Running {
			s.Evaluations, s.Products = next.Evaluations, next.Products
			result.Status, result.Backtracks, result.Cause = move.Status, move.Backtracks, move.Cause
			return result, nil
		}
		length := dense.Norm(difference(move.To.X, at.X))
		at = move.To
		next.Iteration++
		next.X = append([]float64(nil), at.X...)
		next.note(at)
		*s = next
		if err := observe(at.record(Record{Iteration: s.Iteration, Step: length, Backtracks: move.Backtracks})); err != nil {
			return Result{}, err
		}
	}
}

func (s Stop) withDefaults() (Stop, error) {
	switch {
	case !(s.Tolerance >= 0) || math.IsInf(s.Tolerance, 1):
		return s, &SettingError{Of: "stopping rule", Field: "tolerance", Value: s.Tolerance, Want: "a positive number, or 0 for 1e-10"}
	case s.Iterations < 0:
		return s, &SettingError{Of: "stopping rule", Field: "iterations", Value: s.Iterations, Want: "a positive number, or 0 for 1000"}
	}
	if s.Tolerance == 0 {
		s.Tolerance = DefaultTolerance
	}
	if s.Iterations == 0 {
		s.Iterations = DefaultIterations
	}
	return s, nil
}

// tiny is the least normal float64.
const tiny = 0x1p-1022

func (s Stop) met(at *Iterate) bool {
	return at.Norm*(1+dense.Norm(at.X)) <= s.Tolerance*math.Max(math.Abs(at.Value), tiny)
}

// classify reads the kind of a stationary point from its extreme eigenvalues,
// and says whether a way down is certain. An eigenvalue is zero to the
// accuracy of the gradient when
//
//	|λ| (1 + ‖x‖)² ≤ √τ |h|   or   |λ| ≤ (asymmetry + dim·ε) ‖H‖.
//
// Extremes that are not exact lie inside the spectrum. Of those, one below
// zero shows that λ_min is, and one above it that λ_max is; neither shows the
// contrary, so that of the kinds they can show a saddle only.
func (s Stop) classify(at *Iterate, c objective.Extremes) (kind Kind, downhill bool) {
	size := 1 + dense.Norm(at.X)
	zero := math.Max(
		math.Sqrt(s.Tolerance)*math.Max(math.Abs(at.Value), tiny)/(size*size),
		(c.Asymmetry+float64(len(at.X))*0x1p-52)*c.Norm)
	switch {
	case math.IsNaN(c.Norm):
		return Unclassified, false
	case c.Min < -zero && c.Max > zero:
		return Saddle, true
	case !c.Exact:
		return Unclassified, c.Min < -zero
	case c.Min > zero:
		return Minimum, false
	case c.Max < -zero:
		return Maximum, true
	}
	return Degenerate, c.Min < -zero
}

// note keeps the iterate if it is the best so far.
func (s *State) note(at *Iterate) {
	if s.Best == nil || at.Value < s.Best.Value {
		s.Best = &Best{Iteration: s.Iteration, X: append([]float64(nil), at.X...), Value: at.Value}
	}
}

// better is the best iterate, where it is better than at by more than rounding.
func (s *State) better(at *Iterate) *Best {
	if s.Best == nil || !(s.Best.Value < at.Value-flat*math.Abs(at.Value)) {
		return nil
	}
	return s.Best
}

// gap is that of a Gapped point, if finite.
func (it *Iterate) gap() *float64 {
	g, ok := it.Point.(objective.Gapped)
	if !ok {
		return nil
	}
	if v := g.Gap(); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return &v
	}
	return nil
}

// record completes the record of an iterate.
func (it *Iterate) record(r Record) Record {
	r.Value, r.Gap, r.GradientNorm = it.Value, it.gap(), it.Norm
	return r
}
