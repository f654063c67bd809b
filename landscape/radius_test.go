package landscape

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// nominals are tasks about which radii are found. The first is that of Figure 3a.
var nominals = []struct{ name, yaml string }{
	{"figure 3a", "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.02}}\n"},
	{"two steps", "tasks: [{A: 1.2, B: 0.7, Q: 1, R: 0.3, N: 0.1, discount: 0.9}]\nmeta: {inner: {rate: 0.01, steps: 2}}\n"},
	{"natural", "tasks: [{A: 1.2, B: -0.7, Q: 1, R: 0.3, Sigma0: 2}]\nmeta: {inner: {rate: 0.05, rule: natural}}\n"},
	{"gauss-newton", "tasks: [{A: 1.2, B: 0.7, Q: 1, R: 0.3}]\nmeta: {inner: {rate: 0.3, rule: gauss-newton}}\n"},
	{"policy iteration", "tasks: [{A: -0.4, B: 2, Q: 0.5, R: 1}]\nmeta: {inner: {rate: 0.5, rule: gauss-newton}}\n"},
	{"no state cost", "tasks: [{A: 1.5, B: 1, Q: 0, R: 1}]\nmeta: {inner: {rate: 0.02}}\n"},
}

func nominal(t testing.TB, yaml string) *Nominal {
	t.Helper()
	f, rates := parse(t, yaml)
	n, err := NewNominal(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// within draws a task of the ball, more often than not at its border.
func within(rng *rand.Rand, δ float64) (shift [4]float64) {
	total := 0.0
	for i := range shift {
		if rng.IntN(3) > 0 {
			shift[i] = rng.ExpFloat64()
		}
		total += shift[i]
	}
	if total == 0 {
		return shift
	}
	for i := range shift {
		shift[i] *= δ * (1 - 1e-9) / total
		if rng.IntN(2) == 0 {
			shift[i] = -shift[i]
		}
		if rng.IntN(4) == 0 {
			shift[i] *= rng.Float64()
		}
	}
	return shift
}

// outliers counts the points at which a bundle's enclosures do not hold what 256
// bits give: x_K − W*, x_K′ and x_K″ of a task of the ball at a gain.
func outliers(t *testing.T, n *Nominal, b *ball, c *cell, shiftOf func() ([4]float64, bool), w interval.Interval, rng *rand.Rand) (wrong, seen int) {
	k, ok := c.follow(b.steps, w)
	nominal := n.family.Tasks[0].Outer
	for range 6 {
		shift, valid := shiftOf()
		if !valid {
			continue
		}
		p := oracleOf(nominal)
		for i, x := range []*digits{&p.a, &p.b, &p.q, &p.r} {
			*x = x.add(exactly(shift[i]))
		}
		if p.q.sign() < 0 && p.n.sign() == 0 {
			continue // no task
		}
		o := &oracle[digits]{rule: n.family.Meta.Inner.Rule, f: []*oraclePlant[digits]{p}, g: []*oraclePlant[digits]{p}}
		for _, s := range b.steps {
			o.rates = append(o.rates, exactly(s.η))
		}
		least := exactly(1)
		at := exactly(w.Lo() + rng.Float64()*(w.Hi()-w.Lo()))
		x, j, _, inside := o.follow(0, at, &least)
		if !inside {
			continue
		}
		if !ok {
			t.Fatalf("the gain %v is in a domain, and the cell says it is in none", at.float())
		}
		seen++
		const step = 1e-20 // the error of the difference is some 1e-40
		_, right, _, in := o.follow(0, at.add(exactly(step)), &least)
		_, left, _, in2 := o.follow(0, at.sub(exactly(step)), &least)
		holds := func(x interval.Interval, v digits) bool {
			slack := v.abs().mul(exactly(1e-30)).add(exactly(1e-30))
			return (math.IsInf(x.Lo(), -1) || v.add(slack).cmp(exactly(x.Lo())) >= 0) &&
				(math.IsInf(x.Hi(), 1) || v.sub(slack).cmp(exactly(x.Hi())) <= 0)
		}
		if !holds(k.off, x.sub(p.optimum())) || !holds(k.x1, j) {
			wrong++
		} else if in && in2 && !holds(k.x2, right.sub(left).div(exactly(2*step))) {
			wrong++
		}
	}
	return wrong, seen
}

// Every enclosure over a ball holds what 256-bit arithmetic gives for tasks of it,
// and with a partial derivative left out it would not.
func TestBallHoldsItsTasks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, x := range nominals {
		n := nominal(t, x.yaml)
		for _, δ := range []float64{1e-4, 0.02} {
			b, ok := n.one.ball(δ)
			if !ok {
				t.Fatalf("%s: no ball of %v", x.name, δ)
			}
			planted := *b.whole
			planted.optBy = partials{zero, zero, zero, zero}
			total, caught := 0, 0
			range_ := b.stable()
			for range 40 {
				lo := range_.Lo() + rng.Float64()*range_.Width()
				w := interval.New(lo, lo+math.Exp(-12*rng.Float64())*(range_.Hi()-lo))
				all := func() ([4]float64, bool) { return within(rng, δ), true }
				wrong, seen := outliers(t, n, b, b.whole, all, w, rng)
				if wrong > 0 {
					t.Fatalf("%s, δ = %v: gains %v: not enclosed", x.name, δ, w)
				}
				total += seen
				wrong, _ = outliers(t, n, b, &planted, all, interval.Of(lo), rng)
				caught += wrong
				c := &b.cells[rng.IntN(len(b.cells))]
				inCell := func() (shift [4]float64, ok bool) {
					p := n.one.tasks[0].f
					for i, y := range [4][2]interval.Interval{{c.wide.a, p.a}, {c.wide.b, p.b}, {c.wide.q, p.q}, {c.wide.r, p.r}} {
						v := y[0].Lo() + rng.Float64()*(y[0].Hi()-y[0].Lo())
						shift[i] = v - y[1].Mid()
						if !y[0].Contains(y[1].Mid() + shift[i]) {
							return shift, false
						}
					}
					return shift, true
				}
				if wrong, _ := outliers(t, n, b, c, inCell, w, rng); wrong > 0 {
					t.Fatalf("%s, δ = %v: gains %v: not enclosed in a cell", x.name, δ, w)
				}
			}
			if total < 30 {
				t.Errorf("%s: only %d points", x.name, total)
			}
			// With the Gauss–Newton rule intervals without it are as narrow.
			if caught == 0 && n.family.Meta.Inner.Rule != family.RuleGaussNewton {
				t.Errorf("%s, δ = %v: a missing ∂W*/∂θ is not noticed", x.name, δ)
			}
		}
	}
}

// The cells and what they leave out: every task of the ball is in one.
func TestCellsCoverTheBall(t *testing.T) {
	n := nominal(t, nominals[0].yaml)
	const δ = 0.01
	b, _ := n.one.ball(δ)
	if len(b.cells) != 81-16 {
		t.Errorf("%d cells", len(b.cells))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	p := n.one.tasks[0].f
	for range 2000 {
		s := within(rng, δ)
		found := false
		for _, c := range b.cells {
			found = found || c.wide.a.Contains(p.a.Mid()+s[0]) && c.wide.b.Contains(p.b.Mid()+s[1]) &&
				c.wide.q.Contains(p.q.Mid()+s[2]) && c.wide.r.Contains(p.r.Mid()+s[3])
		}
		if !found {
			t.Fatalf("%v is in no cell", s)
		}
	}
}

// The issue asks for a bracket within 10 on Figure 3a's nominal task; it is within
// 2.2, and closes as ε falls. δ ∝ √ε: an enclosure of the costs would have δ ∝ ε.
func TestRadiusBracket(t *testing.T) {
	n := nominal(t, nominals[0].yaml)
	proved := map[float64]float64{}
	for _, x := range []struct{ ε, within float64 }{{1e-1, 2.2}, {1e-2, 1.4}, {1e-3, 1.13}, {1e-5, 1.02}} {
		r, err := n.Radius(context.Background(), x.ε, RadiusOptions{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if ratio := r.Searched / r.Proved; !(ratio >= 1 && ratio <= x.within) || r.None || r.Worst == nil {
			t.Errorf("ε = %v: %v proved, %v found", x.ε, r.Proved, r.Searched)
		}
		if !(r.Excess.Lo() > x.ε) {
			t.Errorf("ε = %v: the worst family is %v", x.ε, r.Excess)
		}
		for _, task := range r.Worst.Tasks {
			if d := family.Distance(task.Outer, n.family.Tasks[0].Outer); d > r.Searched {
				t.Errorf("ε = %v: a task of the worst family at %v, beyond %v", x.ε, d, r.Searched)
			}
		}
		// The file that is written says the same.
		f, rates := parse(t, string(family.Format(r.Worst)))
		p, err := New(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.Prove(context.Background(), Options{})
		if err != nil || l.Epsilon != r.Excess {
			t.Errorf("ε = %v: the worst family, read again: %v, %v", x.ε, l, err)
		}
		proved[x.ε] = r.Proved
	}
	if ratio := proved[1e-3] / proved[1e-5]; !(ratio > 8.5 && ratio < 10.5) {
		t.Errorf("100 times ε is %v times δ, want 10", ratio)
	}
}

// MATH.md: with η = 0.2 the task has a spurious minimum with the excess 1.728e-4.
// Above that there is a δ.
func TestRadiusNone(t *testing.T) {
	n := nominal(t, "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.2}}\n")
	r, err := n.Radius(context.Background(), 1e-4, RadiusOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !r.None || r.Proved != 0 || r.Searched != 0 || r.Worst == nil {
		t.Errorf("%+v", r)
	}
	if e := r.Excess.Mid(); math.Abs(e-1.728e-4) > 1e-3*e {
		t.Errorf("excess %v", e)
	}
	if r, err = n.Radius(context.Background(), 1e-3, RadiusOptions{Rounds: -1}); err != nil || r.None || !(r.Proved > 0.01) {
		t.Errorf("%+v, %v", r, err)
	}
}

// With the Gauss–Newton rule and one minimum, δ does not fall with ε: that minimum is
// global for every family so near, however far its members' optima are apart. The
// worst families are at most ten times as far.
func TestRadiusOfGaussNewton(t *testing.T) {
	n := nominal(t, nominals[3].yaml)
	var at1e5 float64
	for _, ε := range []float64{1e-5, 1e-3, 1e-2} {
		r, err := n.Radius(context.Background(), ε, RadiusOptions{Seed: 1, Rounds: 100})
		if err != nil {
			t.Fatal(err)
		}
		if ratio := r.Searched / r.Proved; !(ratio > 1 && ratio <= 10) {
			t.Errorf("ε = %v: δ between %v and %v", ε, r.Proved, r.Searched)
		}
		if ε == 1e-5 {
			at1e5 = r.Proved
			if c, ok := r.Certificate(); !ok || c.Radius.Bowl == nil {
				t.Errorf("%+v", c.Radius)
			}
		} else if r.Proved != at1e5 {
			t.Errorf("ε = %v: δ = %v, want that of 1e-5, %v", ε, r.Proved, at1e5)
		}
	}
}

// Random families within the δ proved, and the worst ones found moved there, are
// ε-global by their own proof.
func TestNoFamilyWithinViolates(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, x := range nominals {
		n := nominal(t, x.yaml)
		for _, ε := range []float64{1, 1e-5} {
			r, err := n.Radius(context.Background(), ε, RadiusOptions{Seed: 3, Rounds: 50})
			if err != nil {
				t.Fatal(err)
			}
			if !(r.Proved > 0) {
				t.Errorf("%s, ε = %v: nothing proved: %s", x.name, ε, r.Why)
				continue
			}
			checked := 0
			for k := range 12 {
				var s shape
				for range 1 + rng.IntN(5) {
					m := Member{within(rng, 1), math.Exp(3 * rng.NormFloat64())}
					s = append(s, m)
				}
				if k == 0 && r.Worst != nil {
					s = nil
					for _, w := range r.Worst.Tasks {
						var shift [4]float64
						from := n.family.Tasks[0].Outer
						for i, y := range [4][2]float64{{w.Outer.A.Data[0], from.A.Data[0]}, {w.Outer.B.Data[0], from.B.Data[0]},
							{w.Outer.Q.Data[0], from.Q.Data[0]}, {w.Outer.R.Data[0], from.R.Data[0]}} {
							shift[i] = (y[0] - y[1]) / r.Searched
						}
						s = append(s, Member{shift, w.Weight})
					}
				}
				f, err := n.member(s, r.Proved*(1-1e-12))
				if err != nil {
					continue // no task
				}
				p, err := New(f, stepRates(n.one.tasks[0].steps))
				if err != nil {
					t.Fatal(err)
				}
				l, err := p.Prove(context.Background(), Options{})
				if err != nil {
					t.Fatal(err)
				}
				checked++
				if l.Epsilon.Lo() > ε || len(l.Unresolved) == 0 && l.Epsilon.Hi() > ε*(1+1e-9) {
					t.Errorf("%s, ε = %v: a family within %v has ε in %v:\n%s", x.name, ε, r.Proved, l.Epsilon, family.Format(f))
				}
			}
			if checked == 0 {
				t.Errorf("%s: only %d families", x.name, checked)
			}
		}
	}
}

// What is proved for one ε or δ is not lost for a larger ε or a smaller δ, and the
// budget is kept.
func TestSimilarIsMonotone(t *testing.T) {
	n := nominal(t, nominals[0].yaml)
	ctx := context.Background()
	before := 0.0
	for _, ε := range []float64{1e-4, 1e-3, 1e-2} {
		r, err := n.Radius(ctx, ε, RadiusOptions{Rounds: -1})
		if err != nil || !(r.Proved > before) {
			t.Fatalf("ε = %v: %v after %v, %v", ε, r.Proved, before, err)
		}
		before = r.Proved
		for _, part := range []float64{0.9, 0.5, 0.1, 1e-3} {
			if s, _ := n.Similar(ctx, part*r.Proved, ε, Options{}); !s.Proved {
				t.Errorf("ε = %v: not at %v of the δ proved: %s", ε, part, s.Why)
			}
		}
		if s, _ := n.Similar(ctx, 1.01*r.Proved, ε, Options{}); s.Proved {
			t.Errorf("ε = %v: proved above the largest", ε)
		}
	}
	r, err := n.Radius(ctx, 1e-2, RadiusOptions{Options: Options{Boxes: 300}, Rounds: -1})
	if err != nil || r.Proved != 0 && r.Proved >= before || !strings.Contains(r.Why, "budget") {
		t.Errorf("%+v, %v", r, err)
	}
	cancelled, stop := context.WithCancel(ctx)
	stop()
	if _, err := n.Radius(cancelled, 1e-2, RadiusOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRadiusIsTheSame(t *testing.T) {
	n := nominal(t, nominals[1].yaml)
	var first *Radius
	for _, workers := range []int{1, 3} {
		r, err := n.Radius(context.Background(), 1e-2, RadiusOptions{Options: Options{Workers: workers}, Seed: 9, Rounds: 30})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r
		}
		if r.Proved != first.Proved || r.Searched != first.Searched || string(family.Format(r.Worst)) != string(family.Format(first.Worst)) {
			t.Errorf("%d workers: %+v, want %+v", workers, r, first)
		}
	}
}

func TestRadiusRefuses(t *testing.T) {
	for _, x := range []struct {
		yaml, why string
		is        error
	}{
		{"tasks: [{A: 1, B: 1, Q: 1, R: 1, sample_time: 0.1}]\nmeta: {inner: {rate: 0.02}}\n", "sampled", ErrRadius},
		{"tasks: [{A: 1, B: 1, Q: 1, R: 1, inner: {Q: 2}}]\nmeta: {inner: {rate: 0.02}}\n", "another task", ErrRadius},
		{"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {normalize: optimal-cost, inner: {rate: 0.02}}\n", "normalised", ErrRadius},
		{"tasks: [{A: 0.5, B: 0, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.02}}\n", "does nothing", ErrRadius},
		{"tasks: [{A: [[1, 0], [0, 0.5]], B: [[1], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rate: 0.02}}\n", "1×2", ErrUnsupported},
	} {
		f, err := family.Parse("refused", []byte(x.yaml))
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewNominal(f, []float64{0.02})
		if !errors.Is(err, x.is) || !strings.Contains(err.Error(), x.why) {
			t.Errorf("%v, want %q", err, x.why)
		}
	}
}
