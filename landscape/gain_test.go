package landscape

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/maml"
)

// gainDraw writes random families of any shape. kind "everything" has a cross term,
// discount, noise, tasks that differ as their inner steps see them, and costs
// divided by the best ones.
func gainDraw(t testing.TB, r *rand.Rand, d, inputs, tasks int, rule string, share float64, kind string) (*family.Family, []float64) {
	t.Helper()
	list := func(rows, cols int, at func(i, j int) float64) string {
		s := make([]string, rows)
		for i := range s {
			row := make([]string, cols)
			for j := range row {
				row[j] = fmt.Sprintf("%.17g", at(i, j))
			}
			s[i] = "[" + strings.Join(row, ", ") + "]"
		}
		return "[" + strings.Join(s, ", ") + "]"
	}
	noise := func(rows, cols int, size float64) func(i, j int) float64 {
		x := make([]float64, rows*cols)
		for k := range x {
			x[k] = size * r.NormFloat64()
		}
		return func(i, j int) float64 { return x[i*cols+j] }
	}
	diagonal := func(n int) func(i, j int) float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Exp(0.5 * r.NormFloat64())
		}
		return func(i, j int) float64 {
			if i != j {
				return 0
			}
			return x[i]
		}
	}
	plus := func(x, y func(i, j int) float64) func(i, j int) float64 {
		return func(i, j int) float64 { return x(i, j) + y(i, j) }
	}
	size := 0.8 / math.Sqrt(float64(d))
	a, b, q, rr := noise(d, d, size), noise(d, inputs, 0.7), diagonal(d), diagonal(inputs)
	text := func(rate float64) string {
		again := rand.New(rand.NewPCG(7, uint64(d*100+inputs)))
		r = again
		var s strings.Builder
		fmt.Fprintln(&s, "tasks:")
		for range tasks {
			fmt.Fprintf(&s, "  - {A: %s, B: %s, Q: %s, R: %s, weight: %.17g", list(d, d, plus(a, noise(d, d, 0.03))), list(d, inputs, plus(b, noise(d, inputs, 0.03))),
				list(d, d, diagonal(d)), list(inputs, inputs, rr), math.Exp(0.3*r.NormFloat64()))
			if kind == "everything" {
				s0, v := diagonal(d), diagonal(d)
				fmt.Fprintf(&s, ", N: %s, discount: 0.9, Sigma0: %s, noise: %s, inner: {A: %s, Q: %s}", list(d, inputs, noise(d, inputs, 0.05)),
					list(d, d, s0), list(d, d, v), list(d, d, plus(a, noise(d, d, 0.03))), list(d, d, plus(q, diagonal(d))))
			}
			fmt.Fprintln(&s, "}")
		}
		fmt.Fprintf(&s, "meta:\n  inner: {rule: %s, rate: %.17g}\n", rule, rate)
		if kind == "everything" {
			fmt.Fprintln(&s, "  normalize: optimal-cost")
		}
		return s.String()
	}
	f, err := family.Parse("test", []byte(text(1)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text(1))
	}
	rate := share
	if rule != "gauss-newton" {
		top := 0.0
		for i := range f.Tasks {
			g := f.Tasks[i].G
			c := 1.0
			if f.Meta.Normalize == family.NormalizeOptimalCost {
				c = f.Tasks[i].F.Optimum().Cost
			}
			at, err := g.At(g.Minimizer())
			if err != nil {
				t.Fatal(err)
			}
			n := g.Dim()
			for j := range n {
				e, v := make([]float64, n), make([]float64, n)
				e[j] = 1
				at.HessVec(v, e)
				top = max(top, math.Abs(v[j])/c)
			}
		}
		rate = share / top
	}
	return parse(t, text(rate))
}

// gainAround is a box about a gain.
func gainAround(x []float64, reach float64) interval.Box {
	b := make(interval.Box, len(x))
	for i, v := range x {
		b[i] = interval.New(v-reach, v+reach)
	}
	return b
}

func meanOptimum(f *family.Family) []float64 {
	w := make([]float64, f.Tasks[0].F.Dim())
	for i := range f.Tasks {
		for k, v := range f.Tasks[i].F.Minimizer() {
			w[k] += v / float64(len(f.Tasks))
		}
	}
	return w
}

