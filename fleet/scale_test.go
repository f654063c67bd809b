package fleet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/metalqr/metalqr/lqr"
)

// scaledTasks are nine tasks whose costs are in the unit 2^exponent.
func scaledTasks(t *testing.T, exponent int) []*lqr.Task {
	t.Helper()
	var tasks []*lqr.Task
	for i := range 9 {
		s := lqr.Spec{
			A: matrix(3, 3, []float64{0.95 + 0.003*float64(i), 0.2, 0, -0.1, 0.9, 0.1, 0.05, 0, 0.8}), B: matrix(3, 2, []float64{0.1, 0, 0.5, 0.1, 0, 0.4}),
			Q: matrix(3, 3, []float64{1, 0.2, 0, 0.2, 2, 0, 0, 0, 1}), R: matrix(2, 2, []float64{1, 0.1, 0.1, 0.5}),
		}
		for _, m := range [][]float64{s.Q.Data, s.R.Data} {
			for j := range m {
				m[j] = math.Ldexp(m[j], exponent)
			}
		}
		task, err := lqr.New(s)
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	return tasks
}

// The unit of the weights does not show in the bits, from the least subnormal
// number to sums that would overflow, whether tasks are held or streamed.
func TestWeightsOfAnyUnit(t *testing.T) {
	tasks := scaledTasks(t, 20)
	x := tasks[0].Minimizer()
	var arrays Arrays
	arrays.Tasks, arrays.States, arrays.Inputs = len(tasks), 3, 2
	for _, task := range tasks {
		s := task.Standard()
		arrays.A, arrays.B = append(arrays.A, s.A.Data...), append(arrays.B, s.B.Data...)
		arrays.Q, arrays.R = append(arrays.Q, s.Q.Data...), append(arrays.R, s.R.Data...)
	}
	var want []float64
	for _, exponent := range []int{0, -1074, -1000, 1000, 1021} {
		weights := make([]float64, len(tasks))
		for i := range weights {
			weights[i] = math.Ldexp(float64(1+i%3), exponent)
		}
		f, err := New(tasks, weights, nil, Options{Rates: []float64{1e-9}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Evaluate(x)
		if err != nil {
			t.Fatalf("2^%d: %v", exponent, err)
		}
		h := make([]float64, f.Dim())
		p.HessVec(h, x)
		got := append(append([]float64{f.LowerBound(), f.Weight(1), p.Value(), p.Gap()}, p.grad...), h...)
		if want == nil {
			want = got
		}
		for i, v := range want {
			if got[i] != v {
				t.Errorf("2^%d: number %d is %v, want %v", exponent, i, got[i], v)
			}
		}
		arrays.Weights = weights
		given := false
		s, err := Stream(x, func() (Arrays, error) {
			if given {
				return Arrays{}, io.EOF
			}
			given = true
			return arrays, nil
		}, StreamOptions{Options: Options{Rates: []float64{1e-9}}})
		if err != nil {
			t.Fatalf("2^%d: %v", exponent, err)
		}
		if s.Value != p.Value() || s.Weights != 18*math.Ldexp(1, exponent) && exponent < 1020 {
			t.Errorf("2^%d: streamed %v by %v, want %v", exponent, s.Value, s.Weights, p.Value())
		}
	}
	arrays.Weights = []float64{5e-324, 1e300, 1, 1, 1, 1, 1, 1, 1}
	var e *ArraysError
	if _, err := Stream(x, func() (Arrays, error) { return arrays, nil }, StreamOptions{}); !errors.As(err, &e) || e.Task != 1 {
		t.Errorf("beyond the first weight's reach: %v", err)
	}
}

// Norms scale with the unit of the cost, where squares vanish, too. Gauss–Newton
// steps have no unit.
func TestNormsOfAnyUnit(t *testing.T) {
	norms := func(exponent int, rule Rule) *Norms {
		f, err := New(scaledTasks(t, exponent), nil, nil, Options{Rule: rule, Rates: []float64{0}})
		if err != nil {
			t.Fatal(err)
		}
		x := scaledTasks(t, 0)[0].Minimizer()
		x[0] += 0.01
		n, err := f.StepNorms(x)
		if err != nil {
			t.Fatal(err)
		}
		return n[0]
	}
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		want := norms(0, rule)
		redone := 0
		for _, exponent := range []int{-30, -230, -300, -500, -700, 300} {
			got, unit := norms(exponent, rule), exponent
			redone += got.Redone
			if rule == GaussNewton {
				unit = 0
			}
			for i, v := range want.Norms {
				if v := math.Ldexp(v, unit); !(math.Abs(got.Norms[i]-v) <= 1e-11*v) {
					t.Errorf("%v, unit 2^%d: norm %d is %g, want %g", rule, exponent, i, got.Norms[i], v)
				}
			}
		}
		if (redone > 0) != (rule != GaussNewton) {
			t.Errorf("%v: %d redone", rule, redone)
		}
	}
}

// At the last gain too, where R drowns in BᵀPB, the norm of a Gauss–Newton step is
// refused as its step is.
func TestNormsWhereRDrowns(t *testing.T) {
	task, err := lqr.New(lqr.Spec{
		A: matrix(2, 2, []float64{0.99, 0.1, 0, 0.8}), B: matrix(2, 2, []float64{1, 1, 0.5, 0.5}),
		Q: matrix(2, 2, []float64{1, 0, 0, 1}), R: matrix(2, 2, []float64{1e-13, 0, 0, 1e-13}),
	})
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{-0.002, 0, -0.002, 0} // nearly unstable, and P large
	f, err := New([]*lqr.Task{task}, nil, nil, Options{Rule: GaussNewton, Rates: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	_, want := f.Evaluate(x)
	n, got := f.StepNorms(x)
	if e := (*lqr.OverflowError)(nil); !errors.As(got, &e) || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v; the step: %v", n, got, want)
	}
}
