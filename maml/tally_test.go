package maml_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// What the comment of each type says that a direction and a product with the
// Hessian cost, per member and K steps, counted. In linear solves of an LQR task:
// 2 for an evaluation, 2 for a product, 6 for a third derivative.
func TestCostsAreAsDocumented(t *testing.T) {
	type maker func(o objective.Objective) objective.Rule
	inner := poly{n: 3, coef: []float64{4, 0.2, 1, 0.1, 0.5}, m: 0.3, l: 0.02}
	const members = 4
	for _, tt := range []struct {
		name   string
		rule   maker
		extra  int // parameters beside x
		of     func(*maml.Meta) objective.Objective
		grad   func(k int) maml.Counts
		solves func(k int) int
		hess   func(k int) maml.Counts
	}{
		{
			"MAML", func(o objective.Objective) objective.Rule { return maml.Gradient{Objective: o, Rate: 0.02} }, 0, nil,
			func(k int) maml.Counts { return maml.Counts{Evaluations: k + 1, Products: k} },
			func(k int) int { return 4*k + 2 },
			func(k int) maml.Counts { return maml.Counts{Products: 2*k + 1, Thirds: k} },
		},
		{
			"rates", func(o objective.Objective) objective.Rule {
				return maml.Rates{Objective: o, Rates: []float64{0.01, 0.02, 0.03}}
			}, 0, nil,
			func(k int) maml.Counts { return maml.Counts{Evaluations: k + 1, Products: k} },
			func(k int) int { return 4*k + 2 },
			func(k int) maml.Counts { return maml.Counts{Products: 2*k + 1, Thirds: k} },
		},
		{
			"Meta-SGD", func(o objective.Objective) objective.Rule { return maml.LearnedRates{Objective: o} }, 3, nil,
			func(k int) maml.Counts { return maml.Counts{Evaluations: k + 1, Products: k} },
			func(k int) int { return 4*k + 2 },
			func(k int) maml.Counts { return maml.Counts{Products: 4*k + 1, Thirds: k} },
		},
		{
			"FO-MAML", func(o objective.Objective) objective.Rule {
				return maml.FirstOrder{Rule: maml.Gradient{Objective: o, Rate: 0.02}}
			}, 0, nil,
			func(k int) maml.Counts { return maml.Counts{Evaluations: k + 1} },
			func(k int) int { return 2*k + 2 }, nil,
		},
		{
			"HF-MAML", func(o objective.Objective) objective.Rule { return maml.HessianFree{Objective: o, Rate: 0.02} }, 0, nil,
			func(k int) maml.Counts { return maml.Counts{Evaluations: 3*k + 1} },
			func(k int) int { return 6*k + 2 }, nil,
		},
		{
			"Reptile", func(o objective.Objective) objective.Rule { return maml.Gradient{Objective: o, Rate: 0.02} }, 0,
			func(m *maml.Meta) objective.Objective { return maml.Reptile{Meta: m} },
			func(k int) maml.Counts { return maml.Counts{Evaluations: k + 1} },
			func(k int) int { return 2*k + 2 }, nil,
		},
	} {
		for k := range 4 {
			var tally maml.Tally
			var mixture []maml.Member
			for range members {
				m := maml.Member{Weight: 1, Outer: tally.Of(inner)}
				if tt.extra > 0 {
					m.Outer = maml.WithRates{Objective: m.Outer}
				}
				for range k {
					m.Inner = append(m.Inner, tt.rule(tally.Of(inner)))
				}
				mixture = append(mixture, m)
			}
			meta, err := maml.NewMeta(mixture)
			if err != nil {
				t.Fatal(err)
			}
			var o objective.Objective = meta
			if tt.of != nil {
				o = tt.of(meta)
			}
			x := append([]float64{0.4, -0.3, 0.7}, []float64{0.02, 0.01, 0.02}[:tt.extra]...)
			p, err := o.At(x)
			if err != nil {
				t.Fatal(err)
			}
			dst := make([]float64, len(x))
			p.Grad(dst)
			p.Value()
			per := func(c maml.Counts) maml.Counts {
				return maml.Counts{Evaluations: c.Evaluations / members, Products: c.Products / members, Thirds: c.Thirds / members}
			}
			got := tally.Counts()
			if per(got) != tt.grad(k) || got.Solves(2, 2, 6) != members*tt.solves(k) {
				t.Errorf("%s, K = %d: a direction costs %+v, want %+v; %d solves, want %d", tt.name, k, per(got), tt.grad(k), got.Solves(2, 2, 6)/members, tt.solves(k))
			}
			if tt.hess != nil {
				p.HessVec(dst, x)
				if more := per(tally.Counts().Minus(got)); more != tt.hess(k) {
					t.Errorf("%s, K = %d: a product costs %+v, want %+v", tt.name, k, more, tt.hess(k))
				}
			}
		}
	}
}

