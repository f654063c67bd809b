package report

import (
	"fmt"
	"math"
	"sort"
)

// A Landscape is the meta-objective over a scalar gain,
//
//	h(w) = Σ λᵢ hᵢ(w),   hᵢ(w) = Cᵢ(Fᵢ(w)),
//
// with what is known of it. Functions are called inside the Domain only; where they
// are undefined they return NaN or +Inf.
type Landscape struct {
	Objective func(w float64) float64
	Tasks     []func(w float64) float64 // the hᵢ; may be nil
	Domain    []Interval                // bounded; at its ends h may be infinite

	// Points are the stationary points: X the gain, Y the value. Those without a
	// Text that are not maximisers are labelled with both numbers, to a ten
	// thousandth of the window or better.
	Points []Mark
	Bound  float64   // Σ λᵢ Cᵢ⋆, which no gain beats; 0, which says nothing, is not drawn
	Folds  []float64 // where the inner step is singular, η Cᵢ″(w) = 1 for some i

	X, Y  Axis   // labels and windows replace those chosen
	Plain bool   // do not label points
	Title string // of the panel
}

// Up to severalTasks curves are told apart; up to manyTasks they are drawn, paler the
// more they are; more become a band.
const (
	severalTasks = 8
	manyTasks    = 40
)

// Panel composes the panel. The window, where it is not given, holds the whole domain
// and every point; upwards it reaches as far as makes their differences visible, and
// what goes to infinity leaves it there. The error is a *DataError.
func (l Landscape) Panel() (Panel, error) {
	fail := func(part, why string, err error) (Panel, error) {
		return Panel{}, &DataError{Panel: -1, Part: part, Why: why, Err: err}
	}
	if l.Objective == nil {
		return fail("landscape", "it has no objective", ErrEmpty)
	}
	domain := merged(l.Domain)
	if len(domain) == 0 {
		return fail("landscape", "its domain is empty", ErrEmpty)
	}
	for i, v := range domain {
		if !(v.Lo < v.Hi) || !finite(v.Lo) || !finite(v.Hi) {
			return fail("landscape", fmt.Sprintf("domain interval %d, [%g, %g], is not bounded", i, v.Lo, v.Hi), ErrData)
		}
	}
	p := Panel{Title: l.Title, X: l.X, Y: l.Y, Domain: domain}
	if p.X.Label == "" {
		p.X.Label = "gain 𝑤"
	}
	if p.Y.Label == "" {
		p.Y.Label = "meta-objective ℎ(𝑤)"
	}
	if p.X.Min == 0 && p.X.Max == 0 {
		lo, hi := domain[0].Lo, domain[len(domain)-1].Hi
		margin := 0.035 * (hi - lo)
		p.X.Min, p.X.Max = lo-margin, hi+margin
	}
	var seen []Interval // the domain inside the window
	for _, v := range domain {
		if v.Lo < p.X.Max && v.Hi > p.X.Min {
			seen = append(seen, Interval{max(v.Lo, p.X.Min), min(v.Hi, p.X.Max)})
		}
	}
	if len(seen) == 0 {
		return fail("landscape", fmt.Sprintf("window [%g, %g] does not meet the domain", p.X.Min, p.X.Max), ErrEmpty)
	}
	if p.Y.Min == 0 && p.Y.Max == 0 {
		var ok bool
		if p.Y.Min, p.Y.Max, ok = l.heights(p.X, seen); !ok {
			return fail("landscape", "the objective is nowhere finite", ErrEmpty)
		}
	}

	l.tasks(&p, seen)
	for _, v := range seen {
		x, y := l.sample(l.Objective, v, p.Y)
		p.Curves = append(p.Curves, Curve{Label: "meta-objective ℎ", X: x, Y: y, Ink: Blue, Weight: Strong})
	}
	if l.Bound != 0 && finite(l.Bound) {
		p.Levels = []Level{{Label: "lower bound Σ𝜆ᵢ𝐶ᵢ⋆", Y: l.Bound}}
	}
	if len(l.Folds) > 0 {
		const few = 12
		p.Rugs = []Rug{{Label: "𝜂𝐶ᵢ″ = 1", X: l.Folds, Lines: len(l.Folds) <= few}}
	}
	p.Marks = l.marks(p.X, p.Y)
	return p, nil
}

