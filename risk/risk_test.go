package risk

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

func try[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// normal is n standard normal numbers times size.
func normal(seed uint64, n int, size float64) []float64 {
	random := rand.New(rand.NewPCG(seed, 17))
	x := make([]float64, n)
	for i := range x {
		x[i] = size * random.NormFloat64()
	}
	return x
}

// named is a model with data that suit it.
type named struct {
	name  string
	model Model
	data  Data
}

// cases straddle what the code distinguishes: the bias, one column or several,
// fewer than four columns (scalar kernels) or more, a block of rows or more.
func cases(t testing.TB) []named {
	var all []named
	add := func(name string, m Model, d Data) { all = append(all, named{name, m, d}) }
	lines := try(Lines{Rows: 150, Features: 4, Noise: 1, Seed: 5}.Task(1))(t)
	sinus := try(Sinusoids{Rows: 40, Noise: 0.1, Seed: 5}.Task(1))(t)
	add("sinusoid", Regression{L2: 0.01}, sinus)
	for _, b := range []Bias{NoBias, Penalized, Free} {
		add(fmt.Sprintf("squares, bias %v", b), Regression{L2: 0.25, Bias: b}, lines)
		add(fmt.Sprintf("unpenalised squares, bias %v", b), Regression{Bias: b}, lines)
		for _, k := range []int{2, 3, 5} {
			d := try(Blobs{Rows: 300, Features: 3, Classes: k, Apart: 1, Seed: uint64(k)}.Task(0))(t)
			if k == 2 {
				add(fmt.Sprintf("logistic, bias %v", b), Logistic{L2: 0.1, Bias: b}, d)
			}
			add(fmt.Sprintf("softmax of %d, bias %v", k, b), Softmax{Classes: k, L2: 0.1, Bias: b}, d)
		}
	}
	blobs := try(Blobs{Rows: 200, Features: 3, Classes: 3, Apart: 1, Seed: 9}.Task(0))(t)
	for _, k := range []int{1, 2, 4} {
		add(fmt.Sprintf("clusters %d", k), KMeans{Centers: k, Temperature: 2}, blobs)
	}
	add("cold clusters", KMeans{Centers: 3, Temperature: 0.1}, blobs)
	add("clusters of five features", KMeans{Centers: 2, Temperature: 5}, try(Lines{Rows: 60, Seed: 2}.Task(0))(t))
	return all
}

func TestDerivatives(t *testing.T) {
	for _, c := range cases(t) {
		o := try(c.model.On(c.data))(t)
		for seed := range uint64(2) {
			x := normal(seed, o.Dim(), 1)
			found, err := objective.CheckPoint(o, x, 3)
			if err != nil || len(found) != 3 {
				t.Fatalf("%s: %v, %v", c.name, found, err)
			}
			for _, d := range found {
				// Cold clusters change on the scale τ, which these differences do
				// not resolve; TestAgainst400Bits does.
				if !(d.Relative < 1e-9) && c.name != "cold clusters" {
					t.Errorf("%s: %s off by %.2g (noise %.2g)", c.name, d.Derivative, d.Relative, d.Noise)
				}
			}
		}
	}
}

// wrong is an objective with an error of relative size 1e-6 in one derivative.
type wrong struct {
	objective.Objective
	in string
}

func (w wrong) At(x []float64) (objective.Point, error) {
	p, err := w.Objective.At(x)
	if err != nil {
		return nil, err
	}
	return wrongPoint{p.(objective.Point3), w.in}, nil
}

type wrongPoint struct {
	objective.Point3
	in string
}

func (p wrongPoint) Grad(dst []float64) {
	p.Point3.Grad(dst)
	if p.in == "gradient" {
		dense.Scale(dst, 1+1e-6, dst)
	}
}

func (p wrongPoint) HessVec(dst, v []float64) {
	p.Point3.HessVec(dst, v)
	if p.in == "hessian" {
		dense.Scale(dst, 1+1e-6, dst)
	}
}

func (p wrongPoint) Third(dst, y, z []float64) {
	p.Point3.Third(dst, y, z)
	if p.in == "third" {
		dense.Scale(dst, 1+1e-6, dst)
	}
}

func TestPlantedErrorsAreCaught(t *testing.T) {
	caught := 0
	for _, c := range cases(t) {
		o := try(c.model.On(c.data))(t)
		x := normal(1, o.Dim(), 1)
		_, quadratic := c.model.(Regression)
		for _, in := range []string{"gradient", "hessian", "third"} {
			if o.Dim() < 3 || c.name == "cold clusters" || in == "third" && (quadratic || c.name == "clusters 1") {
				continue // 1e-6 of nothing, or below the differences' noise
			}
			found, err := objective.CheckPoint(wrong{o, in}, x, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				if d.Derivative == in {
					if d.Relative < 1e-8 {
						t.Errorf("%s: an error in the %s shows as %.2g only", c.name, in, d.Relative)
					}
					caught++
				}
			}
		}
	}
	if caught < 30 {
		t.Errorf("only %d checks ran", caught)
	}
}

// Values and derivatives against their definition in 400 bits. The tolerance of
// a value is 50 roundings: sums of tens of terms of one sign, and logits of
// size ten; that of a derivative is the same, relative to the sum of the moduli
// of its terms, which its norm times that of the direction stands for.
func TestAgainst400Bits(t *testing.T) {
	for _, c := range cases(t) {
		d := c.data
		d.Rows = min(d.Rows, 12)
		d.X, d.Y = d.X[:d.Rows*d.Cols], d.Y[:d.Rows]
		o := try(c.model.On(d))(t)
		for seed, size := range []float64{0, 0.1, 1, 10} {
			x, v := normal(uint64(seed), o.Dim(), size), normal(uint64(seed)+100, o.Dim(), 1)
			want := bigAlong(c.model, d, x, v)
			p := try(o.At(x))(t).(objective.Point3)
			if off := math.Abs(p.Value()-want[0]) / want[0]; !(off < 50*0x1p-52) {
				t.Errorf("%s at size %g: %.17g, want %.17g, off by %.2g", c.name, size, p.Value(), want[0], off)
			}
			dst := make([]float64, o.Dim())
			cold := 1.0 // exponents are of size ‖x − c‖²/τ, and their error with them
			if m, ok := c.model.(KMeans); ok {
				cold = math.Max(1, 1/m.Temperature)
			}
			for order, f := range []func(){
				1: func() { p.Grad(dst) },
				2: func() { p.HessVec(dst, v) },
				3: func() { p.Third(dst, v, v) },
			} {
				if f == nil {
					continue
				}
				f()
				got, scale := dense.Dot(dst, v), dense.Norm(dst)*dense.Norm(v)
				if off := math.Abs(got - want[order]); !(off <= 100*0x1p-52*scale*cold+1e-50) {
					t.Errorf("%s at size %g: derivative %d along v is %.17g, want %.17g, off by %.2g", c.name, size, order, got, want[order], off/scale)
				}
			}
		}
	}
}

// Logits of ±1000 and more: everything is finite and right to rounding, where
// a formula that forms exp u, or 1 − P, gives NaN or 0.
func TestExtremeLogits(t *testing.T) {
	d := Data{X: []float64{1, -1, 0.03}, Y: []float64{1, 1, 1}, Rows: 3, Cols: 1}
	for _, size := range []float64{30, 700, 1000, 1e6} {
		o := try(Logistic{}.CrossEntropy(d))(t)
		s := try(Softmax{Classes: 2}.CrossEntropy(d))(t)
		p, q := try(o.At([]float64{size}))(t), try(s.At([]float64{-size / 2, size / 2}))(t)
		// Row by row: losses e^{−size}, size + e^{−size}, log(1 + e^{−0.03 size});
		// P of the wrong class e^{−size}, 1 − e^{−size}, 1/(1 + e^{0.03 size}).
		e, f := math.Exp(-size), math.Exp(-0.03*size)
		value := (math.Log1p(e) + size + math.Log1p(e) + math.Log1p(f)) / 3
		grad := (1/(1+e) - e/(1+e) - 0.03*f/(1+f)) / 3
		hess := (2*e/(1+e)/(1+e) + 0.03*0.03*f/(1+f)/(1+f)) / 3
		third := (2*e*(e-1)/(1+e)/(1+e)/(1+e) + 0.03*0.03*0.03*f*(f-1)/(1+f)/(1+f)/(1+f)) / 3
		for i, at := range []objective.Point{p, q} {
			one := make([]float64, 1+i)
			v := []float64{1}
			if i == 1 {
				v = []float64{-0.5, 0.5} // along it the logit of class 1 grows at rate 1
			}
			near := func(what string, got, want float64) {
				t.Helper()
				if !(math.Abs(got-want) <= 20*0x1p-52*math.Abs(want)+math.SmallestNonzeroFloat64) {
					t.Errorf("size %g, %d columns: %s %.17g, want %.17g", size, 1+i, what, got, want)
				}
			}
			near("value", at.Value(), value)
			at.Grad(one)
			near("gradient", one[i], grad)
			at.HessVec(one, v)
			near("curvature", one[i], hess)
			at.(objective.Point3).Third(one, v, v)
			near("third derivative", one[i], third)
		}
	}
	// Far beyond: a value that overflows is outside the domain.
	o := try(Logistic{L2: 1}.CrossEntropy(d))(t)
	for _, x := range []float64{1e200, math.Inf(1), math.NaN()} {
		var e *ValueError
		if _, err := o.At([]float64{x}); !errors.Is(err, objective.ErrDomain) || !errors.Is(err, ErrNotFinite) || !errors.As(err, &e) {
			t.Errorf("%g: %v", x, err)
		}
	}
}

// With one row of one class, softmax's curvature is that of its rare classes,
// each as small as e^{−1000}, not 1 minus something.
func TestSoftmaxKeepsRareClasses(t *testing.T) {
	d := Data{X: []float64{1}, Y: []float64{1}, Rows: 1, Cols: 1}
	o := try(Softmax{Classes: 3}.CrossEntropy(d))(t)
	p := try(o.At([]float64{0, 400, 100}))(t)
	g, h := make([]float64, 3), make([]float64, 3)
	p.Grad(g)
	p.HessVec(h, []float64{1, 0, 2})
	a, b := math.Exp(-400), math.Exp(-300)
	for i, want := range []float64{a, -(a + b), b} {
		if !(math.Abs(g[i]-want) <= 4e-16*math.Abs(want)) {
			t.Errorf("gradient %d: %g, want %g", i, g[i], want)
		}
	}
	// P_k(δ_k − δ̄), δ̄ = a + 2b
	for i, want := range []float64{a, -(a + 2*b), 2 * b} {
		if !(math.Abs(h[i]-want) <= 1e-15*math.Abs(want)) {
			t.Errorf("curvature %d: %g, want %g", i, h[i], want)
		}
	}
}

// Softmax of two classes is logistic regression of the difference of the
// columns; at the minimum, with half the penalty.
func TestSoftmaxOfTwoIsLogistic(t *testing.T) {
	d := try(Blobs{Rows: 400, Features: 3, Apart: 0.7, Seed: 3}.Task(2))(t)
	for _, bias := range []Bias{NoBias, Penalized, Free} {
		two := try(Softmax{Classes: 2, L2: 0, Bias: bias}.CrossEntropy(d))(t)
		one := try(Logistic{L2: 0, Bias: bias}.CrossEntropy(d))(t)
		p := one.Dim()
		theta, v, w := normal(1, 2*p, 1), normal(2, 2*p, 1), normal(3, 2*p, 1)
		gap := func(x []float64) []float64 {
			y := make([]float64, p)
			for j := range y {
				y[j] = x[2*j+1] - x[2*j]
			}
			return y
		}
		a, b := try(two.At(theta))(t), try(one.At(gap(theta)))(t)
		if math.Abs(a.Value()-b.Value()) > 1e-15 {
			t.Errorf("values %.17g and %.17g", a.Value(), b.Value())
		}
		wide, narrow := make([]float64, 2*p), make([]float64, p)
		compare := func(what string) {
			for j, want := range narrow {
				if math.Abs(wide[2*j+1]-want) > 1e-15 || math.Abs(wide[2*j]+want) > 1e-15 {
					t.Errorf("%s %d: %.17g and %.17g", what, j, wide[2*j+1], want)
				}
			}
		}
		a.Grad(wide)
		b.Grad(narrow)
		compare("gradient")
		a.HessVec(wide, v)
		b.HessVec(narrow, gap(v))
		compare("curvature")
		a.(objective.Point3).Third(wide, v, w)
		b.(objective.Point3).Third(narrow, gap(v), gap(w))
		compare("third")

		s2 := try(try(Softmax{Classes: 2, L2: 0.2, Bias: bias}.CrossEntropy(d))(t).Solve())(t)
		s1 := try(try(Logistic{L2: 0.1, Bias: bias}.CrossEntropy(d))(t).Solve())(t)
		if math.Abs(s1.LowerBound()-s2.LowerBound()) > 1e-15 || distance(gap(s2.Minimizer()), s1.Minimizer()) > 1e-13 {
			t.Errorf("bias %v: minima %.17g and %.17g at %v and %v", bias, s1.LowerBound(), s2.LowerBound(), s1.Minimizer(), gap(s2.Minimizer()))
		}
	}
}

func distance(a, b []float64) float64 {
	d := make([]float64, len(a))
	dense.Sub(d, a, b)
	return dense.Norm(d)
}

// As the temperature falls soft clustering tends to k-means, and it never knows
// the order of the centres. At one centre it is the mean squared distance.
func TestClustersLimits(t *testing.T) {
	d := try(Blobs{Rows: 90, Features: 2, Classes: 3, Seed: 4}.Task(0))(t)
	c := normal(8, 6, 3)
	hard := blockSum(d.Rows, func(i int) float64 {
		best := math.Inf(1)
		for k := range 3 {
			x := distance(d.Row(i), c[2*k:2*k+2])
			best = math.Min(best, x*x)
		}
		return best
	}) / 90
	for _, tau := range []float64{1, 0.1, 1e-3, 1e-9} {
		o := try(KMeans{Centers: 3, Temperature: tau}.Clusters(d))(t)
		p := try(o.At(c))(t)
		// hard ≤ f ≤ hard + τ log K
		if v := p.Value(); v < hard*(1-1e-14) || v > (hard+tau*math.Log(3))*(1+1e-14) {
			t.Errorf("τ = %g: %.17g, hard %.17g", tau, v, hard)
		}
		q := try(o.At(append(append([]float64{}, c[2:]...), c[:2]...)))(t)
		if math.Abs(p.Value()-q.Value()) > 1e-14*p.Value() {
			t.Errorf("the order of centres matters: %.17g, %.17g", p.Value(), q.Value())
		}
	}
	one := try(KMeans{Centers: 1, Temperature: 1}.Clusters(d))(t)
	p := try(one.At([]float64{1, 2}))(t)
	want := blockSum(d.Rows, func(i int) float64 { x := distance(d.Row(i), []float64{1, 2}); return x * x }) / 90
	if math.Abs(p.Value()-want) > 1e-14*want {
		t.Errorf("one centre: %.17g, want %.17g", p.Value(), want)
	}
}

func TestEpsilon(t *testing.T) {
	for _, c := range cases(t) {
		o := try(c.model.On(c.data))(t)
		eps, known := Epsilon(o)
		_, clusters := c.model.(KMeans)
		if known == clusters || eps != 0 {
			t.Errorf("%s: ε = %g, known %v", c.name, eps, known)
		}
		b, ok := o.(objective.Bounded)
		if !ok {
			t.Fatalf("%s knows no bound", c.name)
		}
		p := try(o.At(normal(2, o.Dim(), 1)))(t)
		gap := p.(objective.Gapped).Gap()
		if v := p.Value(); b.LowerBound() < 0 || gap < 0 || math.Abs(v-b.LowerBound()-gap) > 1e-14*v {
			t.Errorf("%s: %g is not %g + %g", c.name, v, b.LowerBound(), gap)
		}
		d := try(Declare(o, 0.5))(t)
		if eps, known := Epsilon(d); eps != 0.5 || !known || d.LowerBound() != b.LowerBound() || d.Dim() != o.Dim() {
			t.Errorf("%s: declared %g, %v", c.name, eps, known)
		}
	}
	f := try(objective.New(objective.Problem{Dim: 1, Value: func([]float64) float64 { return 0 }, Grad: func(dst, _ []float64) { clear(dst) }}))(t)
	if _, known := Epsilon(f); known {
		t.Error("the ε of a stranger is known")
	}
	d := try(Declare(f, 0))(t)
	if !math.IsInf(d.LowerBound(), -1) || !slices.Equal(d.Approximate(), []string{objective.Hessian, objective.Third}) {
		t.Errorf("%g, %v", d.LowerBound(), d.Approximate())
	}
	for _, eps := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := Declare(f, eps); !errors.Is(err, ErrModel) {
			t.Errorf("%g: %v", eps, err)
		}
		if _, known := (Declared{f, eps}).Epsilon(); known {
			t.Errorf("%g is taken for an ε", eps)
		}
	}
	if _, err := Declare(nil, 1); !errors.Is(err, ErrModel) {
		t.Error(err)
	}
}

