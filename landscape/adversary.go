package landscape

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/metalqr/metalqr/family"
)

// A quick plant is a scalar task in floating point, with what follows from it.
// The symbols are those of the package comment.
type quick struct {
	a, b, q, n, r, γ, s float64
	t1, t0, m0          float64
	opt, tOpt, steep    float64 // W*, T*, S* = T*/D*
}

func quickOf(p *plant) quick {
	return quick{a: p.a.Mid(), b: p.b.Mid(), q: p.q.Mid(), n: p.n.Mid(), r: p.r.Mid(), γ: p.γ.Mid(), s: p.s.Mid()}
}

// complete reports whether the task has an optimum.
func (p *quick) complete() bool {
	if !(p.r > 0) || !(p.q-p.n*p.n/p.r >= 0) || p.b == 0 {
		return false
	}
	damp := 1 - p.γ*p.a*p.a
	p.t1 = 2 * p.γ * p.b * (p.r*p.a - p.b*p.n)
	p.t0 = p.r*damp + p.γ*p.b*p.b*p.q
	p.m0 = -2 * (p.n*damp + p.γ*p.a*p.b*p.q)
	disc := p.t0*p.t0 - p.t1*p.m0
	if !(disc > 0) {
		return false
	}
	p.tOpt = math.Sqrt(disc)
	if p.t0 > 0 {
		p.opt = -p.m0 / (p.t0 + p.tOpt)
	} else {
		p.opt = (p.tOpt - p.t0) / p.t1
	}
	d, _ := p.d(p.opt)
	p.steep = p.tOpt / d
	return d > 0 && p.tOpt > 0
}

func (p *quick) d(w float64) (d, d1 float64) {
	u := p.a - p.b*w
	return 1 - p.γ*u*u, 2 * p.γ * p.b * u
}

// after follows inner steps from w: the gap C(x_K) − C* and its derivative with
// respect to w; false outside the domain.
func (p *quick) after(w float64, steps []step) (gap, slope float64, ok bool) {
	x, x1 := w, 1.0
	for _, s := range steps {
		d, d1 := p.d(x)
		if !(d > 0) {
			return 0, 0, false
		}
		t := p.t1*x + p.t0
		m := (x - p.opt) * (t + p.tOpt)
		var by, rise float64 // F = x − η by, F′ = 1 − η rise
		switch s.rule {
		case family.RuleNatural:
			by, rise = m/d, (2*t*d-m*d1)/(d*d)
		case family.RuleGaussNewton:
			by, rise = m/t, 1+p.tOpt*p.tOpt/(t*t)
		default:
			by, rise = p.s*m/(d*d), 2*p.s*(t*d-m*d1)/(d*d*d)
		}
		x -= s.η * by
		x1 *= 1 - s.η*rise
	}
	d, _ := p.d(x)
	if !(d > 0) {
		return 0, 0, false
	}
	off := x - p.opt
	return p.s * p.steep * off * off / d, p.s * off * (p.t1*x + p.t0 + p.tOpt) / (d * d) * x1, true
}

// A Member of an adversarial family: a task at Δ from the nominal one in a, b, q
// and r, and its weight.
type Member struct {
	Shift  [4]float64
	Weight float64
}

// A shape is a family but for its size: Σ |Shift| ≤ 1 in each member.
type shape []Member

// adversary looks for the worst families about a nominal task.
type adversary struct {
	nominal quick
	steps   []step
	cap     float64 // on δ
	grid    int
	extra   []float64 // gains next to the nominal task's own stationary points
	tried   int
}

// family is the tasks of a shape at a size; false where one has no optimum.
func (a *adversary) family(s shape, δ float64, into []quick) ([]quick, bool) {
	into = into[:0]
	for _, m := range s {
		p := a.nominal
		p.a, p.b, p.q, p.r = p.a+δ*m.Shift[0], p.b+δ*m.Shift[1], p.q+δ*m.Shift[2], p.r+δ*m.Shift[3]
		if !p.complete() {
			return nil, false
		}
		into = append(into, p)
	}
	return into, true
}

// excess is the largest local minimum less the least of a family's h, of those
// seen on a grid: h′ changes from − to + between two neighbours.
func (a *adversary) excess(tasks []quick, s shape) float64 {
	a.tried++
	low, high := math.Inf(-1), math.Inf(1)
	for i := range tasks {
		p := &tasks[i]
		reach := 1 / math.Sqrt(p.γ)
		x, y := (p.a-reach)/p.b, (p.a+reach)/p.b
		low, high = max(low, min(x, y)), min(high, max(x, y))
	}
	at := func(w float64) (gap, slope float64, ok bool) {
		for i := range tasks {
			g, d, ok := tasks[i].after(w, a.steps)
			if !ok {
				return 0, 0, false
			}
			gap += s[i].Weight * g
			slope += s[i].Weight * d
		}
		return gap, slope, true
	}
	least, most := math.Inf(1), math.Inf(-1)
	before, last, inside := 0.0, 0.0, false
	extra := a.extra
	for i := 0; i < a.grid || len(extra) > 0; {
		// Denser at the ends, where minimisers crowd.
		w := math.Inf(1)
		if i < a.grid {
			w = low + (high-low)*(1-math.Cos(math.Pi*(float64(i)+0.5)/float64(a.grid)))/2
		}
		if len(extra) > 0 && extra[0] <= w {
			w, extra = extra[0], extra[1:]
		} else {
			i++
		}
		_, d, ok := at(w)
		if ok && inside && last < 0 && d >= 0 {
			from, to := before, w
			for range 50 {
				mid := from + (to-from)/2
				if _, d, ok := at(mid); ok && d >= 0 {
					to = mid
				} else {
					from = mid
				}
			}
			g, _, _ := at(to)
			least, most = min(least, g), max(most, g)
		}
		before, last, inside = w, d, ok
	}
	return max(0, most-least)
}

