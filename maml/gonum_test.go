package maml_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/optimize"

	"github.com/metalqr/metalqr/maml"
)

// Safeguarded methods never raise h by more than rounding and end at a
// minimiser, the same that gonum's BFGS finds from there.
func TestAgainstGonum(t *testing.T) {
	meta := coupled(t)
	problem := optimize.Problem{
		Func: func(x []float64) float64 {
			p, err := meta.Evaluate(x)
			if err != nil {
				return math.Inf(1)
			}
			return p.Value()
		},
		Grad: func(g, x []float64) {
			p, err := meta.Evaluate(x)
			if err != nil {
				t.Fatal(err)
			}
			p.Grad(g)
		},
	}
	for _, start := range [][]float64{{1.3, -0.4, 0.9}, {-1, -1, -1}, {2, 2, -2}, {0.1, 0, 0}} {
		for name, m := range methods(0.02) {
			if name == "algorithm-1 batch" {
				continue // wanders
			}
			last := math.Inf(1)
			s := maml.NewState(start)
			r, err := maml.Minimize(t.Context(), meta, m, s, maml.Stop{Iterations: 20000}, func(r maml.Record) error {
				if r.Value > last+1e-10*math.Abs(last) {
					t.Errorf("%s from %v: h rose to %v from %v", name, start, r.Value, last)
				}
				last = r.Value
				return nil
			})
			if err != nil || r.Status != maml.Converged {
				t.Fatalf("%s from %v: %v %v", name, start, err, r.Status)
			}
			if name == "newton-cg" && r.Kind != maml.Minimum {
				t.Errorf("%s from %v: %v", name, start, r.Kind)
			}
			away := append([]float64(nil), s.X...)
			for i := range away {
				away[i] += 0.03
			}
			theirs, err := optimize.Minimize(problem, away, &optimize.Settings{GradientThreshold: 1e-9}, &optimize.BFGS{})
			if err != nil && theirs == nil {
				t.Fatal(err)
			}
			for i := range s.X {
				near(t, name, s.X[i], theirs.X[i], 1e-7) // 1e-9 over an eigenvalue of about 1
			}
			t.Logf("%-18s from %v: h %.9f, %d iterations, %d evaluations, %d products", name, start, r.Value, s.Iteration, s.Evaluations, s.Products)
		}
	}
}