// sample draws f as precisely as the window shows: a thousandth of its height.
func (l *Landscape) sample(f func(float64) float64, v Interval, y Axis) (xs, ys []float64) {
	d := y.Max - y.Min
	return Sample(f, v.Lo, v.Hi, d/1000, max(math.Abs(y.Max), math.Abs(y.Min))+3*d)
}

// heights chooses the window of values.
func (l *Landscape) heights(x Axis, seen []Interval) (lo, hi float64, ok bool) {
	var values []float64
	for _, v := range seen {
		const n = 400
		for i := range n {
			if h := l.Objective(v.Lo + (v.Hi-v.Lo)*(float64(i)+.5)/n); finite(h) {
				values = append(values, h)
			}
		}
	}
	if len(values) == 0 {
		return 0, 0, false
	}
	sort.Float64s(values)
	quantile := func(q float64) float64 { return values[int(q*float64(len(values)-1))] }
	points := newSpan(false)
	for _, m := range l.Points {
		if m.X >= x.Min && m.X <= x.Max {
			points.add(m.Y)
		}
	}
	points.add(values[0])
	// A third of the domain lies below this value; a landscape that is flat between
	// its points is still seen to rise.
	lo, hi = points.lo, max(points.lo+1.5*(points.hi-points.lo), quantile(.35))
	if l.Bound != 0 && finite(l.Bound) && lo-l.Bound < 2*(hi-lo) {
		lo = min(lo, l.Bound)
	}
	if hi-lo <= 1e-9*math.Abs(lo) {
		hi = lo + max(math.Abs(lo), 1)
	}
	d := hi - lo
	return lo - .16*d, hi + .22*d, true // below, room for the rug and for labels
}

func (l *Landscape) tasks(p *Panel, seen []Interval) {
	n := len(l.Tasks)
	if n < 2 { // its curve is the objective's
		return
	}
	const label = "tasks ℎᵢ"
	if n > manyTasks {
		for _, v := range seen {
			whole, half := l.spread(v)
			whole.Label, half.Label = "all tasks ℎᵢ", "middle half of tasks"
			p.Bands = append(p.Bands, whole, half)
		}
		return
	}
	c := Curve{Label: label, Weight: Thin, Ink: Grey, Dash: Dashed}
	if n > severalTasks {
		c.Dash, c.Alpha = Solid, max(.25, 6/float64(n))
	}
	for _, v := range seen {
		for _, f := range l.Tasks {
			c.X, c.Y = l.sample(f, v, p.Y)
			p.Curves = append(p.Curves, c)
		}
	}
}

// spread is the range of all hᵢ and that between their quartiles.
func (l *Landscape) spread(v Interval) (whole, half Band) {
	const points = 301
	whole.Ink, whole.Alpha = Sky, .22
	half.Ink, half.Alpha = Sky, .38
	values := make([]float64, 0, len(l.Tasks))
	for i := range points {
		// Denser at the ends, as in Sample; the ends themselves are poles.
		w := v.Lo + (v.Hi-v.Lo)*(1-math.Cos(math.Pi*(float64(i)+.5)/points))/2
		values = values[:0]
		for _, f := range l.Tasks {
			if h := f(w); finite(h) {
				values = append(values, h)
			}
		}
		if len(values) == 0 {
			continue
		}
		sort.Float64s(values)
		n := len(values)
		whole.X, half.X = append(whole.X, w), append(half.X, w)
		whole.Lo, whole.Hi = append(whole.Lo, values[0]), append(whole.Hi, values[n-1])
		half.Lo, half.Hi = append(half.Lo, values[n/4]), append(half.Hi, values[n-1-n/4])
	}
	return whole, half
}

func (l *Landscape) marks(x, y Axis) []Mark {
	out := make([]Mark, len(l.Points))
	for i, m := range l.Points {
		if m.Text == "" && m.Kind != Maximiser && !l.Plain {
			m.Text = "𝑤 = " + within(m.X, x.Max-x.Min) + "\nℎ = " + within(m.Y, y.Max-y.Min)
		}
		out[i] = m
	}
	return out
}
