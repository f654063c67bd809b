package maml_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// series is a truncated Taylor series Σ cₖ tᵏ with exact coefficients: an
// arithmetic that knows nothing of the recursions under test.
type series [4]*big.Rat

func constant(x *big.Rat) series {
	return series{x, new(big.Rat), new(big.Rat), new(big.Rat)}
}

func (a series) plus(b series) (c series) {
	for k := range c {
		c[k] = new(big.Rat).Add(a[k], b[k])
	}
	return c
}

func (a series) times(b series) (c series) {
	for k := range c {
		c[k] = new(big.Rat)
		for j := 0; j <= k; j++ {
			c[k].Add(c[k], new(big.Rat).Mul(a[j], b[k-j]))
		}
	}
	return c
}

// over is a/b by solving b·c = a coefficient by coefficient.
func (a series) over(b series) (c series) {
	for k := range c {
		c[k] = new(big.Rat).Set(a[k])
		for j := range k {
			c[k].Sub(c[k], new(big.Rat).Mul(c[j], b[k-j]))
		}
		c[k].Quo(c[k], b[0])
	}
	return c
}

func rat(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// cost is the scalar cost of a series.
func (s scalar) series(w series) series {
	c := constant(rat(s.a)).plus(constant(rat(-s.b)).times(w))
	n := constant(rat(s.q)).plus(constant(rat(s.r)).times(w.times(w)))
	d := constant(rat(1)).plus(constant(rat(-1)).times(c.times(c)))
	return n.over(d)
}

// slope is its derivative by the quotient rule, as a series.
func (s scalar) slope(w series) series {
	c := constant(rat(s.a)).plus(constant(rat(-s.b)).times(w))
	n := constant(rat(s.q)).plus(constant(rat(s.r)).times(w.times(w)))
	d := constant(rat(1)).plus(constant(rat(-1)).times(c.times(c)))
	n1 := constant(rat(2 * s.r)).times(w)
	d1 := constant(rat(2 * s.b)).times(c)
	return n1.times(d).plus(constant(rat(-1)).times(n.times(d1))).over(d.times(d))
}

// The meta-objective of scalar tasks, its first and its second derivative, are
// exact rationals when everything is: the wants are computed in math/big by
// Taylor series through the inner steps. The tolerance is some 50 roundings.
func TestMetaAgainstExactRationals(t *testing.T) {
	tasks := []scalar{{1, 1, 1, 0.125}, {1.25, 1, 0.5, 1}, {0.75, 0.5, 2, 1}}
	inner := scalar{1, 1, 1.5, 1} // g ≠ f for the last
	weights := []float64{1, 2, 0.5}
	const rate = 1. / 64
	for k := range 4 {
		for _, x := range []float64{0.5, 0.75, 1, 1.125} {
			t.Run(fmt.Sprintf("K=%d x=%v", k, x), func(t *testing.T) {
				var members []maml.Member
				want := constant(new(big.Rat))
				total := new(big.Rat)
				for i, f := range tasks {
					g := f
					if i == 2 {
						g = inner
					}
					m := maml.Member{Weight: weights[i], Outer: f}
					w := series{rat(x), rat(1), new(big.Rat), new(big.Rat)}
					for j := range k {
						eta := rate / float64(j+1)
						m.Inner = append(m.Inner, maml.Gradient{Objective: g, Rate: eta})
						w = w.plus(constant(rat(-eta)).times(g.slope(w)))
					}
					members = append(members, m)
					want = want.plus(constant(rat(weights[i])).times(f.series(w)))
					total.Add(total, rat(weights[i]))
				}
				want = want.over(constant(total))
				meta, err := maml.NewMeta(members)
				if err != nil {
					t.Fatal(err)
				}
				p, err := meta.Evaluate([]float64{x})
				if err != nil {
					t.Fatal(err)
				}
				g, h := []float64{math.NaN()}, []float64{math.NaN()}
				p.Grad(g)
				p.HessVec(h, []float64{1})
				// Taylor's second coefficient is half the second derivative.
				for i, got := range []float64{p.Value(), g[0], h[0] / 2} {
					exact, _ := want[i].Float64()
					if math.Abs(got-exact) > 50*0x1p-52*math.Max(1, math.Abs(exact)) {
						t.Errorf("coefficient %d = %.17g, want %.17g", i, got, exact)
					}
				}
			})
		}
	}
}

// Where every objective is a quadratic ½(x−c)ᵀA(x−c) + 1, so is h:
// x_K − c = (I − ηA)^K (x − c), and h's Hessian and minimiser are a linear
// system, solved here by gonum.
func TestQuadraticClosedForm(t *testing.T) {
	const n, tasks, rate = 4, 5, 0.1
	random := rand.New(rand.NewPCG(7, 7))
	for k := range 4 {
		var members []maml.Member
		hess, rhs := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
		var total float64
		for i := range tasks {
			q := newQuadratic(random, n)
			weight := float64(i + 1)
			total += weight
			m := maml.Member{Weight: weight, Outer: q}
			j := mat.NewDense(n, n, nil)
			for r := range n {
				j.Set(r, r, 1)
			}
			step := mat.NewDense(n, n, nil)
			step.Scale(-rate, q.a)
			step.Add(step, j)
			for range k {
				m.Inner = append(m.Inner, maml.Gradient{Objective: q, Rate: rate})
				var next mat.Dense
				next.Mul(step, j)
				j = &next
			}
			members = append(members, m)
			var aj, jaj mat.Dense
			aj.Mul(q.a, j)
			jaj.Mul(j.T(), &aj)
			jaj.Scale(weight, &jaj)
			hess.Add(hess, &jaj)
			var b mat.VecDense
			b.MulVec(&jaj, mat.NewVecDense(n, q.c))
			rhs.AddVec(rhs, &b)
		}
		var want mat.VecDense
		if err := want.SolveVec(hess, rhs); err != nil {
			t.Fatal(err)
		}
		meta, err := maml.NewMeta(members)
		if err != nil {
			t.Fatal(err)
		}
		for name, method := range methods(0.2) {
			if name == "algorithm-1 batch" {
				continue // wanders
			}
			s := maml.NewState(make([]float64, n))
			r, err := maml.Minimize(t.Context(), meta, method, s, maml.Stop{Iterations: 20000}, nil)
			if err != nil || r.Status != maml.Converged || r.Kind != maml.Minimum {
				t.Fatalf("K=%d %s: %v %v %v after %d", k, name, err, r.Status, r.Kind, s.Iteration)
			}
			for i := range n {
				// ‖∇h‖ ≤ 1e-10 h over the least eigenvalue of h, about 0.1.
				near(t, fmt.Sprintf("K=%d %s: minimiser %d", k, name, i), s.X[i], want.AtVec(i), 1e-8)
			}
		}
		p, err := meta.Evaluate(make([]float64, n))
		if err != nil {
			t.Fatal(err)
		}
		dense, asymmetry := objective.DenseHessian(p, n)
		for i := range dense {
			near(t, "Hessian", dense[i], hess.At(i/n, i%n)/total, 1e-14)
		}
		if asymmetry > 1e-15 {
			t.Errorf("asymmetry %g", asymmetry)
		}
	}
}

// quadratic is ½ (x−c)ᵀA(x−c) + 1.
type quadratic struct {
	a *mat.SymDense
	c []float64
}

func newQuadratic(random *rand.Rand, n int) quadratic {
	q := quadratic{a: mat.NewSymDense(n, nil), c: make([]float64, n)}
	b := mat.NewDense(n, n, nil)
	for i := range n {
		q.c[i] = random.NormFloat64()
		for j := range n {
			b.Set(i, j, random.NormFloat64()/2)
		}
	}
	var s mat.Dense
	s.Mul(b, b.T())
	for i := range n {
		for j := range i + 1 {
			q.a.SetSym(i, j, s.At(i, j))
		}
		q.a.SetSym(i, i, s.At(i, i)+0.5)
	}
	return q
}

func (q quadratic) Dim() int { return len(q.c) }

func (q quadratic) At(x []float64) (objective.Point, error) {
	d := make([]float64, len(x))
	for i := range d {
		d[i] = x[i] - q.c[i]
	}
	return quadraticPoint{q, d}, nil
}

type quadraticPoint struct {
	q quadratic
	d []float64
}

func (p quadraticPoint) product(dst, v []float64) {
	mat.NewVecDense(len(dst), dst).MulVec(p.q.a, mat.NewVecDense(len(v), v))
}

func (p quadraticPoint) Value() float64 {
	g := make([]float64, len(p.d))
	p.product(g, p.d)
	s := 1.0
	for i := range g {
		s += g[i] * p.d[i] / 2
	}
	return s
}
func (p quadraticPoint) Grad(dst []float64)        { p.product(dst, p.d) }
func (p quadraticPoint) HessVec(dst, v []float64)  { p.product(dst, v) }
func (p quadraticPoint) Third(dst, y, z []float64) { clear(dst) }

// The bits of value, gradient and product are the same for any number of
// workers, and inputs are left as they were.
func TestWorkersDoNotChangeBits(t *testing.T) {
	meta := family(t, 0.01, 2, spread(37)...)
	x, v := []float64{0.7231}, []float64{1}
	var want [3]uint64
	for workers := range 17 {
		meta.Workers = workers
		for range 20 {
			p, err := meta.Evaluate(x)
			if err != nil {
				t.Fatal(err)
			}
			g, h := []float64{0}, []float64{0}
			p.Grad(g)
			p.HessVec(h, v)
			got := [3]uint64{math.Float64bits(p.Value()), math.Float64bits(g[0]), math.Float64bits(h[0])}
			if want == [3]uint64{} {
				want = got
			}
			if got != want {
				t.Fatalf("%d workers: %x, want %x", workers, got, want)
			}
		}
	}
	if x[0] != 0.7231 || v[0] != 1 {
		t.Error("input modified")
	}
}

// Many members fail; the error names the first of them, whoever met it.
func TestErrorNamesTheFirstMember(t *testing.T) {
	tasks := spread(64)
	for i := 20; i < 64; i += 3 {
		tasks[i].a = 4 // w = 1 leaves |a − b w| = 3
	}
	meta := family(t, 0.01, 1, tasks...)
	for workers := range 17 {
		meta.Workers = workers
		for range 50 {
			_, err := meta.At([]float64{1})
			var m *maml.MemberError
			if !errors.As(err, &m) || m.Index != 20 || m.Member != "task-20" || m.Step != 0 {
				t.Fatalf("%d workers: %v", workers, err)
			}
			var out *outsideError
			if !errors.Is(err, objective.ErrDomain) || !errors.As(err, &out) || out.radius != 3 {
				t.Fatalf("%v does not say what the task said", err)
			}
		}
	}
}

func TestMemberErrorNamesTheStep(t *testing.T) {
	one := scalar{1, 1, 1, 1}
	// At w = 1.95 the slope is about 420 and one step of 0.05 leaves (0, 2).
	for k, want := range []int{-1, 1, 1} {
		_, err := family(t, 0.05, k, one).Evaluate([]float64{1.95})
		var m *maml.MemberError
		switch {
		case want < 0 && err != nil:
			t.Errorf("K=%d: %v", k, err)
		case want >= 0 && (!errors.As(err, &m) || m.Step != want || !errors.Is(err, objective.ErrDomain)):
			t.Errorf("K=%d: %v, want an error after step %d", k, err, want)
		}
	}
	if got := (&maml.MemberError{Member: "heavy", Index: 1, Step: 1, Err: &outsideError{1.5}}).Error(); got != `task "heavy", after inner step 1: radius 1.5 is not below 1` {
		t.Error(got)
	}
	if got := (&maml.MemberError{Index: 1, Err: &outsideError{1.5}}).Error(); got != `task number 2, before its inner steps: radius 1.5 is not below 1` {
		t.Error(got)
	}
}

func TestNewMetaRefuses(t *testing.T) {
	one := scalar{1, 1, 1, 1}
	good := maml.Member{Name: "good", Weight: 1, Outer: one}
	for _, tt := range []struct {
		name    string
		members []maml.Member
		want    error
	}{
		{"nothing", nil, maml.ErrEmpty},
		{"no objective", []maml.Member{good, {Weight: 1}}, maml.ErrMissing},
		{"no rule", []maml.Member{{Weight: 1, Outer: one, Inner: []objective.Rule{nil}}}, maml.ErrMissing},
		{"zero", []maml.Member{good, {Name: "bad", Outer: one}}, maml.ErrWeight},
		{"negative", []maml.Member{good, {Name: "bad", Weight: -1, Outer: one}}, maml.ErrWeight},
		{"NaN", []maml.Member{good, {Name: "bad", Weight: math.NaN(), Outer: one}}, maml.ErrWeight},
		{"infinite", []maml.Member{good, {Name: "bad", Weight: math.Inf(1), Outer: one}}, maml.ErrWeight},
		{"lost beside another", []maml.Member{{Name: "huge", Weight: 1e308, Outer: one}, {Name: "bad", Weight: 5e-324, Outer: one}}, maml.ErrWeight},
		{"dimensions", []maml.Member{good, {Name: "bad", Weight: 1, Outer: poly{n: 2}}}, maml.ErrDimension},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := maml.NewMeta(tt.members)
			if m != nil || !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if w := (*maml.WeightError)(nil); errors.As(err, &w) && (w.Member != "bad" || w.Index != 1) {
				t.Errorf("%v names the wrong member", err)
			}
			t.Log(err)
		})
	}
}