// iMAML's costs: dim products to form ∇²g + κI, and none for a push or a pull, one
// third derivative for the derivative of a pull. Its envelope costs the same to
// evaluate, nothing for the gradient, one product for a product.
func TestProximalCosts(t *testing.T) {
	x, v := []float64{1, -0.5, 2}, []float64{1, 2, 3}
	dst := make([]float64, 3)
	var tally maml.Tally
	r := maml.Proximal{Objective: tally.Of(bumpy), Strength: 3}
	s, err := r.At(x)
	if err != nil {
		t.Fatal(err)
	}
	whole := tally.Counts()
	// Newton's iterations: an evaluation or two each; dim products or fewer, and one.
	if n := whole.Evaluations; n < 4 || n > 12 || whole.Products > 4*n+3 || whole.Thirds != 0 {
		t.Errorf("evaluating costs %+v", whole)
	}
	since := func(before maml.Counts) maml.Counts { return tally.Counts().Minus(before) }
	s.Push(dst, v)
	s.Pull(dst, v)
	if c := since(whole); c != (maml.Counts{}) {
		t.Errorf("a push and a pull cost %+v", c)
	}
	s.PullDeriv(dst, v, x)
	if c := since(whole); c != (maml.Counts{Thirds: 1}) {
		t.Errorf("the derivative of a pull costs %+v", c)
	}

	before := tally.Counts()
	p, err := maml.Moreau{Proximal: r}.At(x)
	if err != nil {
		t.Fatal(err)
	}
	p.Grad(dst)
	if c := since(before); c != whole {
		t.Errorf("an envelope costs %+v, its step %+v", c, whole)
	}
	before = tally.Counts()
	p.HessVec(dst, v)
	if c := since(before); c != (maml.Counts{Products: 1}) {
		t.Errorf("a product with its Hessian costs %+v", c)
	}
	before = tally.Counts()
	p.(objective.Point3).Third(dst, v, x)
	if c := since(before); c != (maml.Counts{Thirds: 1}) {
		t.Errorf("its third derivative costs %+v", c)
	}

	// At the minimum of a convex g there is nothing to do but to check: one
	// evaluation and dim products.
	before = tally.Counts()
	if _, err := (maml.Proximal{Objective: tally.Of(axes{a: []float64{1, 2, 3}, c: x}), Strength: 1}).At(x); err != nil {
		t.Fatal(err)
	}
	if c := since(before); c != (maml.Counts{Evaluations: 1, Products: 3}) {
		t.Errorf("at the minimum: %+v", c)
	}

	// Conjugate gradients: three Lanczos steps at most, and per push or pull dim
	// products and one for the residual, or two more to rounding.
	r.Dense = -1
	before = tally.Counts()
	s, err = r.At(x)
	if err != nil {
		t.Fatal(err)
	}
	if c := since(before); c.Evaluations != whole.Evaluations || c.Products > whole.Products+6 {
		t.Errorf("by conjugate gradients: %+v", c)
	}
	for times, f := range map[int]func(){1: func() { s.Push(dst, v) }, 3: func() { s.PullDeriv(dst, v, x) }} {
		before = tally.Counts()
		f()
		if c := since(before); c.Products < times || c.Products > 6*times {
			t.Errorf("%d solves cost %+v", times, c)
		}
	}
}

