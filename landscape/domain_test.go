package landscape

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// With the Gauss–Newton rule and 0 < η < 1 the domain is where all plants are
// stable: its ends are the rationals (a ± 1)/b.
func TestDomainClosedForm(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	d := draw{Rand: r}
	for range 200 {
		a, b := d.between(-3, 3), math.Copysign(d.log(1e-3, 1e3), r.Float64()-0.5)
		y := tasks(fmt.Sprintf("rule: gauss-newton, rate: %v, steps: %d", d.between(0.01, 0.99), 1+d.IntN(3)), [4]float64{a, b, d.log(1e-3, 1e3), d.log(1e-3, 1e3)})
		f, rates := parse(t, y)
		p, err := New(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		l := prove(t, y, Options{Workers: 1})
		if len(l.Domain) != 1 || len(p.tasks) != 1 {
			t.Fatalf("%d components\n%s%s", len(l.Domain), y, l.dump())
		}
		end := func(reach float64) *big.Rat {
			x := new(big.Rat).Add(new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(reach))
			return x.Quo(x, new(big.Rat).SetFloat64(b))
		}
		low, high := end(-1), end(1)
		if b < 0 {
			low, high = high, low
		}
		for _, c := range []struct {
			x    interval.Interval
			want *big.Rat
		}{{l.Domain[0].Low, low}, {l.Domain[0].High, high}} {
			if new(big.Rat).SetFloat64(c.x.Lo()).Cmp(c.want) > 0 || new(big.Rat).SetFloat64(c.x.Hi()).Cmp(c.want) < 0 {
				want, _ := c.want.Float64()
				t.Errorf("end %v does not hold %v\n%s", c.x, want, y)
			}
			// The end is where D = 1 − (a − bw)² loses its sign to rounding, some
			// units in the last place of 1 in units of w, with a few to spare.
			if w := c.x.Width(); w > 64*0x1p-52*(math.Abs(a)+1)/math.Abs(b) {
				t.Errorf("end %v is known to %.2g only\n%s", c.x, w, y)
			}
		}
	}
}

// Where the domain falls apart: at A = B = R = 1, η = 0.01 it is one interval for
// Q = 1 and two for Q = 10⁻⁶. On either side of that Q, as near as the budget
// lets anything be proved, the proof must be right or say nothing.
func TestDomainFallsApart(t *testing.T) {
	scalar := func(q float64, inner string) string { return tasks(inner, [4]float64{1, 1, q, 1}) }
	for _, inner := range []string{"rate: 0.01", "rate: 0.02, rule: natural", "rate: 0.01, steps: 2"} {
		components := func(q float64) int {
			f, rates := parse(t, scalar(q, inner))
			x := newTrial(f, rates, 1)
			// The search alone: changes of the domain seen on its grid.
			n, in := 0, false
			for _, w := range x.grid(3000) {
				o := x.quick.at(double(w), false)
				if o.inside && !in {
					n++
				}
				in = o.inside
			}
			return n
		}
		one, two := 1.0, 1e-6
		if components(one) == components(two) {
			continue
		}
		for range 60 {
			if m := math.Sqrt(one * two); components(m) == components(two) {
				two = m
			} else {
				one = m
			}
		}
		decided := 0
		for _, q := range []float64{one, two} {
			for _, off := range []float64{0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3} {
				if q == one {
					q *= 1 + off
				} else {
					q *= 1 - off
				}
				f, rates := parse(t, scalar(q, inner))
				x := newTrial(f, rates, 1)
				l, err := x.run(Options{Boxes: 200_000, Workers: 1}, 500)
				if err != nil {
					t.Fatalf("%v\n%s", err, x)
				}
				if x.report() != "" {
					t.Error(x.report())
				}
				if len(l.Unresolved) == 0 {
					decided++
				}
			}
		}
		if decided < 6 {
			t.Errorf("%s: %d of 12 decided about Q = %v", inner, decided, one)
		}
	}
}

// A pinch: two tasks whose stable sets share an interval of a few units in the
// last place, or nothing.
func TestDomainPinched(t *testing.T) {
	inner := []string{"rate: 1e-30, rule: natural", "rate: 0", "rate: 0, rule: natural", "rate: 0.3, rule: gauss-newton", "rate: 0, rule: gauss-newton"}
	for k := 20; k <= 51; k++ {
		for _, sign := range []float64{1, -1} {
			a := 2 - sign*math.Exp2(-float64(k)) // stable in (a − 1, a + 1), and (−1, 1)
			f, rates := parse(t, tasks(inner[k%len(inner)], [4]float64{a, 1, 1, 1}, [4]float64{0, 1, 1, 1}))
			x := newTrial(f, rates, uint64(k))
			l, err := x.run(Options{Boxes: 20_000}, 300)
			if sign < 0 && err == nil && len(l.Domain) > 0 {
				t.Errorf("a = %v: a domain is found\n%s", a, l.dump())
			}
			if sign > 0 && err != nil {
				t.Errorf("a = %v: %v", a, err)
			}
			if x.report() != "" {
				t.Error(x.report())
			}
		}
	}
}

// Which families come to one task is exact arithmetic: one unit in the last
// place is a different task.
func TestOneMap(t *testing.T) {
	up := func(x float64) float64 { return math.Nextafter(x, math.Inf(1)) }
	task := func(a, b, q, r float64, more string) string {
		return fmt.Sprintf("{A: %v, B: %v, Q: %v, R: %v%s}", a, b, q, r, more)
	}
	for _, tt := range []struct {
		name  string
		tasks []string
		rule  string
		meta  string
		one   bool
	}{
		{"one task", []string{task(1, 1, 1, 1, "")}, "gradient", "", true},
		{"twins", []string{task(1.1, 1, 1, 1, ""), task(1.1, 1, 1, 1, ", weight: 3")}, "gradient", "", true},
		{"a by one unit", []string{task(1.1, 1, 1, 1, ""), task(up(1.1), 1, 1, 1, "")}, "gradient", "", false},
		{"b by one unit", []string{task(1.1, 1, 1, 1, ""), task(1.1, up(1), 1, 1, "")}, "gauss-newton", "", false},
		{"−b", []string{task(.9, 1, 1, 1, ""), task(.9, -1, 1, 1, "")}, "gauss-newton", "", false},
		{"twice the cost", []string{task(1, 1, .3, .7, ""), task(1, 1, .6, 1.4, "")}, "gradient", "", false},
		{"twice the cost", []string{task(1, 1, .3, .7, ""), task(1, 1, .6, 1.4, "")}, "natural", "", false},
		{"twice the cost", []string{task(1, 1, .3, .7, ""), task(1, 1, .6, 1.4, "")}, "gauss-newton", "", true},
		{"twice the cost, normalised", []string{task(1, 1, .3, .7, ""), task(1, 1, .6, 1.4, "")}, "gradient", "normalize: optimal-cost, ", true},
		{"twice the cost, normalised", []string{task(1, 1, .3, .7, ""), task(1, 1, .6, 1.4, "")}, "natural", "normalize: optimal-cost, ", true},
		{"twice the cost by one unit", []string{task(1, 1, .3, .7, ""), task(1, 1, .6, up(1.4), "")}, "gauss-newton", "", false},
		{"twice the cost by one unit, normalised", []string{task(1, 1, .3, .7, ""), task(1, 1, up(.6), 1.4, "")}, "gradient", "normalize: optimal-cost, ", false},
		// 0.1 and 0.3 are not in the ratio of 1 and 3.
		{"thrice, in decimals only", []string{task(1, 1, .1, 1, ""), task(1, 1, .3, 3, "")}, "gauss-newton", "", false},
		{"other Σ₀", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ", Sigma0: 2")}, "gradient", "", false},
		{"other Σ₀", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ", Sigma0: 2")}, "natural", "", true},
		{"other Σ₀", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ", Sigma0: 2")}, "gauss-newton", "", true},
		// C* is divided by, which has Σ₀ in it: with the gradient rule what is left
		// is one map, with the natural rule it is not.
		{"other Σ₀, normalised", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ", Sigma0: 2")}, "gradient", "normalize: optimal-cost, ", true},
		{"other Σ₀, normalised", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ", Sigma0: 2")}, "natural", "normalize: optimal-cost, ", false},
		{"half the cost, twice Σ₀", []string{task(1, 1, 1, 1, ""), task(1, 1, .5, .5, ", Sigma0: 2")}, "gradient", "", true},
		{"half the cost, twice Σ₀ by one unit", []string{task(1, 1, 1, 1, ""), task(1, 1, .5, .5, fmt.Sprintf(", Sigma0: %v", up(2)))}, "gradient", "", false},
		{"x0 and its square", []string{task(1, 1, 1, 1, ", x0: [2]"), task(1, 1, 1, 1, ", Sigma0: 4")}, "gradient", "", true},
		{"discounts", []string{task(1, 1, 1, 1, ", discount: 0.5"), task(1, 1, 1, 1, fmt.Sprintf(", discount: %v", up(0.5)))}, "gauss-newton", "", false},
		{"noise for Σ₀", []string{task(1, 1, 1, 1, ", discount: 0.5, noise: 1"), task(1, 1, 1, 1, ", discount: 0.5, Sigma0: 2")}, "gradient", "", true},
		{"cross terms", []string{task(1, 1, 1, 1, ", N: 0.1"), task(1, 1, 1, 1, ", N: -0.1")}, "gauss-newton", "", false},
		{"one seen as another", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ", inner: {Q: 2}")}, "gradient", "", false},
		{"both seen as another", []string{task(1, 1, 1, 1, ", inner: {Q: 2}"), task(1, 1, 3, 3, ", inner: {Q: 2, R: 1}")}, "gradient", "", true},
		{"both seen as another by one unit", []string{task(1, 1, 1, 1, ", inner: {Q: 2}"), task(1, 1, 3, 3, fmt.Sprintf(", inner: {Q: %v, R: 1}", up(2)))}, "gradient", "", false},
		{"sampled twins", []string{task(.5, 1, 1, 1, ", sample_time: 0.1"), task(.5, 1, 1, 1, ", sample_time: 0.1")}, "gradient", "", true},
		{"sampled, twice the cost", []string{task(.5, 1, 1, 1, ", sample_time: 0.1"), task(.5, 1, 2, 2, ", sample_time: 0.1")}, "gauss-newton", "", false},
		{"the third differs", []string{task(1, 1, 1, 1, ""), task(1, 1, 1, 1, ""), task(1, 1, up(1), 1, "")}, "gauss-newton", "", false},
	} {
		y := fmt.Sprintf("tasks: [%s]\nmeta: {%sinner: {rule: %s, rate: 0.01}}", strings.Join(tt.tasks, ", "), tt.meta, tt.rule)
		f, rates := parse(t, y)
		p, err := New(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		if p.oneMap != tt.one {
			t.Errorf("%s, %s: one map %v, want %v\n%s", tt.name, tt.rule, p.oneMap, tt.one, y)
		}
		// And the proof that follows survives the search.
		x := newTrial(f, rates, 1)
		if _, err := x.run(Options{Boxes: 20_000}, 200); err != nil || x.report() != "" {
			t.Errorf("%s, %s: %v\n%s", tt.name, tt.rule, err, x.report())
		}
	}
}

