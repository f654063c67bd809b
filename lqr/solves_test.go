package lqr_test

import (
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// Costs in linear matrix equations are what the documentation says.
func TestSolvesAreCounted(t *testing.T) {
	a, err := matrixeq.FromRows([][]float64{{1, 0.1, 0}, {0, 0.9, 0.2}, {0.1, 0, 0.8}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := matrixeq.FromRows([][]float64{{0}, {0.1}, {1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x0 := range [][]float64{nil, {1, 0, 0}} {
		task, err := lqr.New(lqr.Spec{A: a, B: b, Q: matrixeq.Identity(3), R: matrixeq.Scalar(1), X0: x0})
		if err != nil {
			t.Fatal(err)
		}
		if n := task.Solves(); n != 0 {
			t.Errorf("a new task has solved %d equations", n)
		}
		w := task.Optimum().Gain.Data
		dst, v := make([]float64, 3), []float64{1, 2, 3}
		count := func(what string, want int64, do func()) {
			t.Helper()
			before := task.Solves()
			do()
			if got := task.Solves() - before; got != want {
				t.Errorf("%s solves %d equations, want %d", what, got, want)
			}
		}
		var p *lqr.Point
		count("evaluating", 2, func() { p, err = task.Evaluate(w) })
		if err != nil {
			t.Fatal(err)
		}
		count("value and gradient", 0, func() { _ = p.Value(); p.Grad(dst) })
		count("a Hessian product", 2, func() { p.HessVec(dst, v) })
		count("a third derivative", 6, func() { p.Third(dst, v, v) })
		for name, rule := range map[string]objective.Rule{"natural": lqr.Natural{Task: task, Rate: 0.1}, "Gauss–Newton": lqr.GaussNewton{Task: task, Rate: 0.1}} {
			var s objective.Step
			count(name+" step", 2, func() { s, err = rule.At(w) })
			if err != nil {
				t.Fatal(err)
			}
			count(name+" push", 1, func() { s.Push(dst, v) })
			count(name+" pull", 1, func() { s.Pull(dst, v) })
			count(name+" derivative of pull", 3, func() { s.PullDeriv(dst, v, v) })
		}
	}
}