func TestGainsHold(t *testing.T) {
	checked, failed := 0, 0
	for seed := range uint64(5) {
		for _, shape := range [][2]int{{1, 1}, {2, 1}, {2, 2}, {3, 1}, {3, 2}, {4, 2}} {
			for _, rule := range []string{"gradient", "natural", "gauss-newton"} {
				r := rand.New(rand.NewPCG(seed, 5))
				kind := "plain"
				if seed%2 == 1 {
					kind = "everything"
				}
				f, rates := gainDraw(t, r, shape[0], shape[1], 2, rule, 0.3, kind)
				if seed == 4 {
					rates = append(rates, rates[0]/2)
				}
				p, err := NewGains(f, rates)
				if err != nil {
					if c := f.Tasks[0].F.Optimum().Cost; c < 1e4 {
						t.Errorf("seed %d %v %s: %v", seed, shape, rule, err)
					}
					continue
				}
				m := metaOf(t, f, rates)
				x := meanOptimum(f)
				for _, reach := range []float64{0, 1e-8, 1e-3, 1e-2, 3e-2} {
					for order := 0; order <= 3; order++ {
						if order == 3 && p.Dim() > 4 {
							continue
						}
						box := gainAround(x, reach)
						over, err := p.Over(box, order)
						if err != nil {
							failed++
							if reach < 1e-3 {
								t.Errorf("seed %d %v %s reach %g: %v", seed, shape, rule, reach, err)
							}
							continue
						}
						checked++
						hold(t, fmt.Sprintf("seed %d %v %s reach %g order %d", seed, shape, rule, reach, order), m, over, box, order, r)
					}
				}
			}
		}
	}
	t.Logf("%d boxes checked, %d not enclosed", checked, failed)
	if checked < 1200 {
		t.Error("few boxes were checked")
	}
}

// What is enclosed is not much wider than what the gains of the box have.
func TestGainsNarrow(t *testing.T) {
	for _, shape := range [][2]int{{2, 1}, {3, 1}, {2, 2}} {
		for _, rule := range []string{"gradient", "natural", "gauss-newton"} {
			r := rand.New(rand.NewPCG(0, 5))
			f, rates := gainDraw(t, r, shape[0], shape[1], 2, rule, 0.3, "plain")
			p, err := NewGains(f, rates)
			if err != nil {
				t.Fatal(err)
			}
			m := metaOf(t, f, rates)
			n := p.Dim()
			box := gainAround(meanOptimum(f), 1e-3)
			var over [4]*Over
			for order := 2; order <= 3; order++ {
				if over[order], err = p.Over(box, order); err != nil {
					t.Fatal(err)
				}
			}
			g, h := make([]interval.Interval, n), make([]interval.Interval, n)
			for trial := range 200 {
				y, e, v, hess := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
				for k, b := range box {
					y[k] = b.Lo()
					if r.IntN(2) == 1 {
						y[k] = b.Hi()
					}
				}
				at, err := m.At(y)
				if err != nil {
					t.Fatal(err)
				}
				e[0] = 1
				at.HessVec(hess, e)
				at.Grad(v)
				for k := range v {
					if trial == 0 {
						g[k], h[k] = interval.Of(v[k]), interval.Of(hess[k])
					}
					g[k], h[k] = g[k].Hull(interval.Of(v[k])), h[k].Hull(interval.Of(hess[k]))
				}
			}
			// Measured: the gradient at most 1.25 and 1.02 times as wide as at these gains,
			// the Hessian 42 and 2.5 times.
			for k := range n {
				for order, most := range map[int][2]float64{2: {1.5, 60}, 3: {1.05, 4}} {
					if x := over[order].Gradient()[k]; x.Width() > most[0]*g[k].Width() {
						t.Errorf("%v %s order %d: the gradient's entry %d is in %v, and at gains of the box in %v", shape, rule, order, k, x, g[k])
					}
					if x := over[order].Hessian().At(k, 0); x.Width() > most[1]*h[k].Width()+1e-9 {
						t.Errorf("%v %s order %d: the Hessian's entry %d is in %v, and at gains of the box in %v", shape, rule, order, k, x, h[k])
					}
				}
			}
		}
	}
}

