package risk

import (
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// The minimiser solves (X̃ᵀX̃/n + λD) θ = X̃ᵀy/n, here in rationals.
func TestRidgeClosedForm(t *testing.T) {
	d := try(Lines{Rows: 70, Features: 4, Noise: 1, Seed: 11}.Task(3))(t)
	for _, bias := range []Bias{NoBias, Penalized, Free} {
		for _, l2 := range []float64{0, 1e-6, 0.5, 100} {
			m := Regression{L2: l2, Bias: bias}
			o := try(m.LeastSquares(d))(t)
			want := solveRat(normalRat(m, d))
			if o.Rank() != o.Dim() || distance(o.Minimizer(), want) > 1e-14*(1+dense.Norm(want)) {
				t.Errorf("λ = %g, bias %v: %v, want %v", l2, bias, o.Minimizer(), want)
			}
			if v := toFloat(bigSquares(m, d, nums(want))); math.Abs(o.LowerBound()-v) > 1e-14*v {
				t.Errorf("λ = %g, bias %v: minimum %.17g, want %.17g", l2, bias, o.LowerBound(), v)
			}
		}
	}
}

// The gap keeps its digits where a difference of values has none: 1e-9 from the
// minimiser it is 1e-18 of a value of one.
func TestRidgeGap(t *testing.T) {
	d := try(Lines{Rows: 50, Features: 3, Noise: 1, Seed: 12}.Task(0))(t)
	m := Regression{L2: 0.125, Bias: Free}
	o := try(m.LeastSquares(d))(t)
	star := solveRat(normalRat(m, d))
	exact := bigSquares(m, d, nums(star))
	for _, size := range []float64{1e3, 1, 1e-3, 1e-6} {
		x := o.Minimizer()
		for j, z := range normal(4, len(x), size) {
			x[j] += z
		}
		want := bigSquares(m, d, nums(x))
		want.Sub(want, exact) // star is rounded: wrong by its error squared
		p := try(o.At(x))(t)
		// θ − θ* is known to 1e-15 in 1: twice that, relative to size.
		if got := p.(objective.Gapped).Gap(); math.Abs(got-toFloat(want)) > (1e-14+4e-15/size)*got {
			t.Errorf("size %g: gap %.17g, want %.17g", size, got, toFloat(want))
		}
	}
	p := try(o.At(o.Minimizer()))(t)
	g := make([]float64, o.Dim())
	p.Grad(g)
	if p.(objective.Gapped).Gap() != 0 || dense.Norm(g) != 0 || p.Value() != o.LowerBound() {
		t.Errorf("at the minimiser: gap %g, gradient %v", p.(objective.Gapped).Gap(), g)
	}
}

// Columns that repeat one another, more parameters than rows, a column of
// zeros: the minimum is attained on a subspace, and is right.
func TestRankDeficient(t *testing.T) {
	d := try(Lines{Rows: 60, Features: 3, Noise: 1, Seed: 13}.Task(0))(t)
	wide := Data{Rows: d.Rows, Cols: 5, Y: d.Y}
	for i := range d.Rows {
		r := d.Row(i)
		wide.X = append(wide.X, r[0], 1e6*r[1], r[2], r[0]+1e6*r[1], 0)
	}
	narrow, o := try(Regression{}.LeastSquares(d))(t), try(Regression{}.LeastSquares(wide))(t)
	if o.Rank() != 3 || math.Abs(o.LowerBound()-narrow.LowerBound()) > 1e-14*narrow.LowerBound() {
		t.Errorf("rank %d, minimum %.17g, want %.17g", o.Rank(), o.LowerBound(), narrow.LowerBound())
	}
	x := normal(3, 5, 1)
	p := try(o.At(x))(t)
	if want := toFloat(bigSquares(Regression{}, wide, nums(x))); math.Abs(p.Value()-want) > 1e-13*want {
		t.Errorf("value %.17g, want %.17g", p.Value(), want)
	}
	if found, err := objective.CheckPoint(o, x, 3); err != nil || found[0].Relative > 1e-9 || found[1].Relative > 1e-9 {
		t.Error(found, err)
	}
	few := try(d.Pick([]int{0, 1}))(t)
	o = try(Regression{Bias: Free}.LeastSquares(few))(t)
	if o.Rank() != 2 || o.LowerBound() > 1e-28 {
		t.Errorf("two rows: rank %d, minimum %g", o.Rank(), o.LowerBound())
	}
	for i := range 2 {
		fit := dense.Dot(bigRow(few, Free, i), o.Minimizer())
		if math.Abs(fit-few.Y[i]) > 1e-14 {
			t.Errorf("row %d: %g, want %g", i, fit, few.Y[i])
		}
	}
}

// Ill-conditioned columns keep the digits that a reduction of X̃ keeps and
// X̃ᵀX̃ loses: 1, x, …, x⁷ on [0, 1] has condition 1e5 and more, its square
// 1e10; the fitted values of an exact polynomial come out to 1e-13.
func TestVandermonde(t *testing.T) {
	d := Data{Rows: 50, Cols: 8}
	for i := range d.Rows {
		x, z := float64(i)/float64(d.Rows-1), 1.0
		var y float64
		for range d.Cols {
			d.X = append(d.X, z)
			y += z
			z *= x
		}
		d.Y = append(d.Y, y)
	}
	o := try(Regression{}.LeastSquares(d))(t)
	if o.Rank() != 8 || o.LowerBound() > 1e-28 {
		t.Errorf("rank %d, minimum %g", o.Rank(), o.LowerBound())
	}
	for j, c := range o.Minimizer() {
		if math.Abs(c-1) > 1e-9 {
			t.Errorf("coefficient %d: %.12g", j, c)
		}
	}
}

// Splits of a family, gradient steps on the small sets: the meta-objective is
// quadratic. With f = ‖·‖ of H, θ*, and g of G, γ*, an inner step is
// F(x) = J x + η G γ*, J = I − ηG, and after K of them, the last landing on
// x_K = J^K x + (I − J^K) γ*,
//
//	∇h(x) = Σ λᵢ Jᵢᴷ Hᵢ (Jᵢᴷ x + (I − Jᵢᴷ) γᵢ* − θᵢ*),
//
// a linear equation whose matrices are formed from the data in rationals, with
// none of the code under test.
func TestMetaLearningReachesTheClosedForm(t *testing.T) {
	const tasks = 5
	const eta = 0.0625
	outer, inner := Regression{L2: 0.125, Bias: Free}, Regression{L2: 0.5, Bias: Free}
	for steps := range 3 {
		var members []maml.Member
		p := 4
		left := make([][]*big.Rat, p) // Σ λ J H J
		right := make([]*big.Rat, p)
		for i := range left {
			right[i] = new(big.Rat)
			for range p {
				left[i] = append(left[i], new(big.Rat))
			}
		}
		for i := range uint64(tasks) {
			d := try(Lines{Rows: 24, Features: 3, Within: 0.5, Noise: 0.5, Seed: 21}.Task(i))(t)
			s := try(Draw{Count: 8, Seed: 21, Task: i}.Split(d))(t)
			pair := try(s.Objectives(outer, inner))(t)
			m := maml.Member{Weight: float64(i + 1), Outer: pair.Outer}
			for range steps {
				m.Inner = append(m.Inner, maml.Gradient{Objective: pair.Inner, Rate: eta})
			}
			members = append(members, m)

			h, hb := normalRat(outer, s.Large) // ∇f = 2(h x − hb)
			g, gb := normalRat(inner, s.Small) // F(x) = x − 2η(g x − gb)
			// a x + b is x after the steps.
			a, b := identityRat(p), make([]*big.Rat, p)
			for k := range b {
				b[k] = new(big.Rat)
			}
			rate := rat(-2 * eta)
			for range steps {
				a2, b2 := mulRat(g, a), mulVecRat(g, b)
				for r := range p {
					for c := range p {
						a[r][c] = new(big.Rat).Add(a[r][c], new(big.Rat).Mul(rate, a2[r][c]))
					}
					v := new(big.Rat).Sub(b2[r], gb[r])
					b[r] = new(big.Rat).Add(b[r], v.Mul(v, rate))
				}
			}
			// λ aᵀ(h(a x + b) − hb) summed; a is symmetric, being a polynomial in g.
			w := rat(float64(i + 1))
			aha := mulRat(a, mulRat(h, a))
			v := mulVecRat(h, b)
			for k := range v {
				v[k] = new(big.Rat).Sub(hb[k], v[k])
			}
			v = mulVecRat(a, v)
			for r := range p {
				for c := range p {
					left[r][c].Add(left[r][c], new(big.Rat).Mul(w, aha[r][c]))
				}
				right[r].Add(right[r], new(big.Rat).Mul(w, v[r]))
			}
		}
		want := solveRat(left, right)
		meta := try(maml.NewMeta(members))(t)
		for name, method := range map[string]maml.Method{"Newton": maml.NewtonCG{}, "L-BFGS": maml.LBFGS{}} {
			state := maml.NewState(make([]float64, p))
			result, err := maml.Minimize(context.Background(), meta, method, state, maml.Stop{Tolerance: 1e-12}, nil)
			if err != nil || result.Status != maml.Converged || result.Kind != maml.Minimum {
				t.Fatalf("%d steps, %s: %v, %v at a %v", steps, name, err, result.Status, result.Kind)
			}
			if off := distance(state.X, want); !(off < 1e-10) {
				t.Errorf("%d steps, %s: %v, want %v, off by %.2g", steps, name, state.X, want, off)
			}
			if result.Gap == nil || *result.Gap < 0 {
				t.Errorf("%d steps, %s: gap %v", steps, name, result.Gap)
			}
		}
	}
}

func identityRat(n int) [][]*big.Rat {
	a := make([][]*big.Rat, n)
	for i := range a {
		for j := range n {
			v := new(big.Rat)
			if i == j {
				v.SetInt64(1)
			}
			a[i] = append(a[i], v)
		}
	}
	return a
}

func mulVecRat(a [][]*big.Rat, x []*big.Rat) []*big.Rat {
	y := make([]*big.Rat, len(a))
	for i := range a {
		y[i] = new(big.Rat)
		for j := range x {
			y[i].Add(y[i], new(big.Rat).Mul(a[i][j], x[j]))
		}
	}
	return y
}

func mulRat(a, b [][]*big.Rat) [][]*big.Rat {
	n := len(a)
	c := make([][]*big.Rat, n)
	column := make([]*big.Rat, n)
	for i := range c {
		c[i] = make([]*big.Rat, n)
	}
	for j := range n {
		for i := range n {
			column[i] = b[i][j]
		}
		for i, v := range mulVecRat(a, column) {
			c[i][j] = v
		}
	}
	return c
}

// Meta-learning over every kind: the derivatives of the meta-objective, which
// use the third derivatives of the inner ones, agree with differences.
func TestMetaDerivatives(t *testing.T) {
	for _, c := range cases(t) {
		if c.name == "cold clusters" {
			continue
		}
		s := try(Draw{Count: 20, Seed: 2}.Split(c.data))(t)
		pair := try(s.Objectives(c.model, c.model))(t)
		step := maml.Gradient{Objective: pair.Inner, Rate: 0.1}
		meta := try(maml.NewMeta([]maml.Member{{Weight: 1, Outer: pair.Outer, Inner: []objective.Rule{step, step}}}))(t)
		found, err := objective.CheckPoint(meta, normal(5, meta.Dim(), 0.5), 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if !(d.Relative < 1e-8) {
				t.Errorf("%s: %s of the meta-objective off by %.2g", c.name, d.Derivative, d.Relative)
			}
		}
	}
}

// An objective of the user's own, its curvature by differences, meta-learns as
// the exact one does, to the accuracy of the differences.
func TestFuncMetaLearns(t *testing.T) {
	d := try(Blobs{Rows: 80, Apart: 1, Seed: 31}.Task(0))(t)
	exact := try(Logistic{L2: 0.1}.CrossEntropy(d))(t)
	at := func(x []float64) objective.Point {
		p, err := exact.At(x)
		if err != nil {
			panic(err)
		}
		return p
	}
	own := try(objective.New(objective.Problem{
		Dim:   exact.Dim(),
		Value: func(x []float64) float64 { return at(x).Value() },
		Grad:  func(dst, x []float64) { at(x).Grad(dst) },
		Bound: new(0.0),
	}))(t)
	var found [2][]float64
	for i, o := range []objective.Objective{exact, own} {
		meta := try(maml.NewMeta([]maml.Member{{Weight: 1, Outer: o, Inner: []objective.Rule{maml.Gradient{Objective: o, Rate: 0.5}}}}))(t)
		state := maml.NewState(make([]float64, o.Dim()))
		if r, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, state, maml.Stop{Tolerance: 1e-8}, nil); err != nil || r.Status != maml.Converged {
			t.Fatal(r.Status, err)
		}
		found[i] = state.X
	}
	if off := distance(found[0], found[1]); off > 1e-6 {
		t.Errorf("%v and %v", found[0], found[1])
	}
}

func TestObjectivesOfDifferentSize(t *testing.T) {
	d := try(Lines{Rows: 20}.Task(0))(t)
	s := try(Draw{Count: 5}.Split(d))(t)
	if _, err := s.Objectives(Regression{Bias: Free}, Regression{}); !errors.Is(err, objective.ErrLength) {
		t.Error(err)
	}
	if _, err := s.Objectives(Regression{L2: -1}, Regression{}); !errors.Is(err, ErrModel) {
		t.Error(err)
	}
	if _, err := s.Objectives(Regression{}, Regression{L2: -1}); !errors.Is(err, ErrModel) {
		t.Error(err)
	}
}
