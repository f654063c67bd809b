package maml_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

func hessianFree(t testing.TB, m *maml.Meta, delta float64) *maml.Meta {
	return rewrite(t, m, func(r objective.Rule) objective.Rule {
		g, ok := r.(maml.Gradient)
		if !ok {
			return r
		}
		return maml.HessianFree{Objective: g.Objective, Rate: g.Rate, Delta: delta}
	})
}

// The error of the product is δ²C⁗/6 while that is above rounding, and rounding
// over δ below; the default is between.
func TestHessianFreeError(t *testing.T) {
	task := scalar{1, 1, 1, 1}
	const x = 0.8
	error := func(delta float64) float64 {
		s, err := maml.HessianFree{Objective: task, Rate: 0.1, Delta: delta}.At([]float64{x})
		if err != nil {
			t.Fatal(err)
		}
		return s.(maml.Approximate).Error([]float64{2.5}) // of any length
	}
	// C(x + t) = Σ cₖ tᵏ exactly; C⁗/6 over C″ is 4c₄/2c₂: five terms of
	// d·C = n, with d = 1 − c² = d₀ + d₁t + d₂t².
	c := task.a - task.b*x
	d0, d1, d2 := (1-c)*(1+c), 2*c, -1.0
	n := []float64{1 + x*x, 2 * x, 1, 0, 0}
	var co [5]float64
	for k := range co {
		co[k] = n[k]
		if k > 0 {
			co[k] -= d1 * co[k-1]
		}
		if k > 1 {
			co[k] -= d2 * co[k-2]
		}
		co[k] /= d0
	}
	for _, delta := range []float64{1e-2, 1e-3, 1e-4} {
		δ := delta * (1 + x)
		near(t, fmt.Sprintf("Delta %g: error over δ²C⁗/6", delta), error(delta)/(δ*δ*4*co[4]/(2*co[2])), 1, 10*δ+1e-15/(δ*δ*δ))
	}
	for _, delta := range []float64{1e-8, 1e-10, 1e-12} {
		// Between a hundredth and a few of ε/δ: rounding is what it happens to be.
		if e, scale := error(delta), 0x1p-53/delta; !(e > scale/300 && e < 10*scale) {
			t.Errorf("Delta %g: error %.3g is not of the order of rounding, %.3g", delta, e, scale)
		}
	}
	if e := error(0); !(e < 1e-9) {
		t.Errorf("default: error %.3g", e)
	}
	// The error is measured against what HessVec says.
	s, err := maml.HessianFree{Objective: crookedHessian{poly{n: 1, coef: []float64{0, 0, 1}}}, Rate: 1}.At([]float64{1})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "planted error", s.(maml.Approximate).Error([]float64{1}), 1./3, 1e-9)
	if e := s.(maml.Approximate).Error([]float64{0}); e != 0 {
		t.Errorf("along zero: %g", e)
	}
	// Along a flat direction there is nothing to be relative to.
	s, err = maml.HessianFree{Objective: poly{n: 1, coef: []float64{0, 3}}, Rate: 1}.At([]float64{1})
	if err != nil || s.(maml.Approximate).Error([]float64{1}) != 0 {
		t.Error(err)
	}
}

// crookedHessian's products are half as large again.
type crookedHessian struct{ poly }

func (o crookedHessian) At(x []float64) (objective.Point, error) {
	p, err := o.poly.At(x)
	return crookedHessianPoint{p}, err
}

type crookedHessianPoint struct{ objective.Point }

func (p crookedHessianPoint) HessVec(dst, v []float64) {
	p.Point.HessVec(dst, v)
	for i := range dst {
		dst[i] *= 1.5
	}
}

