package risk

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// polish continues Newton's method from θ in 400 bits, in one dimension, and
// returns the minimum.
func polish(m Model, d Data, theta float64) *big.Float {
	x := num(theta)
	h := zero().SetMantExp(num(1), -80)
	for range 3 {
		var f [3]*big.Float
		for i := range f {
			f[i] = bigValue(m, d, []*big.Float{zero().Add(x, zero().Mul(h, num(float64(i-1))))})
		}
		slope := zero().Sub(f[2], f[0])
		slope.Quo(slope, zero().Mul(h, num(2)))
		bend := zero().Add(f[0], f[2])
		bend.Sub(bend, zero().Mul(num(2), f[1]))
		bend.Quo(bend, zero().Mul(h, h))
		x.Sub(x, slope.Quo(slope, bend))
	}
	return bigValue(m, d, []*big.Float{x})
}

// The minimum and the gap in one dimension, in 400 bits: the gap keeps its
// digits from 1e-7 of the minimiser to the far side where the likely class
// changes on every row.
func TestSolvedGapAgainst400Bits(t *testing.T) {
	d := Data{X: []float64{1, 2, -0.5, -3, 0.25, 1.5}, Y: []float64{1, 1, 1, 0, 0, 0}, Rows: 6, Cols: 1}
	m := Logistic{L2: 0.03125}
	o := try(m.CrossEntropy(d))(t)
	s := try(o.Solve())(t)
	star := s.Minimizer()[0]
	least := polish(m, d, star)
	if b := s.LowerBound(); math.Abs(b-toFloat(least)) > 2e-16 || !(s.Slack >= 0 && s.Slack < 1e-28) {
		t.Errorf("minimum %.17g, want %.17g; slack %g", b, toFloat(least), s.Slack)
	}
	for _, by := range []float64{0, 1e-7, -1e-5, 1e-3, 0.1, -1, 10, -400, 1e3, -1e6} {
		x := star + by
		want := bigValue(m, d, nums([]float64{x}))
		want.Sub(want, least)
		p := try(s.At([]float64{x}))(t)
		got := p.(objective.Gapped).Gap()
		// θ̂ is the minimiser to 1e-16, and so is x − θ̂.
		tol := 1e-14
		if by != 0 {
			tol += 1e-15 / math.Abs(by)
		}
		if off := math.Abs(got - toFloat(want)); !(off <= tol*toFloat(want)+1e-31) {
			t.Errorf("at %+g: gap %.17g, want %.17g", by, got, toFloat(want))
		}
	}
}

// In every bias and number of classes the located minimum is stationary, below
// every other value, and values less bounds are gaps.
func TestSolved(t *testing.T) {
	for _, c := range cases(t) {
		o, ok := try(c.model.On(c.data))(t).(*CrossEntropy)
		if !ok {
			continue
		}
		s := try(o.Solve())(t)
		p := try(s.At(s.Minimizer()))(t)
		g := make([]float64, s.Dim())
		p.Grad(g)
		if n := dense.Norm(g); n > 1e-15 || s.Slack > 1e-28 {
			t.Errorf("%s: gradient %g, slack %g", c.name, n, s.Slack)
		}
		for seed := range uint64(4) {
			x := normal(seed, s.Dim(), math.Pow(10, float64(seed)-2))
			q, other := try(s.At(x))(t), try(o.At(x))(t)
			gap := q.(objective.Gapped).Gap()
			if v := q.Value(); v != other.Value() || gap < 0 || math.Abs(v-s.LowerBound()-gap) > 1e-14*v {
				t.Errorf("%s: %.17g − %.17g, gap %.17g", c.name, v, s.LowerBound(), gap)
			}
		}
		if eps, known := Epsilon(s); eps != 0 || !known {
			t.Errorf("%s: ε %g, %v", c.name, eps, known)
		}
	}
}

// Near the minimum the gap of softmax is its quadratic form, which differences
// of values of 0.5 cannot show.
func TestSolvedGapIsQuadratic(t *testing.T) {
	d := try(Blobs{Rows: 300, Features: 3, Classes: 4, Apart: 1, Seed: 8}.Task(0))(t)
	for _, bias := range []Bias{Penalized, Free} {
		s := try(try(Softmax{Classes: 4, L2: 0.01, Bias: bias}.CrossEntropy(d))(t).Solve())(t)
		p := try(s.At(s.Minimizer()))(t)
		v, h := normal(1, s.Dim(), 1), make([]float64, s.Dim())
		p.HessVec(h, v)
		const by = 1e-7
		x := s.Minimizer()
		dense.AddScaled(x, by, v)
		gap := try(s.At(x))(t).(objective.Gapped).Gap()
		want := by * by * dense.Dot(v, h) / 2
		// The cubic term is of relative size by, and x is rounded to 1e-16.
		if math.Abs(gap-want) > 3e-7*want {
			t.Errorf("bias %v: gap %.10g, quadratic form %.10g", bias, gap, want)
		}
	}
}