// Every piece said to be outside because of a task is so: at both its ends, and
// in between, even where rounding hides the end of the domain from the gains
// next to it.
func TestOutPieces(t *testing.T) {
	for _, y := range append([]string{`tasks:
  - {A: 1.3, B: 0.002291698415483727, Q: 0.064, R: 0.0185274676699459, discount: 0.61, inner: {R: 0.10899129107744525}}
  - {A: 1.3, B: 0.002291698415483727, Q: 0.064, R: 0.0185274676699459, discount: 0.61, inner: {A: 1.065995658141424, B: 0.002015580582676826}}
  - {A: 1.3, B: 0.002291698415483727, Q: 0.064, R: 0.0185274676699459, discount: 0.61, weight: 1.7914437895330528, inner: {Q: 0.024006165519700362, R: 0.014606053590314751}}
meta: {inner: {rule: gauss-newton, rate: [0.049, 0.5659144907815067, 0.5000000010178549]}}
`}, shown...) {
		f, rates := parse(t, y)
		x := newTrial(f, rates, 1)
		l := prove(t, y, Options{Workers: 1})
		out := 0
		for _, p := range l.Certificate().Landscape.DomainCover {
			if p.Is != certificate.Out {
				continue
			}
			out++
			for _, w := range []float64{p.Box.Lo(), p.Box.Mid(), p.Box.Hi()} {
				least := exactly(1)
				if _, _, _, ok := x.exact.follow(p.Task, exactly(w), &least); ok {
					t.Errorf("%v of the piece %v is inside for its task\n%s", w, p, y)
				}
			}
		}
		if out == 0 && len(rates) > 1 && f.Meta.Inner.Rule == family.RuleGradient {
			t.Errorf("no piece is outside\n%s", y)
		}
	}
}