// The direction of a mixture tends to the exact gradient: a hundredth of the
// error for a tenth of δ, down to 1e-9 of it.
func TestHessianFreeTendsToExact(t *testing.T) {
	exact := coupled(t)
	x := []float64{1.3, -0.4, 0.9}
	p, err := exact.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float64, 3), make([]float64, 3)
	p.Grad(want)
	off := func(delta float64) float64 {
		q, err := hessianFree(t, exact, delta).Evaluate(x)
		if err != nil {
			t.Fatal(err)
		}
		if q.Value() != p.Value() || q.Direction() == "" {
			t.Errorf("value %v, want %v; direction %q", q.Value(), p.Value(), q.Direction())
		}
		q.Grad(got)
		return math.Hypot(math.Hypot(got[0]-want[0], got[1]-want[1]), got[2]-want[2]) / math.Hypot(math.Hypot(want[0], want[1]), want[2])
	}
	for _, delta := range []float64{1e-1, 1e-2} {
		near(t, fmt.Sprintf("Delta %g: error over that of a tenth", delta), off(delta)/off(delta/10), 100, 0.01)
	}
	if e := off(0); !(e < 1e-10) {
		t.Errorf("default: %.3g", e)
	}
	if a, b := off(1e-12), off(0); !(a > 100*b) {
		t.Errorf("Delta 1e-12: %.3g, default %.3g: rounding does not show", a, b)
	}
}

