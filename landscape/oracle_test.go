package landscape

import (
	"math/big"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// The oracle is the meta-objective written down a second time, from P, Σ, E and
// S of package lqr instead of the N, D, T and M of this package:
//
//	u = a − bw   D = 1 − γu²   P = (q − 2nw + rw²)/D   Σ = s/D
//	E = rw − n − γbuP   S = r + γb²P   C = sP + c   C′ = 2EΣ
//	P˙ = 2E/D   E˙ = S − γbuP˙   Σ˙ = −2γbuΣ/D   C″ = 2(E˙Σ + EΣ˙)
//	gradient w − ηC′     natural w − 2ηE     Gauss–Newton w − 2ηE/S
//
// in floats for searching and in digits to spare for judging. Packages lqr and
// maml, which work with matrices, say the same: TestOracle.

// A number is what the oracle computes with.
type number[T any] interface {
	add(T) T
	sub(T) T
	mul(T) T
	div(T) T
	of(float64) T
	sign() int
	float() float64
}

type double float64

func (x double) add(y double) double { return x + y }
func (x double) sub(y double) double { return x - y }
func (x double) mul(y double) double { return x * y }
func (x double) div(y double) double { return x / y }
func (x double) of(y float64) double { return double(y) }
func (x double) float() float64      { return float64(x) }
func (x double) sign() int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// digits has 256 bits, 77 decimals.
type digits struct{ *big.Float }

const precision = 256

func exactly(x float64) digits { return digits{new(big.Float).SetPrec(precision).SetFloat64(x)} }

func (x digits) add(y digits) digits { return digits{new(big.Float).Add(x.Float, y.Float)} }
func (x digits) sub(y digits) digits { return digits{new(big.Float).Sub(x.Float, y.Float)} }
func (x digits) mul(y digits) digits { return digits{new(big.Float).Mul(x.Float, y.Float)} }
func (x digits) div(y digits) digits { return digits{new(big.Float).Quo(x.Float, y.Float)} }
func (x digits) of(y float64) digits { return exactly(y) }
func (x digits) sign() int           { return x.Sign() }
func (x digits) float() float64      { f, _ := x.Float64(); return f }
func (x digits) cmp(y digits) int    { return x.Cmp(y.Float) }

// abs is |x|.
func (x digits) abs() digits { return digits{new(big.Float).Abs(x.Float)} }

// oraclePlant is one cost.
type oraclePlant[T number[T]] struct{ a, b, q, n, r, γ, s, c T }

// oraclePoint is a cost at a gain.
type oraclePoint[T number[T]] struct {
	d, e, e1, p1, s, cost, c1, c2 T
	size                          T // of what is added up in c1
}

// at reports false where the gain does not stabilise.
func (p *oraclePlant[T]) at(w T) (o oraclePoint[T], ok bool) {
	one, two := w.of(1), w.of(2)
	u := p.a.sub(p.b.mul(w))
	γu := p.γ.mul(u)
	o.d = one.sub(γu.mul(u))
	if o.d.sign() <= 0 {
		return o, false
	}
	rw := p.r.mul(w)
	cost := p.q.add(w.mul(rw.sub(two.mul(p.n)))).div(o.d)
	bγu := p.b.mul(γu)
	o.e = rw.sub(p.n).sub(bγu.mul(cost))
	o.s = p.r.add(p.γ.mul(p.b).mul(p.b).mul(cost))
	σ := p.s.div(o.d)
	o.p1 = two.mul(o.e).div(o.d)
	o.e1 = o.s.sub(bγu.mul(o.p1))
	σ1 := w.of(-2).mul(bγu).mul(σ).div(o.d)
	o.cost = p.s.mul(cost).add(p.c)
	o.c1 = two.mul(o.e).mul(σ)
	size := func(x T) T {
		if x.sign() < 0 {
			return w.of(0).sub(x)
		}
		return x
	}
	o.size = two.mul(size(rw).add(size(p.n)).add(size(bγu.mul(cost)))).mul(σ)
	o.c2 = two.mul(o.e1.mul(σ).add(o.e.mul(σ1)))
	return o, true
}

// step is F and F′ at w, where o is the inner cost.
func (p *oraclePlant[T]) step(rule family.Rule, η, w T, o *oraclePoint[T]) (to, deriv T) {
	one, two := w.of(1), w.of(2)
	switch rule {
	case family.RuleNatural:
		return w.sub(two.mul(η).mul(o.e)), one.sub(two.mul(η).mul(o.e1))
	case family.RuleGaussNewton:
		u := o.e.div(o.s)
		s1 := p.γ.mul(p.b).mul(p.b).mul(o.p1)
		return w.sub(two.mul(η).mul(u)), one.sub(two.mul(η).mul(o.e1.sub(s1.mul(u)).div(o.s)))
	}
	return w.sub(η.mul(o.c1)), one.sub(η.mul(o.c2))
}

// oracle is the meta-objective.
type oracle[T number[T]] struct {
	rule    family.Rule
	rates   []T
	weights []T
	f, g    []*oraclePlant[T]
}

// outcome is the meta-objective at a gain.
type outcome[T number[T]] struct {
	inside bool
	least  T // the least D seen
	task   int
	value  T
	slope  T
	size   T   // of what is added up in slope
	jac    []T // x_K′ of each task, if asked for
}

// at evaluates h and h′. Tasks narrows it to some of them.
func (o *oracle[T]) at(w T, jacobians bool) outcome[T] {
	r := outcome[T]{least: w.of(1), value: w.of(0), slope: w.of(0), size: w.of(0)}
	for i := range o.f {
		x, j, end, ok := o.follow(i, w, &r.least)
		if !ok {
			r.task = i
			return r
		}
		_ = x
		r.value = r.value.add(o.weights[i].mul(end.cost))
		r.slope = r.slope.add(o.weights[i].mul(end.c1).mul(j))
		size := o.weights[i].mul(end.size).mul(j)
		if size.sign() < 0 {
			size = w.of(0).sub(size)
		}
		r.size = r.size.add(size)
		if jacobians {
			r.jac = append(r.jac, j)
		}
	}
	r.inside = true
	return r
}

// follow is the path of one task.
func (o *oracle[T]) follow(i int, w T, least *T) (x, j T, end oraclePoint[T], ok bool) {
	x, j = w, w.of(1)
	for _, η := range o.rates {
		at, ok := o.g[i].at(x)
		if !ok {
			return x, j, at, false
		}
		if at.d.sub(*least).sign() < 0 {
			*least = at.d
		}
		to, deriv := o.g[i].step(o.rule, η, x, &at)
		x, j = to, j.mul(deriv)
	}
	end, ok = o.f[i].at(x)
	if ok && end.d.sub(*least).sign() < 0 {
		*least = end.d
	}
	return x, j, end, ok
}

// optimum is W*, by policy iteration from the middle of the stable set; with b = 0
// the cost is quadratic.
func (p *oraclePlant[T]) optimum() T {
	if p.b.sign() == 0 {
		return p.n.div(p.r)
	}
	w := p.a.div(p.b)
	for i, settled := 0, 0; i < 400 && settled < 5; i++ {
		o, ok := p.at(w)
		if !ok {
			break
		}
		next := w.sub(o.e.div(o.s))
		if next.float() == w.float() {
			settled++ // each step from here doubles the digits
		}
		w = next
	}
	return w
}

// newOracle takes the family's numbers, sampling continuous plants itself.
func newOracle(f *family.Family, rates []float64) *oracle[digits] {
	o := &oracle[digits]{rule: f.Meta.Inner.Rule}
	for _, η := range rates {
		o.rates = append(o.rates, exactly(η))
	}
	total := exactly(0)
	for _, t := range f.Tasks {
		total = total.add(exactly(t.Weight))
	}
	for _, t := range f.Tasks {
		o.weights = append(o.weights, exactly(t.Weight).div(total))
		outer := oracleOf(t.Outer)
		inner := outer
		if t.Inner != nil {
			inner = oracleOf(*t.Inner)
		}
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			best, ok := outer.at(outer.optimum())
			if !ok || best.cost.sign() <= 0 {
				panic("oracle: normalize: optimal-cost has nothing to divide by")
			}
			same := inner == outer
			outer = outer.over(best.cost)
			if same {
				inner = outer
			} else {
				inner = inner.over(best.cost)
			}
		}
		o.f, o.g = append(o.f, outer), append(o.g, inner)
	}
	return o
}

