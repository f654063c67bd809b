package check

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// Families with two states and one input; the verbs are the rule and the rate.
const (
	planarPair = `tasks:
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[1, 0.3], [0.3, 1]], R: 1, N: [[0.1], [0.2]], Sigma0: [[2, 0.5], [0.5, 1]]}
  - {A: [[1.05, 0.2], [-0.1, 0.8]], B: [[0.2], [1.1]], Q: [[2, 0], [0, 1]], R: 1, weight: 3, discount: 0.9, noise: [[0.1, 0.02], [0.02, 0.3]]}
meta: {inner: {rule: %s, rate: %v}}
`
	planarSeen = `tasks:
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[1, 0], [0, 1]], R: 1, inner: {A: [[1.1, 0.2], [-0.1, 0.9]], R: 2}}
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[4, 0], [0, 1]], R: 2}
meta: {normalize: optimal-cost, inner: {rule: %s, rate: %v}}
`
)

// planarCrowded has plants that change little in a step.
const planarCrowded = `tasks:
  - {A: [[1, 0.1], [0, 1]], B: [[0.005], [0.1]], Q: [[1, 0.2], [0.2, 1]], R: 1, N: [[0.1], [0.05]], discount: 0.98, noise: [[0.1, 0], [0, 0.2]]}
  - {A: [[1, 0.1], [0.02, 0.9]], B: [[0], [0.08]], Q: [[1, 0], [0, 1]], R: 1, Sigma0: [[1, 0.3], [0.3, 2]], weight: 2}
meta: {normalize: optimal-cost, inner: {rule: %s, rate: %v}}
`

func planarFamily(t testing.TB, text, rule string, rate float64) *family.Family {
	return parse(t, fmt.Sprintf(text, rule, rate))
}