// Only ratios of weights matter; those whose sum overflows included.
func TestWeightsAreNormalised(t *testing.T) {
	a, b := scalar{1, 1, 1, 1}, scalar{1, 1, 2, 3}
	at := func(x, y float64) float64 {
		m, err := maml.NewMeta([]maml.Member{{Weight: x, Outer: a}, {Weight: y, Outer: b}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Evaluate([]float64{0.5})
		if err != nil {
			t.Fatal(err)
		}
		return p.Value()
	}
	// C_a(½) = 5/3, C_b(½) = 11/3.
	near(t, "1:3", at(1, 3), 19./6, 0x1p-51)
	near(t, "overflowing 1:3", at(0x1p1022, 3*0x1p1022), 19./6, 0x1p-51)
	near(t, "tiny 1:3", at(0x1p-1022, 3*0x1p-1022), 19./6, 0x1p-51)
}

// With f known from below the gap is the sum of the gaps, accurate where the
// difference of two numbers is not; otherwise it is infinite.
func TestGap(t *testing.T) {
	one := scalar{1, 1, 1, 1}
	w, p := one.optimum()
	meta := family(t, 0.05, 1, one)
	near(t, "lower bound", meta.LowerBound(), (1+math.Sqrt(5))/2, 0x1p-51)
	// At w* + t, F(w* + t) − w* = (1 − ηC″)t + O(t²).
	const step = 1e-10
	at, err := meta.Evaluate([]float64{w + step})
	if err != nil {
		t.Fatal(err)
	}
	moved := at.Adapted(0)[0] - w
	sigma := 1 / (1 - (1-w)*(1-w))
	near(t, "gap / analytic", at.Gap()/((1+p)*moved*moved*sigma), 1, 1e-5)
	if at.Gap() <= 0 || at.Gap() > 1e-19 {
		t.Errorf("gap %g", at.Gap())
	}

	loose, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: one}, {Weight: 1, Outer: poly{n: 1, coef: []float64{1}}}})
	if err != nil {
		t.Fatal(err)
	}
	at, err = loose.Evaluate([]float64{1})
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(loose.LowerBound(), -1) || !math.IsInf(at.Gap(), 1) {
		t.Errorf("bound %g, gap %g without a bound", loose.LowerBound(), at.Gap())
	}
}