func (p *oraclePlant[T]) over(c T) *oraclePlant[T] {
	r := *p
	r.q, r.n, r.r, r.c = p.q.div(c), p.n.div(c), p.r.div(c), p.c.div(c)
	return &r
}

func oracleOf(s lqr.Spec) *oraclePlant[digits] {
	entry := func(m []float64, absent float64) digits {
		if len(m) == 0 {
			return exactly(absent)
		}
		return exactly(m[0])
	}
	p := &oraclePlant[digits]{
		a: entry(s.A.Data, 0), b: entry(s.B.Data, 0), q: entry(s.Q.Data, 0), n: entry(s.N.Data, 0), r: entry(s.R.Data, 0),
		γ: exactly(1), s: entry(s.Sigma0.Data, 1), c: exactly(0),
	}
	noise := entry(s.Noise.Data, 0)
	if s.Discount != 0 {
		p.γ = exactly(s.Discount)
	}
	if s.X0 != nil {
		p.s = exactly(s.X0[0]).mul(exactly(s.X0[0]))
	}
	if s.SampleTime != 0 {
		noise, p.c = p.oracleSample(s.SampleTime, noise)
	}
	switch {
	case s.AverageCost:
		p.s = noise
	case noise.sign() != 0:
		rest := exactly(1).sub(p.γ)
		p.s = p.s.add(p.γ.div(rest).mul(noise))
		p.c = p.c.div(rest)
	}
	return p
}