// A wrong number in an enclosure does not go unseen.
func TestGainsPlanted(t *testing.T) {
	r := rand.New(rand.NewPCG(0, 5))
	f, rates := gainDraw(t, r, 2, 2, 2, "gradient", 0.3, "plain")
	x := meanOptimum(f)
	point := gainAround(x, 0)
	m := metaOf(t, f, rates)
	at, err := m.At(x)
	if err != nil {
		t.Fatal(err)
	}
	g := make([]float64, len(x))
	at.Grad(g)
	for name, spoil := range map[string]func(p *Gains){
		"λ":  func(p *Gains) { p.tasks[0].λ = p.tasks[0].λ.Scale(1 + 1e-6) },
		"η":  func(p *Gains) { p.tasks[0].rates[0] = p.tasks[0].rates[0].Scale(1 + 1e-6) },
		"A":  func(p *Gains) { p.tasks[0].f.a.Data[1] = p.tasks[0].f.a.Data[1].AddFloat(1e-6) },
		"R":  func(p *Gains) { p.tasks[0].f.r.Data[0] = p.tasks[0].f.r.Data[0].AddFloat(1e-6) },
		"Σ₀": func(p *Gains) { p.tasks[0].g.s0.Data[0] = p.tasks[0].g.s0.Data[0].AddFloat(1e-6) },
	} {
		p, err := NewGains(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		spoil(p)
		over, err := p.Over(point, 1)
		if err != nil {
			continue // two enclosures of C that have nothing in common
		}
		seen := !over.Value().Contains(at.Value())
		for k, y := range over.Gradient() {
			seen = seen || y.Lo() > g[k]+1e-10 || y.Hi() < g[k]-1e-10
		}
		if !seen {
			t.Errorf("%s: h still seems to be in %v", name, over.Value())
		}
	}
	p, err := NewGains(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	far := make([]float64, len(x))
	for k := range far {
		far[k] = 50
	}
	var outside *GainsError
	if _, err := p.Over(gainAround(far, 0.1), 2); !errors.As(err, &outside) || outside.Step != 0 {
		t.Errorf("gains that stabilise nothing: %v", err)
	}
}

// hold compares enclosures over a box with package maml at gains of it: the
// corners' and random ones.
func hold(t *testing.T, what string, m *maml.Meta, over *Over, box interval.Box, order int, r *rand.Rand) {
	t.Helper()
	n := len(box)
	x, g, e := make([]float64, n), make([]float64, n), make([]float64, n)
	in := func(name string, y interval.Interval, v, unit float64) {
		t.Helper()
		tol := 1e-9 * (1 + unit) // of the float64 derivatives
		if !(y.Lo()-tol <= v && v <= y.Hi()+tol) {
			t.Fatalf("%s: %s %v is not in %v", what, name, v, y)
		}
	}
	for trial := range 6 {
		for k, b := range box {
			switch {
			case trial < 2:
				x[k] = b.Lo()
				if r.IntN(2) == 1 {
					x[k] = b.Hi()
				}
			default:
				x[k] = b.Lo() + (b.Hi()-b.Lo())*r.Float64()
			}
		}
		at, err := m.At(x)
		if err != nil {
			t.Fatalf("%s: a gain of it is outside the domain: %v", what, err)
		}
		in("h", over.Value(), at.Value(), math.Abs(at.Value()))
		if order < 1 {
			continue
		}
		at.Grad(g)
		for k, y := range over.Gradient() {
			in("∇h", y, g[k], math.Abs(at.Value()))
		}
		if order < 2 {
			continue
		}
		h := over.Hessian()
		for k := range n {
			clear(e)
			e[k] = 1
			at.HessVec(g, e)
			for j := range n {
				in("∇²h", h.At(j, k), g[j], 10*math.Abs(at.Value()))
			}
		}
	}
}

// A lower bound over boxes that straddle the border of the domain, or lie outside,
// is one of every gain of the box that is in the domain; and it is not idle.
func TestGainsLowerBound(t *testing.T) {
	above, straddling := 0, 0
	for seed := range uint64(4) {
		for _, shape := range [][2]int{{2, 1}, {2, 2}, {3, 1}} {
			for _, rule := range []string{"gradient", "natural", "gauss-newton"} {
				r := rand.New(rand.NewPCG(seed, 6))
				f, rates := gainDraw(t, r, shape[0], shape[1], 2, rule, 0.3, "plain")
				p, err := NewGains(f, rates)
				if err != nil {
					continue
				}
				m := metaOf(t, f, rates)
				x := meanOptimum(f)
				for range 40 {
					// From the optimum outwards, to where h ends.
					dir, y := make([]float64, len(x)), make([]float64, len(x))
					for k := range dir {
						dir[k] = r.NormFloat64()
					}
					in, out := 0.0, 10.0
					for range 30 {
						s := (in + out) / 2
						for k := range y {
							y[k] = x[k] + s*dir[k]
						}
						if _, err := m.At(y); err == nil {
							in = s
						} else {
							out = s
						}
					}
					box := gainAround(y, 0.01*math.Exp(r.NormFloat64()))
					bound := p.LowerBound(box)
					best := 0.0
					for i := range p.tasks {
						best += p.tasks[i].λ.Mid() * p.tasks[i].f.best.Mid()
					}
					if bound > 2*best {
						above++
					}
					for range 20 {
						for k, b := range box {
							y[k] = b.Lo() + (b.Hi()-b.Lo())*r.Float64()
						}
						at, err := m.At(y)
						if err != nil {
							continue
						}
						straddling++
						if v := at.Value(); v < bound*(1-1e-9) {
							t.Fatalf("seed %d %v %s: h = %v at a gain of a box where it is at least %v", seed, shape, rule, v, bound)
						}
					}
				}
			}
		}
	}
	t.Logf("%d gains, %d boxes with a bound above twice the least cost", straddling, above)
	if straddling < 1000 || above < 50 {
		t.Error("the bound was hardly tested")
	}
}
