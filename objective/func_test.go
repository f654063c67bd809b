package objective

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// wells is f(x) = Σ e^{xᵢ} cos xᵢ₊₁ (cyclic), with exact derivatives.
func wells(n int) Problem {
	next := func(i int) int { return (i + 1) % n }
	return Problem{
		Dim: n,
		Value: func(x []float64) float64 {
			var s float64
			for i := range x {
				s += math.Exp(x[i]) * math.Cos(x[next(i)])
			}
			return s
		},
		Grad: func(dst, x []float64) {
			clear(dst)
			for i := range x {
				e, s, c := math.Exp(x[i]), math.Sin(x[next(i)]), math.Cos(x[next(i)])
				dst[i] += e * c
				dst[next(i)] -= e * s
			}
		},
		HessVec: func(dst, x, v []float64) {
			clear(dst)
			for i := range x {
				j := next(i)
				e, s, c := math.Exp(x[i]), math.Sin(x[j]), math.Cos(x[j])
				dst[i] += e*c*v[i] - e*s*v[j]
				dst[j] -= e*s*v[i] + e*c*v[j]
			}
		},
		Third: func(dst, x, y, z []float64) {
			clear(dst)
			for i := range x {
				j := next(i)
				e, s, c := math.Exp(x[i]), math.Sin(x[j]), math.Cos(x[j])
				cross := y[i]*z[j] + y[j]*z[i]
				dst[i] += e*c*y[i]*z[i] - e*s*cross - e*c*y[j]*z[j]
				dst[j] += -e*s*y[i]*z[i] - e*c*cross + e*s*y[j]*z[j]
			}
		},
	}
}

func must(t testing.TB, p Problem) *Func {
	t.Helper()
	f, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// With everything given the point passes CheckPoint; what is missing agrees
// with it to the digits promised, whatever the length of the directions.
func TestFuncDifferences(t *testing.T) {
	const n = 4
	x := []float64{0.3, -0.7, 1.1, 0.2}
	full := must(t, wells(n))
	found, err := CheckPoint(full, x, 4)
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	for _, d := range found {
		if !(d.Relative < 1e-9) {
			t.Errorf("%s off by %.2g", d.Derivative, d.Relative)
		}
	}
	if full.Approximate() != nil || Approximations(full) != nil || Approximations(rational{}) != nil {
		t.Error("an exact objective calls itself approximate")
	}
	noThird, gradOnly, noHess := wells(n), wells(n), wells(n)
	noThird.Third = nil
	gradOnly.Third, gradOnly.HessVec = nil, nil
	noHess.HessVec = nil
	exact, err := full.At(x)
	if err != nil {
		t.Fatal(err)
	}
	y, z := []float64{1, -2, 0.5, 3}, []float64{-1, 0.25, 2, 1}
	want, got := make([]float64, n), make([]float64, n)
	for _, tt := range []struct {
		name        string
		p           Problem
		approximate []string
		hess, third float64 // tolerances
	}{
		{"no third", noThird, []string{Third}, 0, 1e-9},
		{"no curvature", gradOnly, []string{Hessian, Third}, 1e-9, 1e-6},
		{"no Hessian", noHess, []string{Hessian}, 1e-9, 0},
	} {
		f := must(t, tt.p)
		p, err := f.At(x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(Approximations(p), tt.approximate) || !slices.Equal(Approximations(f), tt.approximate) {
			t.Errorf("%s: approximate %v", tt.name, Approximations(p))
		}
		for _, scale := range []float64{1, 1e-150, 1e140} {
			dense.Scale(y, scale, y)
			exact.HessVec(want, y)
			p.HessVec(got, y)
			if off := distance(got, want) / dense.Norm(want); !(off <= tt.hess) {
				t.Errorf("%s: Hessian off by %.2g at scale %g", tt.name, off, scale)
			}
			exact.(Point3).Third(want, y, z)
			p.(Point3).Third(got, y, z)
			if off := distance(got, want) / dense.Norm(want); !(off <= tt.third) {
				t.Errorf("%s: third off by %.2g at scale %g", tt.name, off, scale)
			}
			dense.Scale(y, 1/scale, y)
		}
		zero := make([]float64, n)
		p.HessVec(got, zero)
		p.(Point3).Third(want, zero, z)
		if dense.Norm(got) != 0 || dense.Norm(want) != 0 {
			t.Errorf("%s: along zero: %v, %v", tt.name, got, want)
		}
	}
}

// Wrong derivatives are caught although others are differences.
func TestFuncPlantedErrors(t *testing.T) {
	for _, tt := range []struct {
		want  string
		plant func(*Problem)
	}{
		{"gradient", func(p *Problem) {
			g := p.Grad
			p.Grad = func(dst, x []float64) { g(dst, x); dst[0] += 1e-6 }
		}},
		{"hessian", func(p *Problem) {
			h := p.HessVec
			p.HessVec = func(dst, x, v []float64) { h(dst, x, v); dst[1] += 1e-6 * v[0] }
		}},
		{"third", func(p *Problem) {
			d := p.Third
			p.Third = func(dst, x, y, z []float64) { d(dst, x, y, z); dst[1] += 1e-6 * y[0] * z[0] }
		}},
	} {
		p := wells(3)
		tt.plant(&p)
		found, err := CheckPoint(must(t, p), []float64{0.1, 0.2, -0.4}, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if bad := !(d.Relative < 1e-8); bad != (d.Derivative == tt.want) {
				t.Errorf("planted in %s: %s off by %.2g", tt.want, d.Derivative, d.Relative)
			}
		}
	}
}

// barrier is −Σ log xᵢ, defined for positive parameters.
func barrier(n int) Problem {
	return Problem{
		Dim: n, Name: "barrier",
		Value: func(x []float64) float64 {
			var s float64
			for _, v := range x {
				s -= math.Log(v) // NaN for v < 0, +Inf at 0
			}
			return s
		},
		Grad: func(dst, x []float64) {
			for i, v := range x {
				dst[i] = -1 / v
			}
		},
	}
}

// Near the border the steps are halved until they stay inside: at a distance d
// a step of d/2 or less is relative to the scale on which f varies there, and
// costs accuracy, not sense. f″ = 1/x², f‴ = −2/x³.
func TestFuncNearTheBorder(t *testing.T) {
	f := must(t, barrier(1))
	for _, x := range []float64{1, 1e-3, 1e-5, 1e-6, 1e-9} {
		p, err := f.At([]float64{x})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 1)
		p.HessVec(got, []float64{1})
		if ratio := got[0] * x * x; !(ratio > 0.99 && ratio < 4) {
			t.Errorf("x = %g: f″ is %g times 1/x²", x, ratio)
		}
		p.(Point3).Third(got, []float64{1}, []float64{1})
		if ratio := got[0] * x * x * x / -2; !(ratio > 0.9 && ratio < 50) {
			t.Errorf("x = %g: f‴ is %g times −2/x³", x, ratio)
		}
	}
	p, err := f.At([]float64{1e-300}) // no step that x survives stays inside
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 1)
	p.HessVec(got, []float64{1})
	if !math.IsNaN(got[0]) {
		t.Errorf("%g, want NaN", got[0])
	}
	p.(Point3).Third(got, []float64{1}, []float64{1})
	if !math.IsNaN(got[0]) {
		t.Errorf("%g, want NaN", got[0])
	}
}