// A rate of zero, and no steps at all, are the mean cost.
func TestNoAdaptationIsTheMeanCost(t *testing.T) {
	tasks := spread(5)
	x := []float64{0.7}
	still, frozen := family(t, 0.3, 0, tasks...), family(t, 0, 3, tasks...)
	p, err := still.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	q, err := frozen.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	var mean float64
	for _, s := range tasks {
		f, err := s.At(x)
		if err != nil {
			t.Fatal(err)
		}
		mean += f.Value() / 5
	}
	near(t, "value", p.Value(), mean, 1e-15)
	gp, gq, hp, hq := []float64{0}, []float64{0}, []float64{0}, []float64{0}
	p.Grad(gp)
	q.Grad(gq)
	p.HessVec(hp, x)
	q.HessVec(hq, x)
	if p.Value() != q.Value() || gp[0] != gq[0] || hp[0] != hq[0] {
		t.Errorf("rate 0: %v %v %v, no steps: %v %v %v", q.Value(), gq, hq, p.Value(), gp, hp)
	}
}

// blunt has no third derivative; huge overflows.
type blunt struct{ poly }

func (b blunt) At(x []float64) (objective.Point, error) {
	p, err := b.poly.At(x)
	return struct{ objective.Point }{p}, err
}

func TestEvaluateRefuses(t *testing.T) {
	quartic := poly{n: 1, coef: []float64{1, 0, 1, 0, 1}}
	with := func(m maml.Member) *maml.Meta {
		m.Weight = 1
		meta, err := maml.NewMeta([]maml.Member{m})
		if err != nil {
			t.Fatal(err)
		}
		return meta
	}
	for _, tt := range []struct {
		name   string
		meta   *maml.Meta
		x      []float64
		want   error
		domain bool
		step   int
	}{
		{"length", with(maml.Member{Outer: quartic}), []float64{1, 2}, maml.ErrDimension, false, -1},
		{"no third", with(maml.Member{Outer: quartic, Inner: []objective.Rule{maml.Gradient{Objective: blunt{quartic}, Rate: 1}}}), []float64{1}, maml.ErrNoThird, false, 0},
		{"rate", with(maml.Member{Outer: quartic, Inner: []objective.Rule{maml.Gradient{Objective: quartic, Rate: math.NaN()}}}), []float64{1}, maml.ErrSetting, false, 0},
		{"value overflows", with(maml.Member{Outer: quartic}), []float64{1e80}, maml.ErrNotFinite, true, 0},
		{"step overflows", with(maml.Member{Outer: quartic, Inner: []objective.Rule{maml.Gradient{Objective: quartic, Rate: 1}}}), []float64{1e110}, maml.ErrNotFinite, true, 1},
		{"gradient overflows", with(maml.Member{Outer: poly{n: 1, coef: []float64{0, 1e200}}, Inner: []objective.Rule{maml.Gradient{Objective: poly{n: 1, coef: []float64{0, 0, 1e200}}, Rate: 1}}}), []float64{1e-220}, maml.ErrNotFinite, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.meta.At(tt.x)
			if !errors.Is(err, tt.want) || errors.Is(err, objective.ErrDomain) != tt.domain {
				t.Fatalf("%v, want %v, domain %v", err, tt.want, tt.domain)
			}
			if m := (*maml.MemberError)(nil); tt.step >= 0 && (!errors.As(err, &m) || m.Step != tt.step) {
				t.Errorf("%v, want step %d", err, tt.step)
			}
			t.Log(err)
		})
	}
}
