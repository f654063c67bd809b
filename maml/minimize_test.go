package maml_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// methods are all outer methods, the unsafeguarded ones with rate β.
func methods(beta float64) map[string]maml.Method {
	return map[string]maml.Method{
		"algorithm-1":       maml.Algorithm1{Rate: beta},
		"algorithm-1 batch": maml.Algorithm1{Rate: beta, Batch: 3, Seed: 5},
		"gradient":          maml.GradientDescent{},
		"lbfgs":             maml.LBFGS{Memory: 3},
		"newton-cg":         maml.NewtonCG{},
	}
}

// coupled is a landscape in three parameters with several minima, saddles
// and inner steps of its own.
func coupled(t testing.TB) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i := range 7 {
		f := poly{n: 3, coef: []float64{4, 0.3 * float64(i-3), -1, 0.1, 0.5}, m: 0.3 + 0.1*float64(i), l: 0.01}
		members = append(members, maml.Member{Name: fmt.Sprint(i), Weight: 1 + float64(i%3), Outer: f,
			Inner: []objective.Rule{maml.Gradient{Objective: f, Rate: 0.02}, maml.Gradient{Objective: f, Rate: 0.01}}})
	}
	m, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Stopped after any iteration, written as JSON, read back and continued, a run
// ends with the bits of one undisturbed, and has left the same trace.
func TestResumeHasTheSameBits(t *testing.T) {
	meta := coupled(t)
	start := []float64{1.3, -0.4, 0.9}
	stop := maml.Stop{Iterations: 40}
	for name, m := range methods(0.02) {
		t.Run(name, func(t *testing.T) {
			var trace []maml.Record
			whole := maml.NewState(start)
			want, err := maml.Minimize(t.Context(), meta, m, whole, stop, func(r maml.Record) error {
				trace = append(trace, r)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for cut := range whole.Iteration + 1 {
				var halves []maml.Record
				halt := errors.New("killed")
				first := maml.NewState(start)
				_, err := maml.Minimize(t.Context(), meta, m, first, stop, func(r maml.Record) error {
					halves = append(halves, r)
					if r.Iteration == cut {
						return halt
					}
					return nil
				})
				if !errors.Is(err, halt) {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				text, err := json.Marshal(first)
				if err != nil {
					t.Fatal(err)
				}
				var second maml.State
				if err := json.Unmarshal(text, &second); err != nil {
					t.Fatal(err)
				}
				got, err := maml.Minimize(t.Context(), meta, m, &second, stop, func(r maml.Record) error {
					halves = append(halves, r)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				a, _ := json.Marshal(whole)
				b, _ := json.Marshal(&second)
				if string(a) != string(b) {
					t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, b, a)
				}
				if got.Status != want.Status || got.Value != want.Value || got.GradientNorm != want.GradientNorm {
					t.Fatalf("cut at %d: %v %v, want %v %v", cut, got.Status, got.Value, want.Status, want.Value)
				}
				if !reflect.DeepEqual(halves, trace) {
					t.Fatalf("cut at %d: traces differ", cut)
				}
			}
			t.Logf("%v after %d iterations, %d evaluations, %d products", want.Status, whole.Iteration, whole.Evaluations, whole.Products)
		})
	}
}

// On one task with one inner step the gap ends below 1e-14 of the optimum.
func TestOneTaskReachesItsOptimum(t *testing.T) {
	one := scalar{1, 1, 1, 1}
	w, _ := one.optimum()
	for name, m := range methods(0.05) {
		if name == "algorithm-1 batch" {
			m = maml.Algorithm1{Rate: 0.05, Batch: 2, Sum: true} // one task: a batch is the whole
		}
		s := maml.NewState([]float64{0.9})
		r, err := maml.Minimize(t.Context(), family(t, 0.05, 1, one), m, s, maml.Stop{Iterations: 5000}, nil)
		if err != nil || r.Status != maml.Converged {
			t.Fatalf("%s: %v %v", name, err, r.Status)
		}
		near(t, name, s.X[0], w, 1e-9)
		if !(*r.Gap <= 1e-14*r.Value) || *r.Gap < 0 {
			t.Errorf("%s: gap %g", name, *r.Gap)
		}
	}
}

// Multiplying h by a constant changes nothing but h: a power of two not even
// bits.
func TestScaleInvariance(t *testing.T) {
	scaled := func(c float64) *maml.Meta {
		var tasks []scalar
		for _, s := range spread(3) {
			tasks = append(tasks, scalar{s.a, s.b, c * s.q, c * s.r})
		}
		return family(t, 0.01/c, 1, tasks...)
	}
	for name, m := range methods(1) {
		if name == "algorithm-1" || name == "algorithm-1 batch" {
			continue // a constant rate is not invariant
		}
		s := maml.NewState([]float64{0.3})
		if _, err := maml.Minimize(t.Context(), scaled(1), m, s, maml.Stop{}, nil); err != nil {
			t.Fatal(err)
		}
		for _, c := range []float64{0x1p-200, 0x1p40, 0x1p200} {
			u := maml.NewState([]float64{0.3})
			if _, err := maml.Minimize(t.Context(), scaled(c), m, u, maml.Stop{}, nil); err != nil {
				t.Fatal(err)
			}
			if u.X[0] != s.X[0] || u.Iteration != s.Iteration {
				t.Errorf("%s scaled by %g: %v after %d, want %v after %d", name, c, u.X, u.Iteration, s.X, s.Iteration)
			}
		}
	}
}

// Run down to rounding, Newton's gradients fall superlinearly and the run says
// Stalled with what it reached.
func TestNewtonFinish(t *testing.T) {
	var norms []float64
	s := maml.NewState([]float64{1.3, -0.4, 0.9})
	r, err := maml.Minimize(t.Context(), coupled(t), maml.NewtonCG{}, s, maml.Stop{Tolerance: 1e-300}, func(r maml.Record) error {
		norms = append(norms, r.GradientNorm)
		return nil
	})
	if err != nil || (r.Status != maml.Stalled && r.Status != maml.Converged) || r.GradientNorm > 1e-14 {
		t.Fatalf("%v: %v with gradient %g", err, r.Status, r.GradientNorm)
	}
	t.Logf("%v; gradients %.2g", r.Status, norms)
	for i, g := range norms[:len(norms)-1] {
		// Order 3/2 from the forcing term, once near; down to rounding.
		if g < 1e-3 && g > 1e-10 && norms[i+1] > 10*math.Pow(g, 1.5)+1e-14 {
			t.Errorf("from %g to %g", g, norms[i+1])
		}
	}
}

// saddle is ¼(x² − 1)² + ½y² + 1: minima at (±1, 0), a saddle at 0; hill is
// the same in x with −½y² + ¼y⁴ instead: a maximum at 0.
func TestNewtonLeavesSaddlesAndMaxima(t *testing.T) {
	double := poly{n: 1, coef: []float64{1.25, 0, -0.5, 0, 0.25}}
	hill := poly{n: 2, coef: double.coef}
	saddle := poly{n: 2, coef: double.coef, m: 1} // eigenvalue −1 + 2 along (1, 1)
	for _, tt := range []struct {
		name  string
		f     poly
		start []float64
		kind  maml.Kind
	}{
		{"double well", double, []float64{0}, maml.Maximum},
		{"double well, nearly", double, []float64{1e-13}, maml.Maximum},
		{"hill", hill, []float64{0, 0}, maml.Maximum},
		{"saddle", saddle, []float64{0, 0}, maml.Saddle},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := maml.NewState(tt.start)
			r, err := maml.Minimize(t.Context(), tt.f, maml.GradientDescent{}, s, maml.Stop{}, nil)
			if err != nil || r.Status != maml.Converged || r.Kind != tt.kind || s.Iteration != 0 {
				t.Fatalf("gradient descent: %v, %v, %v", err, r.Status, r.Kind)
			}
			near(t, "λ_min", r.Curvature.Min, -1, 1e-12)
			s = maml.NewState(tt.start)
			r, err = maml.Minimize(t.Context(), tt.f, maml.NewtonCG{}, s, maml.Stop{}, nil)
			if err != nil || r.Status != maml.Converged || r.Kind != maml.Minimum {
				t.Fatalf("Newton: %v, %v, %v at %v", err, r.Status, r.Kind, s.X)
			}
			t.Logf("%v after %d iterations", s.X, s.Iteration)
		})
	}
}

// Where the Hessian vanishes to the accuracy of the gradient, the kind is not
// guessed.
func TestDegenerate(t *testing.T) {
	quartic := poly{n: 1, coef: []float64{1, 0, 0, 0, 0.6}}
	s := maml.NewState([]float64{0.5})
	r, err := maml.Minimize(t.Context(), quartic, maml.NewtonCG{}, s, maml.Stop{}, nil)
	if err != nil || r.Status != maml.Converged || r.Kind != maml.Degenerate {
		t.Fatalf("%v %v %v at %v", err, r.Status, r.Kind, s.X)
	}
	t.Logf("%v after %d iterations, λ %g", s.X, s.Iteration, r.Curvature.Min)
}

// Each refused trial is counted under its reason, and no accepted iterate is
// outside the domain.
func TestBacktracksSayWhy(t *testing.T) {
	// Near the right end of (0, 2) the exact Newton and Cauchy steps are
	// short; a long first radius leaves the domain.
	one := family(t, 0.01, 1, scalar{1, 1, 1, 1})
	var domain int
	s := maml.NewState([]float64{1.7})
	r, err := maml.Minimize(t.Context(), one, maml.NewtonCG{Radius: 10}, s, maml.Stop{}, func(r maml.Record) error {
		domain += r.Backtracks.Domain + r.Backtracks.Agreement + r.Backtracks.Decrease
		return nil
	})
	if err != nil || r.Status != maml.Converged || domain == 0 {
		t.Errorf("%v %v, %d refused", err, r.Status, domain)
	}
	// −log-like walls: x ↦ 1/(x(2−x)) in disguise, q ≫ r.
	var left int
	s = maml.NewState([]float64{0.05})
	r, err = maml.Minimize(t.Context(), family(t, 0, 0, scalar{1, 1, 1e-6, 1}), maml.LBFGS{}, s, maml.Stop{}, func(r maml.Record) error {
		left += r.Backtracks.Domain
		return nil
	})
	if err != nil || r.Status != maml.Converged || left == 0 {
		t.Errorf("%v %v, %d left the domain", err, r.Status, left)
	}
}

// Algorithm 1 with too long a rate leaves the domain; that is reported, with
// the task and its number, at the last iterate inside.
func TestAlgorithm1LeavesTheDomain(t *testing.T) {
	meta := family(t, 0.01, 1, spread(3)...)
	s := maml.NewState([]float64{0.2})
	r, err := maml.Minimize(t.Context(), meta, maml.Algorithm1{Rate: 0.2}, s, maml.Stop{}, nil)
	if err != nil || r.Status != maml.LeftDomain {
		t.Fatalf("%v %v", err, r.Status)
	}
	var m *maml.MemberError
	var out *outsideError
	if !errors.As(r.Cause, &m) || !errors.As(r.Cause, &out) || out.radius < 1 {
		t.Fatalf("cause %v", r.Cause)
	}
	if _, err := meta.At(s.X); err != nil || s.Best == nil || s.Best.Value > r.Value {
		t.Errorf("%v; last %v, best %v", err, r.Value, s.Best)
	}
	t.Log(r.Cause)
}

// The mean over all batches of one draw is the exact gradient: with three
// tasks each is drawn with its weight. Over 40 000 seeds the mean's standard
// error is known from the variance of the draws; five of it is allowed.
func TestBatchIsUnbiased(t *testing.T) {
	tasks := spread(3)
	weights := []float64{1, 2, 5}
	var members []maml.Member
	for i, s := range tasks {
		members = append(members, maml.Member{Weight: weights[i], Outer: s, Inner: []objective.Rule{maml.Gradient{Objective: s, Rate: 0.01}}})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	const x, beta, draws = 0.6, 1e-6, 40000
	p, err := meta.Evaluate([]float64{x})
	if err != nil {
		t.Fatal(err)
	}
	g := []float64{0}
	p.Grad(g)
	for _, sum := range []bool{false, true} {
		var mean, square float64
		for seed := range draws {
			s := maml.NewState([]float64{x})
			if _, err := maml.Minimize(t.Context(), meta, maml.Algorithm1{Rate: beta, Batch: 2, Sum: sum, Seed: uint64(seed)}, s, maml.Stop{Iterations: 1}, nil); err != nil {
				t.Fatal(err)
			}
			d := (x - s.X[0]) / beta
			if sum {
				d /= 2
			}
			mean += d / draws
			square += d * d / draws
		}
		deviation := math.Sqrt((square - mean*mean) / draws)
		if math.Abs(mean-g[0]) > 5*deviation || deviation == 0 {
			t.Errorf("sum %v: mean %g ± %g, want %g", sum, mean, deviation, g[0])
		}
	}
	// All tasks: the mean is the gradient, the sum N times that.
	for sum, want := range map[bool]float64{false: g[0], true: 3 * g[0]} {
		s := maml.NewState([]float64{x})
		if _, err := maml.Minimize(t.Context(), meta, maml.Algorithm1{Rate: 0x1p-20, Sum: sum}, s, maml.Stop{Iterations: 1}, nil); err != nil {
			t.Fatal(err)
		}
		near(t, "whole batch", s.X[0], x-0x1p-20*want, 1e-15)
	}
}

func TestCancelled(t *testing.T) {
	for name, m := range methods(0.01) {
		ctx, cancel := context.WithCancel(t.Context())
		s := maml.NewState([]float64{1.3, -0.4, 0.9})
		r, err := maml.Minimize(ctx, coupled(t), m, s, maml.Stop{}, func(r maml.Record) error {
			if r.Iteration == 2 {
				cancel()
			}
			return nil
		})
		if err != nil || r.Status != maml.Stopped || s.Iteration != 2 {
			t.Errorf("%s: %v %v after %d", name, err, r.Status, s.Iteration)
		}
	}
}

func TestMinimizeRefuses(t *testing.T) {
	one := scalar{1, 1, 1, 1}
	inside := []float64{1}
	for _, tt := range []struct {
		name  string
		o     objective.Objective
		m     maml.Method
		start []float64
		stop  maml.Stop
		want  error
	}{
		{"start outside", one, maml.NewtonCG{}, []float64{3}, maml.Stop{}, objective.ErrDomain},
		{"start of two", one, maml.NewtonCG{}, []float64{1, 1}, maml.Stop{}, maml.ErrDimension},
		{"no rate", one, maml.Algorithm1{}, inside, maml.Stop{}, maml.ErrSetting},
		{"negative batch", one, maml.Algorithm1{Rate: 1, Batch: -1}, inside, maml.Stop{}, maml.ErrSetting},
		{"batch of no members", one, maml.Algorithm1{Rate: 1, Batch: 1}, inside, maml.Stop{}, maml.ErrSetting},
		{"memory", one, maml.LBFGS{Memory: -1}, inside, maml.Stop{}, maml.ErrSetting},
		{"radius", one, maml.NewtonCG{Radius: math.NaN()}, inside, maml.Stop{}, maml.ErrSetting},
		{"tolerance", one, maml.NewtonCG{}, inside, maml.Stop{Tolerance: -1}, maml.ErrSetting},
		{"iterations", one, maml.NewtonCG{}, inside, maml.Stop{Iterations: -1}, maml.ErrSetting},
		{"broken", broken{one}, maml.NewtonCG{}, inside, maml.Stop{}, errBroken},
		{"broken", broken{one}, maml.LBFGS{}, inside, maml.Stop{}, errBroken},
		{"broken", broken{one}, maml.Algorithm1{Rate: 0.1}, inside, maml.Stop{}, errBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := maml.Minimize(t.Context(), tt.o, tt.m, maml.NewState(tt.start), tt.stop, nil)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			t.Log(err)
		})
	}
}

// broken fails, other than by leaving its domain, everywhere but at 1.
type broken struct{ scalar }

var errBroken = errors.New("broken")

func (b broken) At(x []float64) (objective.Point, error) {
	if x[0] != 1 {
		return nil, errBroken
	}
	return b.scalar.At(x)
}

func TestIterationLimit(t *testing.T) {
	s := maml.NewState([]float64{1.3, -0.4, 0.9})
	r, err := maml.Minimize(t.Context(), coupled(t), maml.GradientDescent{}, s, maml.Stop{Iterations: 3}, nil)
	if err != nil || r.Status != maml.IterationLimit || s.Iteration != 3 || r.Kind != maml.Unclassified {
		t.Errorf("%v %v %d", err, r.Status, s.Iteration)
	}
}

func TestStatusText(t *testing.T) {
	for s := maml.Running; s <= maml.Stopped; s++ {
		text, _ := s.MarshalText()
		var back maml.Status
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%v: %q, %v", s, text, err)
		}
	}
	for k := maml.Unclassified; k <= maml.Degenerate; k++ {
		text, _ := k.MarshalText()
		var back maml.Kind
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("%v: %q, %v", k, text, err)
		}
	}
	var s maml.Status
	if s.UnmarshalText([]byte("nonsense")) == nil {
		t.Error("nonsense is a status")
	}
}