// beside adds gains on both sides of the nominal task's stationary points and
// ends, nearer by halves: however close those crowd, a family near enough has its
// own between two of them.
func (a *adversary) beside(l *Landscape) {
	var points []float64
	for _, s := range l.Stationary {
		points = append(points, s.Gain.Mid())
	}
	for _, d := range l.Domain {
		for _, end := range []float64{d.Low.Mid(), d.High.Mid()} {
			if math.Abs(end) < 0x1p500 {
				points = append(points, end)
			}
		}
	}
	slices.Sort(points)
	for i := 1; i < len(points); i++ {
		gap := points[i] - points[i-1]
		for k := 1; k < 30; k++ {
			a.extra = append(a.extra, points[i-1]+math.Ldexp(gap, -k), points[i]-math.Ldexp(gap, -k))
		}
	}
	slices.Sort(a.extra)
}

// shrink is the least size, found by bisection from one at which the excess is
// above ε, and at least that of the other end.
func (a *adversary) shrink(s shape, low, high, ε float64) float64 {
	var into []quick
	for range 60 {
		mid := low + (high-low)/2
		if high-low <= 1e-6*high || mid <= low || mid >= high {
			break
		}
		tasks, ok := a.family(s, mid, into)
		if ok && a.excess(tasks, s) > ε {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// beats reports whether a shape has an excess above ε at a size.
func (a *adversary) beats(s shape, δ, ε float64) bool {
	tasks, ok := a.family(s, δ, nil)
	return ok && a.excess(tasks, s) > ε
}

// search is the smallest δ found at which a family of two to five tasks within δ
// is not ε-global, and that family: first all pairs of vertices of the ball,
// then changes to the best, from a seed. known is a δ at which there is none.
func (a *adversary) search(ctx context.Context, ε, known float64, seed uint64, rounds int) (shape, float64) {
	best, size := shape(nil), a.cap
	consider := func(s shape) {
		if best == nil {
			// The sizes of a first family: by halves from where nothing is known.
			low := max(known, a.cap*0x1p-40)
			for δ := 2 * low; ; δ *= 2 {
				δ = min(δ, a.cap)
				if a.beats(s, δ, ε) {
					best, size = s, a.shrink(s, low, δ, ε)
					return
				}
				if low = δ; δ >= size {
					return
				}
			}
		}
		if try := size * (1 - 1e-4); try > known && a.beats(s, try, ε) {
			best, size = s, a.shrink(s, known, try, ε)
		}
	}
	var vertices [][4]float64
	for i := range 4 {
		for _, x := range []float64{1, -1} {
			var v [4]float64
			v[i] = x
			vertices = append(vertices, v)
		}
	}
	vertices = append(vertices, [4]float64{})
	for _, λ := range []float64{0.5, 0.25, 0.75, 0.1, 0.9} {
		for i := range vertices {
			for j := range i {
				if ctx.Err() != nil {
					return best, size
				}
				consider(shape{{vertices[i], λ}, {vertices[j], 1 - λ}})
			}
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0x726164697573))
	for k := 0; k < rounds && best != nil && ctx.Err() == nil; k++ {
		s := slices.Clone(best)
		step := math.Exp2(-float64(rng.IntN(8)))
		i := rng.IntN(len(s))
		switch pick := rng.IntN(8); {
		case pick == 0 && len(s) < 5:
			s = append(s, Member{vertices[rng.IntN(len(vertices))], 0.5 * rng.Float64()})
		case pick == 1 && len(s) > 2:
			s = slices.Delete(s, i, i+1)
		case pick < 5:
			s[i].Weight *= math.Exp(step * rng.NormFloat64())
		default:
			for j := range s[i].Shift {
				s[i].Shift[j] += step * rng.NormFloat64()
			}
		}
		s.normalize()
		consider(s)
	}
	return best, size
}

// normalize divides the weights by their sum, and moves members outside the
// ball onto it.
func (s shape) normalize() {
	total := 0.0
	for _, m := range s {
		total += m.Weight
	}
	for i := range s {
		s[i].Weight /= total
		norm := 0.0
		for _, x := range s[i].Shift {
			norm += math.Abs(x)
		}
		if norm > 1 {
			for j := range s[i].Shift {
				s[i].Shift[j] /= norm
			}
		}
	}
	slices.SortStableFunc(s, func(x, y Member) int { return cmp.Compare(y.Weight, x.Weight) })
}