// oracleSample holds the input for a time h, from the integrals themselves: with
// e₁ = eᵃʰ − 1, e₂ = e²ᵃʰ − 1 and φ(t) = (eᵃᵗ − 1)/a,
//
//	∫e²ᵃᵗ = e₂/2a   ∫φ = (e₁/a − h)/a   ∫φ² = (e₂/2a − 2e₁/a + h)/a²   ∫φφ′ = φ(h)²/2
//
// and the noise between samples costs Vq∫(e²ᵃᵗ − 1)/2a. Differences lose 3 log₂ ah
// bits, of 1200.
func (p *oraclePlant[T]) oracleSample(time float64, noise digits) (sampled, between digits) {
	const bits = 1200
	wide := func(x digits) digits { return digits{new(big.Float).SetPrec(bits).Set(x.Float)} }
	narrow := func(x digits) digits { return digits{new(big.Float).SetPrec(precision).Set(x.Float)} }
	o := any(p).(*oraclePlant[digits])
	a, b, q, n, r, v := wide(o.a), wide(o.b), wide(o.q), wide(o.n), wide(o.r), wide(noise)
	c := func(x float64) digits { return wide(exactly(x)) }
	h := c(time)
	var a1, φ, φ2, square, both, mean digits
	if a.sign() == 0 {
		a1, φ, φ2, square = c(1), h, h.mul(h).mul(h).div(c(3)), h
		both, mean = h.mul(h).div(c(2)), h.mul(h).div(c(2))
	} else {
		a1 = oracleExp(a.mul(h), bits)
		e1, e2 := a1.sub(c(1)), a1.mul(a1).sub(c(1))
		φ = e1.div(a)
		square = e2.div(c(2).mul(a))
		both = φ.sub(h).div(a)
		φ2 = square.sub(c(2).mul(φ)).add(h).div(a.mul(a))
		mean = square.sub(h).div(c(2).mul(a))
	}
	o.a, o.b, o.q = narrow(a1), narrow(b.mul(φ)), narrow(q.mul(square))
	o.n = narrow(q.mul(b).mul(φ).mul(φ).div(c(2)).add(n.mul(φ)))
	o.r = narrow(q.mul(b).mul(b).mul(φ2).add(c(2).mul(n).mul(b).mul(both)).add(r.mul(h)))
	return narrow(v.mul(square)), narrow(v.mul(q).mul(mean))
}