// Data and parameters stay as they are, and nothing of them is retained.
func TestInputsAreNotTouched(t *testing.T) {
	for _, c := range cases(t) {
		d := c.data
		d.X, d.Y = slices.Clone(d.X), slices.Clone(d.Y)
		o := try(c.model.On(d))(t)
		x := normal(1, o.Dim(), 1)
		theta, v, w := slices.Clone(x), normal(2, o.Dim(), 1), normal(3, o.Dim(), 1)
		p := try(o.At(theta))(t)
		evaluate := func() []float64 {
			all := []float64{p.Value(), p.(objective.Gapped).Gap()}
			dst := slices.Repeat([]float64{math.NaN()}, o.Dim())
			p.Grad(dst)
			all = append(all, dst...)
			p.HessVec(dst, v)
			all = append(all, dst...)
			p.(objective.Point3).Third(dst, v, w)
			return append(all, dst...)
		}
		first := evaluate()
		if !slices.Equal(d.X, c.data.X) || !slices.Equal(d.Y, c.data.Y) || !slices.Equal(theta, x) || !slices.Equal(v, normal(2, o.Dim(), 1)) {
			t.Errorf("%s: inputs changed", c.name)
		}
		clear(d.X)
		clear(d.Y)
		clear(theta)
		if !slices.Equal(evaluate(), first) {
			t.Errorf("%s: the point depends on what it was given", c.name)
		}
	}
}