// h and its gradient in 256 bits are those that packages lqr and maml compute from
// Stein equations, and forms hold both, and what the gradient changes by, at points
// of their squares.
func TestPlanarEnclosuresHoldTheTruth(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, text := range []string{planarPair, planarSeen, planarCrowded} {
		for rule, rate := range map[string]float64{"gradient": 0.002, "natural": 0.02, "gauss-newton": 0.3} {
			f := planarFamily(t, text, rule, rate)
			j, err := newJudge(f)
			if err != nil {
				t.Fatal(err)
			}
			for chart := range f.Tasks {
				p, err := newPlanarProblem(f, chart)
				if err != nil {
					t.Fatal(err)
				}
				if o := p.optimum.round(); math.Abs(o.Mid()-j.best) > 1e-10*j.best {
					t.Errorf("Σ λC* is %v, the judge's %v", o, j.best)
				}
				if c := text == planarCrowded; p.tasks[0].near.f.crowded != c || p.tasks[1].near.f.crowded != c {
					t.Errorf("crowded plants: %v", !c)
				}
				tried := 0
				for range 400 {
					k := [2]float64{2*rng.Float64() - 1, 2*rng.Float64() - 1}
					if text == planarCrowded { // where its poles are
						k = [2]float64{1 - math.Exp(-6*rng.Float64()), 1 - math.Exp(-3*rng.Float64())}
					}
					w := p.gain([2]fine{exactly(k[0]), exactly(k[1])})
					at, err := j.meta.At([]float64{w[0].round().Mid(), w[1].round().Mid()})
					s := squareOf([2]interval.Interval{interval.New(k[0]-1e-3, k[0]+2e-3), interval.New(k[1]-1e-3, k[1]+3e-3)})
					v := p.look(&s, usualOrder)
					if err != nil {
						continue
					}
					if v.outside {
						t.Fatalf("%s: the square about %v is taken to be outside the domain", rule, k)
					}
					if v.least > at.Value()*(1+1e-9) {
						t.Errorf("%s: h is %v at %v, and at least %v", rule, at.Value(), k, v.least)
					}
					if at.Value() > 1e3 {
						continue
					}
					if tried++; tried > 12 {
						break
					}
					h := p.exact([2]fine{exactly(k[0]), exactly(k[1])})
					if x := h.v.round(); math.Abs(x.Mid()-at.Value()) > 1e-8*at.Value() {
						t.Errorf("%s: h at %v lies in %v, the judge says %v", rule, k, x, at.Value())
					}
					// ∂W/∂k, as τ = k₁(1 + k₂) and δ = k₂.
					grad := []float64{0, 0}
					at.Grad(grad)
					var want [2]float64
					for i := range 2 {
						a, b := p.first.inv[i][0].round().Mid(), p.first.inv[i][1].round().Mid()
						want[0] += grad[i] * a * (1 + k[1])
						want[1] += grad[i] * (a*k[0] + b)
					}
					size := math.Abs(want[0]) + math.Abs(want[1]) + at.Value()
					for i := range want {
						if x := h.d[i].round(); math.Abs(x.Mid()-want[i]) > 1e-6*size {
							t.Errorf("%s: ∂h/∂k%d at %v lies in %v, the judge says %v", rule, i+1, k, x, want[i])
						}
					}
					for _, deg := range []int{2, usualOrder, formOrder} {
						y := p.closedH(&s, deg)
						if y == nil {
							continue
						}
						q := [2]float64{k[0] + 2e-3*rng.Float64(), k[1] - 1e-3*rng.Float64()}
						o := p.exact([2]fine{exactly(q[0]), exactly(q[1])})
						if !h.v.within(y.over[0]) || !o.v.within(y.over[0]) {
							t.Errorf("%s: h in %v at %v and %v at %v is not in %v", rule, h.v.round(), k, o.v.round(), q, y.over[0])
						}
						by := [2]interval.Interval{interval.Of(q[0]).Sub(interval.Of(k[0])), interval.Of(q[1]).Sub(interval.Of(k[1]))}
						hess := [2][2]interval.Interval{{y.over[3].Scale(2), y.over[4]}, {y.over[4], y.over[5].Scale(2)}}
						for i := range 2 {
							if g := h.d[i].times(s.r[i]); !g.within(y.over[1+i]) {
								t.Errorf("%s: the slope %v along %d at %v is not in %v", rule, g.round(), i, k, y.over[1+i])
							}
							change := o.d[i].sub(h.d[i]).times(s.r[i])
							if all := hess[i][0].Mul(by[0]).Scale(1 / s.r[0]).Add(hess[i][1].Mul(by[1]).Scale(1 / s.r[1])); !change.within(interval.New(all.Lo()-1e-9*size, all.Hi()+1e-9*size)) {
								t.Errorf("%s: the slope changes by %v, and the Hessian says %v", rule, change.round(), all)
							}
						}
						if steep(y) && h.d[0].sign() == 0 && h.d[1].sign() == 0 {
							t.Errorf("%s: a gradient that is 0 at %v is called steep", rule, k)
						}
					}
				}
				if tried < 12 {
					t.Errorf("%s: only %d points were tried", rule, tried)
				}
			}
		}
	}
}

