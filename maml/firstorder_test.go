package maml_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// rewrite is the same mixture with other rules.
func rewrite(t testing.TB, m *maml.Meta, rule func(objective.Rule) objective.Rule) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i := range m.Len() {
		member := m.Member(i)
		member.Inner = nil
		for _, r := range m.Member(i).Inner {
			member.Inner = append(member.Inner, rule(r))
		}
		members = append(members, member)
	}
	n, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func firstOrder(t testing.TB, m *maml.Meta) *maml.Meta {
	return rewrite(t, m, func(r objective.Rule) objective.Rule { return maml.FirstOrder{Rule: r} })
}

// FO-MAML's direction is Σ λᵢ ∇fᵢ(x_K), its value h.
func TestFirstOrderDirection(t *testing.T) {
	exact := mixed(t, bent{}, 0)
	x := []float64{0.4, -0.3, 0.7}
	p, err := exact.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	q, err := firstOrder(t, exact).Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "value", q.Value(), p.Value(), 0x1p-51)
	if q.Direction() == "" || p.Direction() != "" {
		t.Errorf("directions %q and %q", q.Direction(), p.Direction())
	}
	got, f := make([]float64, 3), make([]float64, 3)
	q.Grad(got)
	for j := range got {
		want := objective.Sum(p.Len(), func(i int) float64 {
			p.Path(i).Outer.Grad(f)
			return p.Weight(i) * f[j]
		})
		near(t, fmt.Sprintf("entry %d", j), got[j], want, 0x1p-51) // weights are normalised twice
	}
}

// The table of FirstOrder's comment: where FO-MAML ends from w = ½, and how far
// above the minimum beside it. FO-MAML's limit is checked against bisection of
// G(w) = ½ Σ Cᵢ′(w − ηCᵢ′(w)), written out anew.
func TestFirstOrderBias(t *testing.T) {
	tasks := []scalar{{1, 1, 1, .1}, {1, 1, .1, 1}}
	slope := func(s scalar, w float64) float64 {
		c := s.a - s.b*w
		d := 1 - c*c
		return (2*s.r*w*d - (s.q+s.r*w*w)*2*s.b*c) / (d * d)
	}
	var last float64
	for _, tt := range []struct{ rate, minimiser, limit, excess float64 }{
		{0.05, 0.54341, 0.59465, 1.635e-3},
		{0.025, 0.59349, 0.60741, 2.303e-4},
		{0.0125, 0.60721, 0.61295, 4.734e-5},
		{0.00625, 0.61291, 0.61555, 1.085e-5},
	} {
		exact := family(t, tt.rate, 1, tasks...)
		m := maml.NewState([]float64{0.5})
		best, err := maml.Minimize(t.Context(), exact, maml.NewtonCG{}, m, maml.Stop{}, nil)
		if err != nil || best.Kind != maml.Minimum {
			t.Fatal(err, best.Kind)
		}
		s := maml.NewState([]float64{0.5})
		r, err := maml.Minimize(t.Context(), firstOrder(t, exact), maml.Algorithm1{Rate: 0.02}, s, maml.Stop{Tolerance: 1e-12, Iterations: 10000}, nil)
		if err != nil || r.Status != maml.Converged || r.Kind != maml.Unclassified {
			t.Fatal(err, r.Status, r.Kind)
		}
		lo, hi := 0.5, 0.7
		for range 60 {
			w := (lo + hi) / 2
			var g float64
			for _, task := range tasks {
				g += slope(task, w-tt.rate*slope(task, w))
			}
			if g < 0 {
				lo = w
			} else {
				hi = w
			}
		}
		near(t, fmt.Sprintf("η = %v: FO-MAML's limit", tt.rate), s.X[0], lo, 1e-11)
		near(t, fmt.Sprintf("η = %v: FO-MAML's limit", tt.rate), s.X[0], tt.limit, 5e-6)
		near(t, fmt.Sprintf("η = %v: minimiser", tt.rate), m.X[0], tt.minimiser, 5e-6)
		if excess := r.Value - best.Value; math.Abs(excess-tt.excess) > 1e-3*tt.excess {
			t.Errorf("η = %v: %.4g above the minimum, want %.4g", tt.rate, excess, tt.excess)
		}
		// Half the rate: half the distance, a quarter of the excess, in the limit.
		if away := math.Abs(s.X[0] - m.X[0]); last != 0 && !(away < last/2) {
			t.Errorf("η = %v: %.4g away, %.4g at twice the rate", tt.rate, away, last)
		} else {
			last = away
		}
	}

	// At η = 0.05 FO-MAML leaves the lowest minimum too.
	exact := family(t, 0.05, 1, tasks...)
	m := maml.NewState([]float64{0.1838})
	best, err := maml.Minimize(t.Context(), exact, maml.NewtonCG{}, m, maml.Stop{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := maml.NewState(m.X)
	r, err := maml.Minimize(t.Context(), firstOrder(t, exact), maml.Algorithm1{Rate: 0.02}, s, maml.Stop{Iterations: 10000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "limit from the lowest minimum", s.X[0], 0.59465, 5e-6)
	near(t, "lost", r.Value-best.Value, 0.11300, 1e-5)
	if r.Best == nil || r.Best.Iteration != 0 {
		t.Errorf("best %+v, want the start", r.Best)
	}
}

// With one task both end where ∇f(x_K) = 0.
func TestFirstOrderOneTask(t *testing.T) {
	one := scalar{1, 1, 1, 1}
	w, _ := one.optimum()
	for k := range 4 {
		s := maml.NewState([]float64{0.9})
		r, err := maml.Minimize(t.Context(), firstOrder(t, family(t, 0.05, k, one)), maml.Algorithm1{Rate: 0.05}, s, maml.Stop{Iterations: 5000}, nil)
		if err != nil || r.Status != maml.Converged {
			t.Fatal(err, r.Status)
		}
		near(t, fmt.Sprintf("K = %d", k), s.X[0], w, 1e-9)
		if !(*r.Gap <= 1e-14*r.Value) {
			t.Errorf("K = %d: gap %g", k, *r.Gap)
		}
	}
}