func TestModelsRefuse(t *testing.T) {
	good := Data{X: []float64{1, 2, 3, 4}, Y: []float64{0, 1}, Rows: 2, Cols: 2}
	with := func(change func(*Data)) Data {
		d := Data{X: slices.Clone(good.X), Y: slices.Clone(good.Y), Rows: 2, Cols: 2}
		change(&d)
		return d
	}
	for _, tt := range []struct {
		name  string
		model Model
		data  Data
		want  error
	}{
		{"negative penalty", Regression{L2: -1}, good, ErrModel},
		{"NaN penalty", Logistic{L2: math.NaN()}, good, ErrModel},
		{"infinite penalty", Softmax{Classes: 2, L2: math.Inf(1)}, good, ErrModel},
		{"no such bias", Regression{Bias: 3}, good, ErrModel},
		{"one class", Softmax{Classes: 1}, good, ErrModel},
		{"no centres", KMeans{Temperature: 1}, good, ErrModel},
		{"no temperature", KMeans{Centers: 1}, good, ErrModel},
		{"tiny temperature", KMeans{Centers: 1, Temperature: 5e-324}, good, ErrModel},
		{"no rows", Regression{}, Data{}, ErrData},
		{"no targets", Regression{}, with(func(d *Data) { d.Y = nil }), ErrData},
		{"too few targets", Regression{}, with(func(d *Data) { d.Y = d.Y[:1] }), ErrData},
		{"too few numbers", KMeans{Centers: 1, Temperature: 1}, with(func(d *Data) { d.X = d.X[:3] }), ErrData},
		{"NaN", Regression{}, with(func(d *Data) { d.X[3] = math.NaN() }), ErrNotFinite},
		{"NaN", Logistic{}, with(func(d *Data) { d.X[3] = math.NaN() }), ErrNotFinite},
		{"NaN", KMeans{Centers: 1, Temperature: 1}, with(func(d *Data) { d.X[3] = math.NaN() }), ErrNotFinite},
		{"infinite target", Regression{}, with(func(d *Data) { d.Y[1] = math.Inf(-1) }), ErrNotFinite},
		{"overflow", Regression{}, with(func(d *Data) { d.X[0] = 1e200 }), ErrNotFinite},
		{"class 2 of 2", Logistic{}, with(func(d *Data) { d.Y[1] = 2 }), ErrData},
		{"class ½", Softmax{Classes: 2}, with(func(d *Data) { d.Y[1] = 0.5 }), ErrData},
		{"class −1", Softmax{Classes: 2}, with(func(d *Data) { d.Y[1] = -1 }), ErrData},
	} {
		o, err := tt.model.On(tt.data)
		if o != nil || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, o, err, tt.want)
		}
	}
	var e *DataError
	_, err := Regression{}.On(with(func(d *Data) { d.X[3], d.Names = math.Inf(1), []string{"a", "b"} }))
	if !errors.As(err, &e) || e.Row != 2 || e.Column != 2 || e.Field != "b" || !math.IsInf(e.Value, 1) {
		t.Errorf("%+v", e)
	}
	for _, c := range cases(t) {
		o := try(c.model.On(c.data))(t)
		for _, n := range []int{0, o.Dim() - 1, o.Dim() + 1} {
			if _, err := o.At(make([]float64, n)); !errors.Is(err, objective.ErrLength) {
				t.Errorf("%s, %d parameters: %v", c.name, n, err)
			}
		}
		x := normal(1, o.Dim(), 1)
		x[0] = math.NaN()
		if _, err := o.At(x); !errors.Is(err, objective.ErrDomain) {
			t.Errorf("%s at NaN: %v", c.name, err)
		}
	}
}