// KL of two-point distributions with probabilities from nearly 0 to nearly 1.
// Logarithms cancel to e^{−700}, 1e-304, squared: 1e-608 in 2400 bits, 1e-722.
func TestDivergenceAgainst2400Bits(t *testing.T) {
	defer func(p uint) { precision = p }(precision)
	precision = 2400
	for _, u := range []float64{0, 1, -30, 200, -700} {
		for _, delta := range []float64{1e-12, -1e-6, 0.3, 0.7, -2, 40, -1000, 1500, -2e4} {
			got := divergence([]float64{0, u}, []float64{0, delta})
			// Σ P̂ (log P̂ − log P), log P = u − log Σ exp u
			a, b := []*big.Float{zero(), num(u)}, []*big.Float{zero(), zero().Add(num(u), num(delta))}
			la, lb := bigLogSum(a), bigLogSum(b)
			want := zero()
			for k := range a {
				p := bigExp(zero().Sub(a[k], la))
				l := zero().Sub(zero().Sub(a[k], la), zero().Sub(b[k], lb))
				want.Add(want, p.Mul(p, l))
			}
			w := toFloat(want)
			if math.Abs(got-w) > 1e-12*w+1e-300 {
				t.Errorf("u = %g, δ = %g: %.17g, want %.17g", u, delta, got, w)
			}
		}
	}
}

func TestSolveRefuses(t *testing.T) {
	d := try(Blobs{Rows: 60, Features: 2, Seed: 1}.Task(0))(t)
	if _, err := try(Logistic{}.CrossEntropy(d))(t).Solve(); !errors.Is(err, ErrModel) {
		t.Errorf("no penalty: %v", err)
	}
	// One class only: the free bias runs away, and f has no minimum.
	one := Data{X: d.X, Y: make([]float64, 60), Rows: 60, Cols: 2}
	var e *UnsolvedError
	for _, m := range []Model{Logistic{L2: 1, Bias: Free}, Softmax{Classes: 2, L2: 1, Bias: Free}} {
		if s, err := try(m.On(one))(t).(*CrossEntropy).Solve(); !errors.Is(err, ErrUnsolved) || !errors.As(err, &e) || e.Iterations == 0 {
			t.Errorf("%v: %v, %v", m, s, err)
		}
	}
	if s, err := try(Logistic{L2: 1, Bias: Penalized}.CrossEntropy(one))(t).Solve(); err != nil || s.Slack > 1e-28 {
		t.Errorf("one class, penalised: %v", err)
	}
	wide := try(Blobs{Rows: 3, Features: objective.DenseLimit + 1, Seed: 1}.Task(0))(t)
	if _, err := try(Logistic{L2: 1}.CrossEntropy(wide))(t).Solve(); !errors.Is(err, ErrUnsolved) {
		t.Errorf("too wide: %v", err)
	}
}

// Where the best parameters are 0 the gradient can go on falling long after
// nothing depends on it: of these four rows the two classes are mirror images.
func TestSolveSettlesAtZero(t *testing.T) {
	d := Data{X: []float64{1, 0, 0, 1, 2, 1, 1, 1}, Y: []float64{0, 1, 1, 0}, Rows: 4, Cols: 2}
	for _, bias := range []Bias{NoBias, Penalized, Free} {
		o, err := Logistic{L2: 0.1, Bias: bias}.CrossEntropy(d)
		if err != nil {
			t.Fatal(err)
		}
		s, err := o.Solve()
		if err != nil {
			t.Fatalf("%v: %v", bias, err)
		}
		p, err := s.At(s.Minimizer())
		if err != nil {
			t.Fatal(err)
		}
		g := make([]float64, o.Dim())
		if p.Grad(g); !(dense.Norm(g) < 1e-15) || !(s.Slack < 1e-28) {
			t.Errorf("%v: gradient %v, slack %v", bias, g, s.Slack)
		}
	}
}