func TestFuncRefuses(t *testing.T) {
	f := must(t, barrier(2))
	for _, tt := range []struct {
		x    []float64
		want error
	}{
		{[]float64{1, -1}, ErrDomain},
		{[]float64{1, 0}, ErrDomain},
		{[]float64{1, math.NaN()}, ErrDomain},
		{[]float64{1, 5e-324}, ErrDomain}, // the value is 744, the gradient overflows
		{[]float64{1}, ErrLength},
		{[]float64{1, 1, 1}, ErrLength},
	} {
		if p, err := f.At(tt.x); p != nil || !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, %v", tt.x, p, err)
		}
	}
	var undefined *UndefinedError
	_, err := f.At([]float64{1, -1})
	if !errors.As(err, &undefined) || undefined.What != "value" || !math.IsNaN(undefined.Value) || err.Error() != `objective "barrier": the value is NaN` {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*Problem){
		"Dim":   func(p *Problem) { p.Dim = 0 },
		"Value": func(p *Problem) { p.Value = nil },
		"Grad":  func(p *Problem) { p.Grad = nil },
		"Bound": func(p *Problem) { p.Bound = new(math.NaN()) },
	} {
		p := wells(2)
		spoil(&p)
		var e *ProblemError
		if _, err := New(p); !errors.Is(err, ErrProblem) || !errors.As(err, &e) || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	p := wells(2)
	if b := must(t, p).LowerBound(); !math.IsInf(b, -1) {
		t.Errorf("bound %g", b)
	}
	p.Bound = new(-3.0)
	if b := must(t, p).LowerBound(); b != -3 {
		t.Errorf("bound %g", b)
	}
}

// x is neither kept nor changed, and the gradient is evaluated once.
func TestFuncKeepsItsOwnX(t *testing.T) {
	p := wells(2)
	calls := 0
	g := p.Grad
	p.Grad = func(dst, x []float64) { calls++; g(dst, x) }
	x := []float64{0.5, 0.25}
	at, err := must(t, p).At(x)
	if err != nil {
		t.Fatal(err)
	}
	first, again := make([]float64, 2), make([]float64, 2)
	at.Grad(first)
	x[0] = 7
	at.Grad(again)
	if calls != 1 || !slices.Equal(first, again) {
		t.Errorf("%d calls, %v then %v", calls, first, again)
	}
}

func BenchmarkFuncHessVec(b *testing.B) {
	p := wells(20)
	p.HessVec, p.Third = nil, nil
	at, err := must(b, p).At(make([]float64, 20))
	if err != nil {
		b.Fatal(err)
	}
	v, dst := make([]float64, 20), make([]float64, 20)
	v[3] = 1
	b.ReportAllocs()
	for b.Loop() {
		at.HessVec(dst, v)
	}
	// Row 3 of the Hessian at 0 is the identity's minus it: e^0 cos 0 − e^0 cos 0.
	if math.Abs(dst[3]) > 1e-9 {
		b.Fatal(dst[3])
	}
}