// A counted objective answers as the one inside it does, and claims no more.
func TestTallyAnswersAsTheObjective(t *testing.T) {
	task := scalar{1, 1, 1, 1}
	var tally maml.Tally
	o := tally.Of(task)
	_, bound := task.optimum()
	if o.Dim() != 1 || o.LowerBound() != bound || objective.Approximations(o) != nil {
		t.Errorf("%d, %v", o.Dim(), o.LowerBound())
	}
	p, err := o.At([]float64{0.7})
	if err != nil {
		t.Fatal(err)
	}
	q, err := task.At([]float64{0.7})
	if err != nil {
		t.Fatal(err)
	}
	if p.Value() != q.Value() || p.(objective.Gapped).Gap() != q.(objective.Gapped).Gap() {
		t.Error("another value or gap")
	}
	if w := worst(t, o, []float64{0.7}); len(w) != 3 || !(w["third"] < 1e-9) {
		t.Error(w)
	}
	if _, err := o.At([]float64{3}); err == nil {
		t.Error("no error outside the domain")
	}
	bare, err := tally.Of(blunt{poly{n: 1, coef: []float64{1, 0, 1}}}).At([]float64{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := bare.(objective.Point3); ok || !math.IsInf(bare.(objective.Gapped).Gap(), 1) {
		t.Error("claims a third derivative or a bound")
	}
	f, err := objective.New(objective.Problem{Dim: 1,
		Value: func(x []float64) float64 { return x[0] * x[0] }, Grad: func(dst, x []float64) { dst[0] = 2 * x[0] }})
	if err != nil {
		t.Fatal(err)
	}
	differences, err := tally.Of(f).At([]float64{1})
	if err != nil || len(objective.Approximations(differences)) != 2 || len(objective.Approximations(tally.Of(f))) != 2 {
		t.Error("differences not said to be", err)
	}
	// Counting changes no bit of a run, and workers no count.
	var want string
	for workers := range 3 {
		var tally maml.Tally
		meta := family(t, 0.01, 2, spread(7)...)
		if workers > 0 {
			meta = rewriteObjectives(t, meta, tally.Of)
		}
		meta.Workers = workers
		s := maml.NewState([]float64{0.7})
		if _, err := maml.Minimize(t.Context(), meta, maml.NewtonCG{}, s, maml.Stop{}, nil); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.X, s.Evaluations, s.Products); want == "" {
			want = got
		} else if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		// Per evaluation of h: 7 members of K + 1 = 3 evaluations. The Hessian at the
		// end, of one parameter, is one product more than the run's.
		if c := tally.Counts(); workers > 0 && c != (maml.Counts{
			Evaluations: 7 * 3 * s.Evaluations,
			Products:    7 * (2*s.Evaluations + 5*(s.Products+1)),
			Thirds:      7 * 2 * (s.Products + 1),
		}) {
			t.Errorf("%d workers: %+v of %d evaluations, %d products", workers, c, s.Evaluations, s.Products)
		}
	}
}

// rewriteObjectives is the same mixture of gradient steps on other objectives.
func rewriteObjectives(t testing.TB, m *maml.Meta, of func(objective.Objective) objective.Bounded) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i := range m.Len() {
		member := m.Member(i)
		member.Outer = of(member.Outer)
		member.Inner = nil
		for _, r := range m.Member(i).Inner {
			g := r.(maml.Gradient)
			member.Inner = append(member.Inner, maml.Gradient{Objective: of(g.Objective), Rate: g.Rate})
		}
		members = append(members, member)
	}
	n, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
