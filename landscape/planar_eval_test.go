package landscape

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// planarDraw writes random families with two states and one input. kind says how
// the tasks differ.
func planarDraw(r *rand.Rand, tasks int, rule string, rate float64, kind string) string {
	var b strings.Builder
	n := r.NormFloat64
	list := func(x ...float64) string {
		s := make([]string, len(x))
		for i, v := range x {
			s[i] = fmt.Sprintf("%.17g", v)
		}
		return strings.Join(s, ", ")
	}
	a := [4]float64{1 + 0.3*n(), 0.3 * n(), 0.3 * n(), 0.8 + 0.3*n()}
	bb := [2]float64{0.3 * n(), 1 + 0.2*n()}
	for math.Abs(bb[0]*(a[2]*bb[0]+a[3]*bb[1])-bb[1]*(a[0]*bb[0]+a[1]*bb[1])) < 0.15 {
		a[1] += 0.2 * n()
	}
	q := [2]float64{math.Exp(0.7 * n()), math.Exp(0.7 * n())}
	rr := math.Exp(0.7 * n())
	fmt.Fprintln(&b, "tasks:")
	for i := range tasks {
		x, y, c := a, bb, 1.0
		qq := q
		if i > 0 {
			switch kind {
			case "factors":
				c = math.Exp(n())
			case "costs":
				qq = [2]float64{math.Exp(0.7 * n()), math.Exp(0.7 * n())}
			default:
				for j := range x {
					x[j] += 0.05 * n()
				}
				for j := range y {
					y[j] += 0.05 * n()
				}
				qq = [2]float64{q[0] * math.Exp(0.3*n()), q[1] * math.Exp(0.3*n())}
			}
		}
		cross := 0.0
		if kind == "sampled" { // a continuous plant
			x[0], x[3] = x[0]-1, x[3]-1
		}
		if kind == "cross" || kind == "everything" || kind == "sampled" {
			cross = 0.2 * math.Sqrt(qq[0]*rr)
		}
		fmt.Fprintf(&b, "  - {A: [[%s], [%s]], B: [[%s], [%s]], Q: [[%s], [%s]], R: %s, weight: %s", list(x[0], x[1]), list(x[2], x[3]), list(y[0]), list(y[1]),
			list(c*qq[0], 0), list(0, c*qq[1]), list(c*rr), list(math.Exp(0.3*n())))
		if cross != 0 {
			fmt.Fprintf(&b, ", N: [[%s], [0]]", list(c*cross))
		}
		if kind == "everything" {
			fmt.Fprintf(&b, ", discount: 0.9, Sigma0: [[%s], [%s]], noise: [[0.1, 0.02], [0.02, 0.3]]", list(2, 0.5), list(0.5, 1))
			fmt.Fprintf(&b, ", inner: {A: [[%s], [%s]], R: %s}", list(x[0]+0.1*n(), x[1]), list(x[2], x[3]-0.05), list(1.2*rr))
		}
		if kind == "sampled" {
			fmt.Fprint(&b, ", sample_time: 0.5, discount: 0.95, noise: [[0.1, 0.02], [0.02, 0.3]]")
		}
		fmt.Fprintln(&b, "}")
	}
	fmt.Fprintf(&b, "meta:\n  inner: {rule: %s, rate: %.17g}\n", rule, rate)
	if kind == "everything" {
		fmt.Fprintln(&b, "  normalize: optimal-cost")
	}
	return b.String()
}

// planarSized draws a family whose rate is a share of 1/‖∇²C(W*)‖, or of 1 with
// the Gauss–Newton rule.
func planarSized(t testing.TB, r *rand.Rand, tasks int, rule string, share float64, kind string) (*family.Family, []float64) {
	t.Helper()
	text := planarDraw(r, tasks, rule, 1, kind)
	f, err := family.Parse("test", []byte(text))
	if err != nil {
		t.Skipf("no family: %v\n%s", err, text)
	}
	rate := share
	if rule != "gauss-newton" {
		top := 0.0
		for i := range f.Tasks {
			task := f.Tasks[i].G
			at, err := task.At(task.Optimum().Gain.Data)
			if err != nil {
				t.Fatal(err)
			}
			var v, w [2]float64
			for j := range 2 {
				e := [2]float64{}
				e[j] = 1
				at.HessVec(v[:], e[:])
				w[j] = math.Hypot(v[0], v[1])
			}
			top = max(top, w[0], w[1])
			if f.Meta.Normalize == family.NormalizeOptimalCost {
				top /= f.Tasks[i].F.Optimum().Cost
			}
		}
		rate = share / top
		if rule == "natural" {
			rate *= 2
		}
	}
	text = strings.Replace(text, fmt.Sprintf("rate: %.17g", 1.0), fmt.Sprintf("rate: %.17g", rate), 1)
	return parse(t, text)
}