// Where h is flat to rounding long before the gradient is small, as with
// eigenvalues from 1e-3 to 1e3 and the minimum at h = 1, slopes decide and the
// run still ends at the gradient asked for.
func TestIllConditioned(t *testing.T) {
	eigenvalues := []float64{1e-3, 1e-2, 0.1, 1, 10, 100, 1e3}
	n := len(eigenvalues)
	q := quadratic{a: mat.NewSymDense(n, nil), c: make([]float64, n)}
	start := make([]float64, n)
	for i, l := range eigenvalues {
		q.a.SetSym(i, i, l)
		q.c[i] = 0.1
	}
	for m, most := range map[maml.Method]int{maml.LBFGS{}: 300, maml.NewtonCG{}: 15} {
		name := fmt.Sprintf("%T", m)
		s := maml.NewState(start)
		r, err := maml.Minimize(t.Context(), q, m, s, maml.Stop{}, nil)
		if err != nil || r.Status != maml.Converged || s.Iteration > most {
			t.Errorf("%s: %v %v after %d iterations, gradient %g", name, err, r.Status, s.Iteration, r.GradientNorm)
		}
		// 1e-10 over the least eigenvalue.
		if d := math.Abs(s.X[0] - 0.1); d > 1e-7 {
			t.Errorf("%s: off by %g", name, d)
		}
		t.Logf("%s: %d iterations, %d evaluations, %d products", name, s.Iteration, s.Evaluations, s.Products)
	}
}
