package maml_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// smooth is a mixture of three polynomial tasks of three parameters, weights
// 1 : 2 : 3, after k steps at a rate.
func smooth(t testing.TB, rate float64, k int) (*maml.Meta, []poly) {
	t.Helper()
	var members []maml.Member
	var tasks []poly
	for i := range 3 {
		g := poly{n: 3, coef: []float64{2, 0.4 * float64(i-1), 0.5, 0.1 * float64(i), 0.2}, m: 0.3, l: 0.05}
		m := maml.Member{Weight: float64(i + 1), Outer: g}
		for range k {
			m.Inner = append(m.Inner, maml.Gradient{Objective: g, Rate: rate})
		}
		members, tasks = append(members, m), append(tasks, g)
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return meta, tasks
}

func gradient(t testing.TB, o objective.Objective, x []float64) []float64 {
	t.Helper()
	p, err := o.At(x)
	if err != nil {
		t.Fatal(err)
	}
	g := make([]float64, len(x))
	p.Grad(g)
	return g
}

// The direction is Kη ∇c − η² K(K−1)/2 Σ λ ∇²g ∇g + O(η³): halving η divides the
// remainder by eight. With one step there is none.
func TestReptileSeries(t *testing.T) {
	x := []float64{0.4, -0.3, 0.7}
	for k := range 5 {
		remainder := func(rate float64) float64 {
			meta, tasks := smooth(t, rate, k)
			got := gradient(t, maml.Reptile{Meta: meta}, x)
			var off float64
			for j := range x {
				var want float64
				for i, g := range tasks {
					p, err := g.At(x)
					if err != nil {
						t.Fatal(err)
					}
					first, second := make([]float64, 3), make([]float64, 3)
					p.Grad(first)
					p.HessVec(second, first)
					λ, n := float64(i+1)/6, float64(k)
					want += λ * (n*rate*first[j] - rate*rate*n*(n-1)/2*second[j])
				}
				off = math.Hypot(off, got[j]-want)
			}
			return off
		}
		if k < 2 {
			if off := remainder(0.1); off > 1e-15 {
				t.Errorf("K = %d: remainder %g", k, off)
			}
			continue
		}
		// The next term is a factor of η away.
		near(t, fmt.Sprintf("K = %d: remainder over that at half the rate", k), remainder(2e-3)/remainder(1e-3), 8, 0.01)
	}
}

// Reptile with one step of inner descent is descent on the mean cost, and ends
// at its minimiser, which is not that of h.
func TestReptileOneStepDescendsTheMean(t *testing.T) {
	const rate = 0.1
	meta, _ := smooth(t, rate, 1)
	mean, _ := smooth(t, 0, 0)
	at := func(o objective.Objective, m maml.Method) []float64 {
		s := maml.NewState([]float64{0.4, -0.3, 0.7})
		r, err := maml.Minimize(t.Context(), o, m, s, maml.Stop{Tolerance: 1e-12, Iterations: 10000}, nil)
		if err != nil || r.Status != maml.Converged {
			t.Fatal(err, r.Status)
		}
		return s.X
	}
	// β = εη = 0.2, against a curvature of some 3.
	reptile := at(maml.Reptile{Meta: meta}, maml.Algorithm1{Rate: 2})
	plain := at(mean, maml.NewtonCG{})
	exact := at(meta, maml.NewtonCG{})
	var away float64
	for j := range plain {
		near(t, "minimiser of the mean", reptile[j], plain[j], 1e-9)
		away = math.Hypot(away, reptile[j]-exact[j])
	}
	if away < 1e-3 {
		t.Errorf("only %g from the minimiser of h", away)
	}
}

// A step at a rate ε is x + ε (x_K − x), of the mean over a batch of any kind.
func TestReptileStep(t *testing.T) {
	meta, _ := smooth(t, 0.1, 3)
	x := []float64{0.4, -0.3, 0.7}
	p, err := meta.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []maml.Algorithm1{
		{Rate: 0.3}, {Rate: 0.3, Batch: 1, Seed: 4}, {Rate: 0.3, Batch: 4, Seed: 4},
		{Rate: 0.3, Last: 0.1, Over: 10}, {Rate: 0.3, Sum: true, Batch: 2, Seed: 9},
	} {
		s := maml.NewState(x)
		if _, err := maml.Minimize(t.Context(), maml.Reptile{Meta: meta}, m, s, maml.Stop{Iterations: 1}, nil); err != nil {
			t.Fatal(err)
		}
		// What the batch was shows in the step; one of the combinations must fit.
		counts := [][]int{{}}
		for range m.Batch {
			var longer [][]int
			for _, c := range counts {
				for i := range 3 {
					longer = append(longer, append(append([]int(nil), c...), i))
				}
			}
			counts = longer
		}
		found := false
		for _, batch := range counts {
			fits := true
			for j := range x {
				var mean float64
				for _, i := range batch {
					mean += p.Adapted(i)[j] / float64(len(batch))
				}
				if m.Batch == 0 {
					for i := range 3 {
						mean += p.Weight(i) * p.Adapted(i)[j]
					}
				}
				times := 1.0
				if m.Sum {
					times = float64(m.Batch)
				}
				fits = fits && math.Abs(s.X[j]-(x[j]+0.3*times*(mean-x[j]))) < 1e-15
			}
			found = found || fits
		}
		if !found {
			t.Errorf("%+v: %v is no step of a batch", m, s.X)
		}
	}
}

// The value is h, and what its points know of tasks is that of h's.
func TestReptileValue(t *testing.T) {
	meta := family(t, 0.05, 2, spread(5)...)
	p, err := meta.Evaluate([]float64{0.7})
	if err != nil {
		t.Fatal(err)
	}
	q, err := maml.Reptile{Meta: meta}.At([]float64{0.7})
	if err != nil {
		t.Fatal(err)
	}
	r, ok := q.(interface {
		maml.Directed
		objective.Gapped
		Adapted(i int) []float64
	})
	if !ok || r.Value() != p.Value() || r.Gap() != p.Gap() || r.Direction() == "" {
		t.Fatalf("%T: %v, want %v", q, q.Value(), p.Value())
	}
	for i := range meta.Len() {
		if r.Adapted(i)[0] != p.Adapted(i)[0] {
			t.Errorf("task %d adapts to %v, want %v", i, r.Adapted(i), p.Adapted(i))
		}
	}
	if _, err := (maml.Reptile{Meta: meta}).At([]float64{3}); err == nil {
		t.Error("no error outside the domain")
	}
}