// HF-MAML reaches what exact MAML does by the same method.
func TestHessianFreeTraining(t *testing.T) {
	exact := family(t, 0.05, 1, scalar{1, 1, 1, .1}, scalar{1, 1, .1, 1})
	a, b := maml.NewState([]float64{0.5}), maml.NewState([]float64{0.5})
	stop := maml.Stop{Iterations: 10000}
	want, err := maml.Minimize(t.Context(), exact, maml.Algorithm1{Rate: 0.02}, a, stop, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := maml.Minimize(t.Context(), hessianFree(t, exact, 0), maml.Algorithm1{Rate: 0.02}, b, stop, nil)
	if err != nil || got.Status != maml.Converged || want.Status != maml.Converged {
		t.Fatal(err, got.Status, want.Status)
	}
	near(t, "limit", b.X[0], a.X[0], 1e-8)
}

// Near the border of its domain C is a pole of first order: at a distance d a
// quotient over ±δ is off by 1/(1 − r²)² − 1, r = δ/d. Where δ leaves the domain
// it is shortened to far less than d, unless Delta is absurd, when r ≤ ½.
func TestHessianFreeNearTheBorder(t *testing.T) {
	task := scalar{1, 1, 1, 1} // stable for 0 < w < 2
	off := func(r float64) float64 { return 1/((1-r*r)*(1-r*r)) - 1 }
	var tally maml.Tally
	for _, d := range []float64{1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8} {
		for _, x := range []float64{d, 2 - d} {
			for _, delta := range []float64{0, 1e-4, 1e-3, 100} {
				before := tally.Counts()
				s, err := maml.HessianFree{Objective: tally.Of(task), Rate: 1, Delta: delta}.At([]float64{x})
				if err != nil {
					t.Fatal(err)
				}
				δ := delta * (1 + x)
				if delta == 0 {
					δ = math.Cbrt(0x1p-53) * (1 + x)
				}
				limit := 1.1*off(δ/d) + 1e-9
				switch {
				case delta == 100:
					limit = off(0.5)
				case δ >= d:
					limit = off(delta*math.Cbrt((1+x)/d)) + 1e-4
				}
				if e := s.(maml.Approximate).Error([]float64{-1e3}); !(e < limit) {
					t.Errorf("x = %g, Delta %g: error %.3g, limit %.3g", x, delta, e, limit)
				}
				if n := tally.Counts().Minus(before).Evaluations; n > 2*60 {
					t.Errorf("x = %g, Delta %g: %d evaluations", x, delta, n)
				}
			}
		}
	}
	// Where no δ that moves x stays inside, or g fails otherwise, the product is
	// NaN, and a mixture outside its domain.
	for _, o := range []objective.Objective{only{0.5, objective.ErrDomain}, only{0.5, errors.New("broken")}} {
		r := maml.HessianFree{Objective: o, Rate: 1}
		s, err := r.At([]float64{0.5})
		if err != nil {
			t.Fatal(err)
		}
		dst := []float64{0}
		if s.Pull(dst, []float64{1}); !math.IsNaN(dst[0]) {
			t.Errorf("%v", dst)
		}
		if s.Pull(dst, []float64{0}); dst[0] != 0 {
			t.Errorf("along zero: %v", dst)
		}
		meta, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: poly{n: 1, coef: []float64{0, 0, 1, 1}}, Inner: []objective.Rule{maml.HessianFree{Objective: o, Rate: 0.5}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := meta.Evaluate([]float64{0.5}); !errors.Is(err, maml.ErrNotFinite) || !errors.Is(err, objective.ErrDomain) {
			t.Error(err)
		}
	}
}

// only is x²/2 at one place and an error everywhere else.
type only struct {
	at  float64
	err error
}

func (o only) Dim() int { return 1 }
func (o only) At(x []float64) (objective.Point, error) {
	if x[0] != o.at {
		return nil, o.err
	}
	return poly{n: 1, coef: []float64{0, 0, 0.5}}.At(x)
}

// Directions so long or so short that δ/‖v‖ overflows are scaled first.
func TestHessianFreeScales(t *testing.T) {
	s, err := maml.HessianFree{Objective: poly{n: 2, coef: []float64{0, 1, 1, 0, 1}}, Rate: 0.1}.At([]float64{0.3, -0.2})
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float64, 2), make([]float64, 2)
	s.Push(want, []float64{1, -2})
	for _, scale := range []float64{0x1p-1000, 0x1p-600, 0x1p600, 0x1p1000} {
		s.Pull(got, []float64{scale, -2 * scale})
		for i := range got {
			near(t, fmt.Sprintf("scale %g", scale), got[i]/scale, want[i], 1e-9)
		}
	}
}

func TestHessianFreeRefuses(t *testing.T) {
	o := poly{n: 1, coef: []float64{0, 0, 1}}
	for _, tt := range []struct {
		field string
		rule  maml.HessianFree
	}{
		{"rate", maml.HessianFree{Objective: o, Rate: math.NaN()}},
		{"rate", maml.HessianFree{Objective: o, Rate: math.Inf(-1)}},
		{"delta", maml.HessianFree{Objective: o, Delta: -1}},
		{"delta", maml.HessianFree{Objective: o, Delta: math.NaN()}},
		{"delta", maml.HessianFree{Objective: o, Delta: math.Inf(1)}},
	} {
		var s *maml.SettingError
		if _, err := tt.rule.At([]float64{1}); !errors.As(err, &s) || s.Field != tt.field {
			t.Errorf("%+v: %v", tt.rule, err)
		}
	}
	if _, err := (maml.HessianFree{Objective: scalar{1, 1, 1, 1}}).At([]float64{3}); !errors.Is(err, objective.ErrDomain) {
		t.Error(err)
	}
}

// edge is x − log x where x > 0: every other x is outside, NaN too.
type edge struct{}

func (edge) Dim() int { return 1 }

func (edge) At(x []float64) (objective.Point, error) {
	if !(x[0] > 0) {
		return nil, &outsideError{x[0]}
	}
	return edgePoint(x[0]), nil
}

type edgePoint float64

func (p edgePoint) Value() float64           { return float64(p) - math.Log(float64(p)) }
func (p edgePoint) Grad(dst []float64)       { dst[0] = 1 - 1/float64(p) }
func (p edgePoint) HessVec(dst, v []float64) { dst[0] = v[0] / float64(p) / float64(p) }

// Directions that no step can be scaled to are answered, not searched for ever.
func TestHessianFreeOfExtremeDirections(t *testing.T) {
	s, err := maml.HessianFree{Objective: edge{}, Rate: 0.25}.At([]float64{1})
	if err != nil {
		t.Fatal(err)
	}
	dst := []float64{0}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if s.Pull(dst, []float64{v}); !math.IsNaN(dst[0]) {
			t.Errorf("%v gives %v", v, dst[0])
		}
	}
	for _, v := range []float64{5e-324, 1e-309, 1e-300, 1e300, 1e308} {
		// J = 1 − ¼ there; a subnormal direction has few digits to give.
		if s.Pull(dst, []float64{v}); math.Abs(dst[0]-0.75*v) > 1e-9*v+1e-323 {
			t.Errorf("%v gives %v, want %v", v, dst[0], 0.75*v)
		}
	}
}