// Products with derivatives allocate nothing.
func TestNoAllocation(t *testing.T) {
	made := 0
	pool := sync.Pool{New: func() any { made++; return new([64]float64) }}
	for range 200 {
		pool.Put(pool.Get())
	}
	if made > 20 {
		t.Skip("the race detector makes pools forget")
	}
	for _, c := range cases(t) {
		o := try(c.model.On(c.data))(t)
		p := try(o.At(normal(1, o.Dim(), 1)))(t).(objective.Point3)
		v, dst := normal(2, o.Dim(), 1), make([]float64, o.Dim())
		if n := testing.AllocsPerRun(20, func() { p.HessVec(dst, v); p.Third(dst, v, v); p.Grad(dst) }); n > 0.5 {
			t.Errorf("%s: %g allocations", c.name, n)
		}
	}
}

// A point answers many goroutines at once, with the same bits.
func TestConcurrentUse(t *testing.T) {
	for _, c := range cases(t) {
		o := try(c.model.On(c.data))(t)
		p := try(o.At(normal(1, o.Dim(), 1)))(t).(objective.Point3)
		v := normal(2, o.Dim(), 1)
		found := make([][]float64, 8)
		var wg sync.WaitGroup
		for i := range found {
			wg.Go(func() {
				found[i] = make([]float64, 2*o.Dim())
				for range 3 {
					p.HessVec(found[i][:o.Dim()], v)
					p.Third(found[i][o.Dim():], v, v)
				}
			})
		}
		wg.Wait()
		for i := range found {
			if !slices.Equal(found[i], found[0]) {
				t.Errorf("%s: goroutine %d differs", c.name, i)
			}
		}
	}
}

// Hot clusters: every centre weighs alike, and the value is the mean of the
// squared distances, to all its digits.
func TestHotClusters(t *testing.T) {
	for _, τ := range []float64{1e6, 1e10, 1e13, 1e16, 1e20} {
		o, err := KMeans{Centers: 2, Temperature: τ}.Clusters(Data{X: []float64{1, 2, 4}, Rows: 3, Cols: 1})
		if err != nil {
			t.Fatal(err)
		}
		p, err := o.At([]float64{2, 4})
		if err != nil {
			t.Fatal(err)
		}
		// ((1 + 9)/2 + (0 + 4)/2 + (4 + 0)/2)/3, less a variance over 2τ.
		if got := p.Value(); math.Abs(got-3) > 1e-14+16/τ {
			t.Errorf("τ = %g: %v, want 3", τ, got)
		}
	}
}
