package maml_test

import (
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// From beside the maximum of ¼(x² − 1)² + 1 curvature is negative and sets no
// length: the steps double until the well, and never more than that. 1e-12 is
// the rounding of x against steps of 0.05.
func TestGradientStepsAtMostDouble(t *testing.T) {
	double := poly{n: 1, coef: []float64{1.25, 0, -0.5, 0, 0.25}}
	var steps []float64
	r, err := maml.Minimize(t.Context(), double, maml.GradientDescent{}, maml.NewState([]float64{0.01}), maml.Stop{}, func(r maml.Record) error {
		steps = append(steps, r.Step)
		return nil
	})
	if err != nil || r.Status != maml.Converged {
		t.Fatalf("%v, %v", err, r.Status)
	}
	steps = steps[1:] // of the start, none
	near(t, "first step", steps[0], 0.05*1.01, 1e-12)
	greatest := 0.0
	for i := range steps[1:] {
		greatest = max(greatest, steps[i+1]/steps[i])
	}
	if math.Abs(greatest-2) > 1e-12 {
		t.Errorf("a step %v times as long as the one before it, want 2", greatest)
	}
}

// On 1 + x² the model is exact, so that the radius doubles at every step that
// ends at the border: from 0.05·1001 at 1000, to 1 + ‖x‖ and no further.
func TestTrustRadiusIsCapped(t *testing.T) {
	s := maml.NewState([]float64{1000})
	last, capped := math.Inf(1), 0
	r, err := maml.Minimize(t.Context(), poly{n: 1, coef: []float64{1, 0, 1}}, maml.NewtonCG{}, s, maml.Stop{}, func(r maml.Record) error {
		limit := 1 + math.Abs(s.X[0])
		if s.Radius > last && s.Radius > limit {
			t.Errorf("iteration %d: radius %v, limit %v", r.Iteration, s.Radius, limit)
		}
		if s.Radius == limit {
			capped++
		}
		if r.Iteration > 0 {
			last = s.Radius
		}
		return nil
	})
	if err != nil || r.Status != maml.Converged || capped == 0 {
		t.Errorf("%v, %v, capped %d times", err, r.Status, capped)
	}
}

// A pair that makes −H∇h a descent direction of length 1e30 is no use: all 60
// trials leave the domain. The memory goes, the gradient's step comes.
func TestLBFGSDropsAMemoryThatMisleads(t *testing.T) {
	s := maml.NewState([]float64{0.9})
	s.Pairs = []maml.Pair{{S: []float64{1}, Y: []float64{1e-30}}}
	var refused int
	_, err := maml.Minimize(t.Context(), scalar{1, 1, 1, 1}, maml.LBFGS{}, s, maml.Stop{Iterations: 1}, func(r maml.Record) error {
		refused += r.Backtracks.Domain
		return nil
	})
	if err != nil || s.Iteration != 1 || refused < 60 {
		t.Fatalf("%v after %d iterations, %d refused", err, s.Iteration, refused)
	}
	if len(s.Pairs) != 1 || s.Pairs[0].Y[0] == 1e-30 {
		t.Errorf("pairs %v", s.Pairs)
	}
}

// counted counts what is asked of an objective.
type counted struct {
	objective.Objective
	evaluations, products *int
}

func (c counted) At(x []float64) (objective.Point, error) {
	*c.evaluations++
	p, err := c.Objective.At(x)
	if err != nil {
		return nil, err
	}
	return countedPoint{p, c.products}, nil
}

type countedPoint struct {
	objective.Point
	products *int
}

func (c countedPoint) HessVec(dst, v []float64) {
	*c.products++
	c.Point.HessVec(dst, v)
}

// A run counts everything it asks, the last iteration's included, which
// stalled. (Nothing is classified there, which would cost products uncounted.)
func TestStalledRunsCountEverything(t *testing.T) {
	for name, m := range methods(0.02) {
		if name == "algorithm-1" || name == "algorithm-1 batch" {
			continue // never stalls
		}
		evaluations, products := 0, 0
		o := counted{coupled(t), &evaluations, &products}
		s := maml.NewState([]float64{1.3, -0.4, 0.9})
		before := 0
		r, err := maml.Minimize(t.Context(), o, m, s, maml.Stop{Tolerance: 1e-300, Iterations: 10000}, func(maml.Record) error {
			before = s.Evaluations + s.Products
			return nil
		})
		if err != nil || r.Status != maml.Stalled {
			t.Fatalf("%s: %v, %v", name, err, r.Status)
		}
		if s.Evaluations != evaluations || s.Products != products || evaluations+products == before {
			t.Errorf("%s: %d evaluations and %d products counted, %d and %d made; %d together before the last iteration",
				name, s.Evaluations, s.Products, evaluations, products, before)
		}
	}
}

// With β = 1 on 1 + x², Algorithm 1 goes from 1 to −1 and back: the lowest value
// was met first at the start, and the last iterate is no worse.
func TestBestIsTheFirst(t *testing.T) {
	s := maml.NewState([]float64{1})
	r, err := maml.Minimize(t.Context(), poly{n: 1, coef: []float64{1, 0, 1}}, maml.Algorithm1{Rate: 1}, s, maml.Stop{Iterations: 5}, nil)
	if err != nil || r.Status != maml.IterationLimit || s.X[0] != -1 {
		t.Fatalf("%v, %v at %v", err, r.Status, s.X)
	}
	if s.Best.Iteration != 0 || s.Best.X[0] != 1 || s.Best.Value != 2 || r.Best != nil {
		t.Errorf("best %+v, beyond the last iterate %+v", s.Best, r.Best)
	}
}

// With β = 5/4 it diverges, x ↦ −3x/2: the start is the best. With β = 1/4 it
// converges, and the last is.
func TestResultTellsOfABetterIterate(t *testing.T) {
	for _, tt := range []struct {
		beta float64
		best bool
	}{{1.25, true}, {0.25, false}} {
		s := maml.NewState([]float64{1})
		r, err := maml.Minimize(t.Context(), poly{n: 1, coef: []float64{1, 0, 1}}, maml.Algorithm1{Rate: tt.beta}, s, maml.Stop{Iterations: 10}, nil)
		if err != nil || r.Status != maml.IterationLimit || (r.Best != nil) != tt.best {
			t.Fatalf("β = %v: %v, %v, best %+v", tt.beta, err, r.Status, r.Best)
		}
		if tt.best && (r.Best.Iteration != 0 || r.Best.X[0] != 1 || r.Best.Value != 2) {
			t.Errorf("best %+v", r.Best)
		}
	}
}

// Above 500 parameters the eigenvalues are known from inside the spectrum: at
// the minimum of Σ(x⁴ + x²) nothing is claimed. Where one of them is negative,
// at the maximum in all but one direction of Σ(¼x⁴ − ½x²) + (Σx)², that is
// certain.
func TestManyParametersClaimNoMinimum(t *testing.T) {
	const n = objective.DenseLimit + 1
	r, err := maml.Minimize(t.Context(), poly{n: n, coef: []float64{1, 0, 1, 0, 1}}, maml.NewtonCG{}, maml.NewState(make([]float64, n)), maml.Stop{}, nil)
	if err != nil || r.Status != maml.Converged || r.Kind != maml.Unclassified || r.Curvature.Exact || !(r.Curvature.Min > 0) {
		t.Errorf("%v, %v, %v, λ %v", err, r.Status, r.Kind, r.Curvature.Min)
	}
	r, err = maml.Minimize(t.Context(), poly{n: n, coef: []float64{1, 0, -0.5, 0, 0.25}, m: 2}, maml.GradientDescent{}, maml.NewState(make([]float64, n)), maml.Stop{}, nil)
	if err != nil || r.Status != maml.Converged || r.Kind != maml.Saddle || r.Curvature.Exact {
		t.Errorf("%v, %v, %v, λ %v", err, r.Status, r.Kind, r.Curvature.Min)
	}
}
