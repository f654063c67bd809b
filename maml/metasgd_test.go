package maml_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// lopsided couples its parameters and treats them differently.
var lopsided = poly{n: 3, coef: []float64{4, 0.3, 0.7, -0.2, 0.3}, m: -0.2, l: 0.03}

// Push, Pull and PullDeriv of fixed and of learned rates agree with differences;
// rates of zero, negative ones and ones all alike among them.
func TestRatesDerivatives(t *testing.T) {
	x := []float64{0.4, -0.3, 0.7}
	for _, tt := range []struct {
		name string
		rule objective.Rule
		at   []float64
	}{
		{"fixed", maml.Rates{Objective: lopsided, Rates: []float64{0.1, -0.05, 0}}, x},
		{"learned", maml.LearnedRates{Objective: lopsided}, append(slices.Clone(x), 0.1, -0.05, 0)},
		{"learned, one", maml.LearnedRates{Objective: lopsided, Single: true}, append(slices.Clone(x), 0.1)},
		{"learned, none", maml.LearnedRates{Objective: lopsided, Single: true}, append(slices.Clone(x), 0)},
	} {
		found, err := objective.CheckRule(tt.rule, tt.at, 6)
		if err != nil || len(found) != 3 {
			t.Fatal(found, err)
		}
		for _, d := range found {
			if !(d.Relative < 1e-9) {
				t.Errorf("%s: %s off by %.2g", tt.name, d.Derivative, d.Relative)
			}
		}
	}
}