func TestPlanarOneMap(t *testing.T) {
	const two = `tasks:
  - {A: [[1, 0.2], [-0.1, 0.9]], B: [[0.2], [1]], Q: [[1, 0], [0, 1]], R: 1, Sigma0: [[1, 0], [0, 1]]}
  - {A: [[1, 0.2], [-0.1, %v]], B: [[0.2], [1]], Q: [[2, 0], [0, 2]], R: %v, Sigma0: [[%v, 0], [0, %v]]}
meta: {normalize: %s, inner: {rule: %s, rate: 0.01}}
`
	for _, c := range []struct {
		a, r, s1, s2 float64
		normalize    string
		rule         string
		one          bool
	}{
		{0.9, 2, 1, 1, "none", "gauss-newton", true},
		{0.9, 2, 1, 1, "none", "gradient", false},
		{0.9, 2, 0.5, 0.5, "none", "gradient", true},
		{0.9, 2, 0.5, 0.25, "none", "gradient", false},
		{0.9, 2, 1, 1, "none", "natural", false},
		{0.9, 2, 1, 1, "optimal-cost", "natural", true},
		{0.9, 2, 1, 1, "optimal-cost", "gradient", true},
		{0.9, 2, 3, 3, "optimal-cost", "gradient", true},
		{0.9, 2, 3, 1, "optimal-cost", "gradient", false},
		{0.9, 2.5, 1, 1, "none", "gauss-newton", false},
		{0.8, 2, 1, 1, "none", "gauss-newton", false},
	} {
		f := parse(t, fmt.Sprintf(two, c.a, c.r, c.s1, c.s2, c.normalize, c.rule))
		if err := planarOneMap(f); (err == nil) != c.one {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Of sampled plants Σ₀ and V count, each by itself, and an average cost has no Σ₀:
// noise that is held for a time is not what it is in the file.
func TestPlanarOneMapOfSamples(t *testing.T) {
	for _, c := range []struct {
		first, second string
		one           bool
	}{
		{"", "", true},
		{"", "average_cost: true, noise: [[1, 0], [0, 1]],", false},
		{"average_cost: true, noise: [[1, 0], [0, 1]],", "", false},
		{"average_cost: true, noise: [[1, 0], [0, 1]],", "average_cost: true, noise: [[1, 0], [0, 1]],", true},
		{"average_cost: true, noise: [[1, 0], [0, 1]],", "average_cost: true, noise: [[1, 0], [0, 2]],", false},
		{"discount: 0.9, noise: [[1, 0], [0, 1]],", "discount: 0.9, noise: [[1, 0], [0, 1]],", true},
		{"discount: 0.9, noise: [[1, 0], [0, 1]],", "discount: 0.9, noise: [[2, 0], [0, 2]],", false},
		{"discount: 0.9, noise: [[1, 0], [0, 1]],", "discount: 0.9,", false},
		{"discount: 0.9,", "discount: 0.9, noise: [[1, 0], [0, 1]],", false},
	} {
		text := "tasks:\n"
		for _, more := range []string{c.first, c.second} {
			text += "  - {sample_time: 0.5, " + more + " A: [[0, 1], [0, -0.3]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}\n"
		}
		f := parse(t, text+"meta: {inner: {rate: 0.01}}\n")
		if err := planarOneMap(f); (err == nil) != c.one {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Beside the edge v = 0 of a task that the chart is not about, τ and δ vary by more than
// v = 1 − τ + δ itself: on these squares, where h has a slope, by 0.12 and by 0.25, and v
// is some thousandths.
func TestPlanarSlopeBesideAnEdge(t *testing.T) {
	t.Parallel()
	p, err := newPlanarProblem(parse(t, `tasks:
  - {A: [[1, 0.1], [0, 1]], B: [[0], [0.1]], Q: [[1, 0], [0, 1]], R: 1, weight: 2}
  - {A: [[1, 0.1], [0, 0.9]], B: [[0], [0.08]], Q: [[1, 0], [0, 1]], R: 1}
meta: {inner: {rule: gradient, rate: 0.0102931}}
`), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][2]interval.Interval{
		{interval.New(0.99853515625, 0.998779296875), interval.New(0.25, 0.375)},
		{interval.New(0.99609375, 0.9970703125), interval.New(-0.125, 0)},
		{interval.New(0.9921875, 0.99267578125), interval.New(0, 0.25)},
	} {
		s := squareOf(b)
		h := p.closedH(&s, usualOrder)
		if h == nil || !steep(h) {
			t.Errorf("k₁ ∈ %v, k₂ ∈ %v: no slope is found (not inside: %v)", b[0], b[1], h == nil)
		}
	}
}