// oracleExp is eˣ: the series of x/2¹⁰⁰, squared a hundred times.
func oracleExp(x digits, bits uint) digits {
	const halvings = 100
	y := digits{new(big.Float).SetMantExp(x.Float, -halvings)}
	one := digits{new(big.Float).SetPrec(bits + 200).SetInt64(1)}
	sum, term := one, one
	for j := 1; j < 40; j++ {
		term = term.mul(y).div(one.of(float64(j)))
		sum = sum.add(term)
	}
	for range halvings {
		sum = sum.mul(sum)
	}
	return digits{new(big.Float).SetPrec(bits).Set(sum.Float)}
}

// floats is the oracle rounded.
func floats(o *oracle[digits]) *oracle[double] {
	r := func(x digits) double { return double(x.float()) }
	f := &oracle[double]{rule: o.rule}
	plant := map[*oraclePlant[digits]]*oraclePlant[double]{}
	rounded := func(p *oraclePlant[digits]) *oraclePlant[double] {
		if plant[p] == nil {
			plant[p] = &oraclePlant[double]{r(p.a), r(p.b), r(p.q), r(p.n), r(p.r), r(p.γ), r(p.s), r(p.c)}
		}
		return plant[p]
	}
	for _, η := range o.rates {
		f.rates = append(f.rates, r(η))
	}
	for i := range o.f {
		f.weights = append(f.weights, r(o.weights[i]))
		f.f, f.g = append(f.f, rounded(o.f[i])), append(f.g, rounded(o.g[i]))
	}
	return f
}

// metaOf is the meta-objective of packages lqr and maml.
func metaOf(t testing.TB, f *family.Family, rates []float64) *maml.Meta {
	t.Helper()
	members := make([]maml.Member, len(f.Tasks))
	for i, x := range f.Tasks {
		outer, inner := x.F, x.G
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := 1 / x.F.Optimum().Cost
			outer, inner = divided(t, x.F, c), divided(t, x.G, c)
		}
		var rules []objective.Rule
		for _, η := range rates {
			switch f.Meta.Inner.Rule {
			case family.RuleNatural:
				rules = append(rules, lqr.Natural{Task: inner, Rate: η})
			case family.RuleGaussNewton:
				rules = append(rules, lqr.GaussNewton{Task: inner, Rate: η})
			default:
				rules = append(rules, maml.Gradient{Objective: inner, Rate: η})
			}
		}
		members[i] = maml.Member{Name: x.Name, Weight: x.Weight, Outer: outer, Inner: rules}
	}
	m, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	m.Workers = 1
	return m
}

func divided(t testing.TB, task *lqr.Task, c float64) *lqr.Task {
	t.Helper()
	s, err := lqr.New(task.Spec().ScaleCost(c))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parse reads a family, its rates given as numbers.
func parse(t testing.TB, yaml string) (*family.Family, []float64) {
	t.Helper()
	f, err := family.Parse("test", []byte(yaml))
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	return f, ratesOf(f)
}

func ratesOf(f *family.Family) []float64 {
	rates := make([]float64, f.Meta.Inner.Steps)
	for k := range rates {
		rates[k] = f.Meta.Inner.Rate.At(k)
	}
	return rates
}