// learned is two tasks whose steps share their rates.
func learned(t testing.TB, single bool, k int) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i := range 2 {
		g := lopsided
		g.coef = slices.Clone(g.coef)
		g.coef[1] += 2 * float64(i)
		m := maml.Member{Weight: float64(1 + i), Outer: maml.WithRates{Objective: g, Single: single}}
		for range k {
			m.Inner = append(m.Inner, maml.LearnedRates{Objective: g, Single: single})
		}
		members = append(members, m)
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// The meta-objective's gradient and Hessian in (x, α) agree with differences; in
// x they are those of fixed rates.
func TestLearnedRatesMeta(t *testing.T) {
	x := []float64{0.4, -0.3, 0.7}
	for k := range 4 {
		for _, single := range []bool{false, true} {
			y := append(slices.Clone(x), 0.1)
			if !single {
				y = append(y, 0.05, -0.02)
			}
			meta := learned(t, single, k)
			if meta.Dim() != len(y) {
				t.Fatalf("%d parameters, want %d", meta.Dim(), len(y))
			}
			for name, off := range worst(t, meta, y) {
				if !(off < 1e-9) {
					t.Errorf("K = %d, single %v: %s off by %.2g", k, single, name, off)
				}
			}
			fixed := rewrite(t, meta, func(r objective.Rule) objective.Rule {
				if single {
					return maml.Gradient{Objective: r.(maml.LearnedRates).Objective, Rate: y[3]}
				}
				return maml.Rates{Objective: r.(maml.LearnedRates).Objective, Rates: y[3:]}
			})
			var members []maml.Member
			for i := range fixed.Len() {
				m := fixed.Member(i)
				m.Outer = m.Outer.(maml.WithRates).Objective
				members = append(members, m)
			}
			fixed, err := maml.NewMeta(members)
			if err != nil {
				t.Fatal(err)
			}
			got, want := gradient(t, meta, y), gradient(t, fixed, x)
			for j := range want {
				near(t, "gradient in x", got[j], want[j], 0x1p-50)
			}
		}
	}
}

// Rates that are learned reach a lower h than the fixed ones they start from, a
// rate for each parameter a lower one than one for all; a quadratic task's best
// single step, α = 1/curvature in each direction, is found where it is the same
// for every task: then h is at its bound.
func TestLearnedRatesBeatFixed(t *testing.T) {
	x := []float64{0.4, -0.3, 0.7}
	train := func(meta *maml.Meta, start []float64) float64 {
		s := maml.NewState(start)
		r, err := maml.Minimize(t.Context(), meta, maml.NewtonCG{}, s, maml.Stop{}, nil)
		if err != nil || r.Status != maml.Converged {
			t.Fatal(err, r.Status)
		}
		return r.Value
	}
	var fixed []maml.Member
	for i := range 2 {
		m := learned(t, true, 1).Member(i)
		g := m.Outer.(maml.WithRates).Objective
		m.Outer, m.Inner = g, []objective.Rule{maml.Gradient{Objective: g, Rate: 0.1}}
		fixed = append(fixed, m)
	}
	meta, err := maml.NewMeta(fixed)
	if err != nil {
		t.Fatal(err)
	}
	a := train(meta, x)
	b := train(learned(t, true, 1), append(slices.Clone(x), 0.1))
	c := train(learned(t, false, 1), append(slices.Clone(x), 0.1, 0.1, 0.1))
	if !(c <= b*(1+1e-9) && b < a-1e-3) {
		t.Errorf("fixed %v, one learned %v, all learned %v", a, b, c)
	}

	// Σⱼ aⱼ(xⱼ − cⱼ)²/2 for a = (1, 4): from any start α = 1/a leads to c.
	var members []maml.Member
	for _, c := range [][]float64{{1, 2}, {-1, 0}, {0.5, -3}} {
		g := axes{a: []float64{1, 4}, c: c}
		members = append(members, maml.Member{Weight: 1, Outer: maml.WithRates{Objective: g}, Inner: []objective.Rule{maml.LearnedRates{Objective: g}}})
	}
	meta, err = maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	s := maml.NewState([]float64{0.3, 0.1, 0.5, 0.1})
	r, err := maml.Minimize(t.Context(), meta, maml.NewtonCG{}, s, maml.Stop{}, nil)
	if err != nil || *r.Gap > 1e-15 {
		t.Fatal(err, r.Gap)
	}
	near(t, "rate 1", s.X[2], 1, 1e-7)
	near(t, "rate 2", s.X[3], 0.25, 1e-7)
}

// axes is 1 + Σ aⱼ(xⱼ − cⱼ)²/2.
type axes struct{ a, c []float64 }

func (o axes) Dim() int            { return len(o.a) }
func (o axes) LowerBound() float64 { return 1 }
func (o axes) At(x []float64) (objective.Point, error) {
	p := axesPoint{o, make([]float64, len(x))}
	for j := range x {
		p.d[j] = x[j] - o.c[j]
	}
	return p, nil
}

type axesPoint struct {
	o axes
	d []float64
}

func (p axesPoint) Value() float64 { return 1 + p.Gap() }
func (p axesPoint) Gap() float64 {
	var s float64
	for j, d := range p.d {
		s += p.o.a[j] * d * d / 2
	}
	return s
}
func (p axesPoint) Grad(dst []float64) {
	for j, d := range p.d {
		dst[j] = p.o.a[j] * d
	}
}
func (p axesPoint) HessVec(dst, v []float64) {
	for j := range v {
		dst[j] = p.o.a[j] * v[j]
	}
}
func (p axesPoint) Third(dst, _, _ []float64) { clear(dst) }

func TestRatesRefuse(t *testing.T) {
	x := []float64{0.4, -0.3, 0.7}
	for _, tt := range []struct {
		name string
		rule objective.Rule
		at   []float64
		want error
	}{
		{"too few rates", maml.Rates{Objective: lopsided, Rates: []float64{1, 2}}, x, maml.ErrDimension},
		{"a rate that is none", maml.Rates{Objective: lopsided, Rates: []float64{1, 2, math.NaN()}}, x, maml.ErrSetting},
		{"no third derivative", maml.Rates{Objective: blunt{lopsided}, Rates: []float64{1, 2, 3}}, x, maml.ErrNoThird},
		{"no rates", maml.LearnedRates{Objective: lopsided}, x, maml.ErrDimension},
		{"one rate of three", maml.LearnedRates{Objective: lopsided}, append(slices.Clone(x), 1), maml.ErrDimension},
		{"three rates for one", maml.LearnedRates{Objective: lopsided, Single: true}, append(slices.Clone(x), 1, 1, 1), maml.ErrDimension},
		{"a learned rate that overflowed", maml.LearnedRates{Objective: lopsided, Single: true}, append(slices.Clone(x), math.Inf(1)), objective.ErrDomain},
		{"no third derivative, learned", maml.LearnedRates{Objective: blunt{lopsided}, Single: true}, append(slices.Clone(x), 1), maml.ErrNoThird},
	} {
		if _, err := tt.rule.At(tt.at); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := (maml.WithRates{Objective: lopsided}).At(x); !errors.Is(err, maml.ErrDimension) {
		t.Error(err)
	}
	if _, err := (maml.WithRates{Objective: scalar{1, 1, 1, 1}}).At([]float64{3, 0}); !errors.Is(err, objective.ErrDomain) {
		t.Error(err)
	}
	// A mixture of both kinds has two dimensions.
	_, err := maml.NewMeta([]maml.Member{
		{Weight: 1, Outer: maml.WithRates{Objective: lopsided}},
		{Weight: 1, Outer: maml.WithRates{Objective: lopsided, Single: true}},
	})
	if !errors.Is(err, maml.ErrDimension) {
		t.Error(err)
	}
}

// Bounds and gaps are those of f.
func TestWithRatesGap(t *testing.T) {
	task := scalar{1, 1, 1, 1}
	_, bound := task.optimum()
	p, err := maml.WithRates{Objective: task}.At([]float64{0.7, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	q, err := task.At([]float64{0.7})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.(objective.Gapped).Gap(), q.(objective.Gapped).Gap(); got != want || (maml.WithRates{Objective: task}).LowerBound() != bound {
		t.Errorf("gap %v, want %v", got, want)
	}
	free, err := maml.WithRates{Objective: lopsided, Single: true}.At([]float64{0, 0, 0, 1})
	if err != nil || !math.IsInf(free.(objective.Gapped).Gap(), 1) {
		t.Error(err)
	}
}