// planarGain is W at a point of the chart, in float64.
func planarGain(p *Planar, k [2]float64) []float64 {
	w := p.gains(planarBox{interval.Of(k[0]), interval.Of(k[1])})
	return []float64{w[0].Mid(), w[1].Mid()}
}

var planarRules = []string{"gradient", "natural", "gauss-newton"}

// Enclosures of h, its gradient and its Hessian hold what packages lqr and maml
// compute at random points of random boxes; the chart's derivatives follow from
// theirs by the chain rule.
func TestPlanarContains(t *testing.T) {
	const tol = 1e-8 // relative to the largest entry: what lqr and maml compute near the border
	checked := 0
	for seed := range uint64(72) {
		r := rand.New(rand.NewPCG(seed, 5))
		rule := planarRules[seed%3]
		kind := []string{"near", "factors", "cross", "everything", "costs", "sampled"}[seed/3%6]
		f, rates := planarSized(t, r, 1+int(seed%3), rule, 0.4*r.Float64(), kind)
		p, err := NewPlanar(f, rates)
		if err != nil {
			t.Fatal(err)
		}
		m := metaOf(t, f, rates)
		w := &tape{}
		for range 300 {
			var box planarBox
			var at [2]float64
			size := math.Exp(-7 * r.Float64())
			for i := range box {
				lo := -1 + (2-size)*r.Float64()
				box[i] = interval.New(lo, lo+size)
				at[i] = lo + size*r.Float64()
			}
			x := planarGain(p, at)
			point, err := m.Evaluate(x)
			if err != nil {
				continue
			}
			for i := range p.tasks {
				task := &p.tasks[i]
				if c, ok := task.g.cost5(box.ranges(&task.pg)); !ok {
					t.Fatalf("seed %d: %v holds a stabilising gain of task %d, which is not seen", seed, box, i)
				} else if g, err := scaledCost(f, i, x); err == nil && !(g >= c.Lo()-1e-9*g && g <= c.Hi()+1e-9*g) {
					t.Fatalf("seed %d: cost %v not in %v over %v", seed, g, c, box)
				}
			}
			j, ok := p.h(w, box, 2)
			if !ok {
				continue
			}
			checked++
			scale := math.Abs(point.Value())
			near(t, "h", seed, j.v.span(), point.Value(), tol*scale)
			// W = W₀ + L⁻¹(τ, δ), τ = k₁(1 + k₂)
			inv := p.tasks[0].g.chart.inv
			var dw [2][2]float64 // ∂W/∂k
			for i := range 2 {
				a, b := inv[i][0].Mid(), inv[i][1].Mid()
				dw[0][i] = a * (1 + at[1])
				dw[1][i] = a*at[0] + b
			}
			g := make([]float64, 2)
			point.Grad(g)
			gs := math.Hypot(g[0], g[1]) + scale
			var hv [2][]float64
			for i := range 2 {
				hv[i] = make([]float64, 2)
				point.HessVec(hv[i], dw[i][:])
				near(t, "gradient", seed, j.d[i].span(), g[0]*dw[i][0]+g[1]*dw[i][1], tol*gs*4)
			}
			hs := gs + math.Hypot(hv[0][0], hv[0][1]) + math.Hypot(hv[1][0], hv[1][1])
			for n, ab := range jetPartials {
				want := hv[ab[0]][0]*dw[ab[1]][0] + hv[ab[0]][1]*dw[ab[1]][1]
				if n == 1 {
					want += g[0]*inv[0][0].Mid() + g[1]*inv[1][0].Mid()
				}
				near(t, "Hessian", seed, j.h[n].span(), want, tol*hs*16)
			}
		}
	}
	if checked < 2000 {
		t.Fatalf("only %d boxes were checked", checked)
	}
	t.Logf("%d boxes", checked)
}

func near(t *testing.T, what string, seed uint64, x interval.Interval, want, tol float64) {
	t.Helper()
	if x.IsBounded() && !(x.Lo()-tol <= want && want <= x.Hi()+tol) {
		t.Fatalf("seed %d: %s %v is not in %v", seed, what, want, x)
	}
}

// scaledCost is the inner cost of a task at a gain, divided as the family says.
func scaledCost(f *family.Family, i int, x []float64) (float64, error) {
	at, err := f.Tasks[i].G.At(x)
	if err != nil {
		return 0, err
	}
	c := at.Value()
	if f.Meta.Normalize == family.NormalizeOptimalCost {
		c /= f.Tasks[i].F.Optimum().Cost
	}
	return c, nil
}
