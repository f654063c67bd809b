package landscape

import (
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// borders notes where h falls towards an end of component i: low and high are
// the signs of h′ next to the ends. Where a sign is not known, 0, nothing is known
// of h there, unless the end is among what is unresolved.
func (p *Problem) borders(l *Landscape, i int, c component, low, high int, s *scratch) {
	d := &l.Domain[i]
	if !c.outer.IsBounded() {
		return // h rises without end
	}
	at := func(end interval.Interval) *interval.Interval {
		v, ok := p.value(end, false, s)
		if !ok {
			v = interval.Entire()
		}
		return &v
	}
	open := func(end interval.Interval) {
		if !slices.ContainsFunc(l.Unresolved, end.Subset) {
			l.Unresolved = append(l.Unresolved, end)
		}
	}
	switch {
	case low > 0:
		d.LowBorder = at(d.Low)
	case low == 0:
		open(d.Low)
	}
	switch {
	case high < 0:
		d.HighBorder = at(d.High)
	case high == 0:
		open(d.High)
	}
}

// worth encloses h over box, which is known to be inside, and its gap, from
// which h is known better near the ends of the domain.
func (p *Problem) worth(l *Landscape, box interval.Interval, s *scratch) (value, gap interval.Interval) {
	value, _ = p.value(box, true, s)
	gap, _ = p.gap(box, s)
	return spared(value.Intersect(l.LowerBound.Add(gap))), gap
}

// spared widens the enclosure of a value by its own width and a few units in the
// last place, for those who enclose it otherwise.
func spared(x interval.Interval) interval.Interval {
	d := x.Width() + 0x1p-50*x.Mag()
	return interval.New(interval.SubDown(x.Lo(), d), interval.AddUp(x.Hi(), d))
}

// gap encloses h − Σ λᵢ Cᵢ* over box, which is known to be inside.
func (p *Problem) gap(box interval.Interval, s *scratch) (interval.Interval, bool) {
	sum := zero
	for i := range p.tasks {
		t := &p.tasks[i]
		if !t.track(box, 1, true, s) {
			return sum, false
		}
		sum = sum.Add(t.weight.Mul(t.f.gap(s.wide.end.w, s.wide.end.d)))
	}
	return sum, true
}

// conclude draws the infimum, ε and the verdict from what was found.
func (p *Problem) conclude(l *Landscape, components []component, s *scratch) {
	low, high := math.Inf(1), math.Inf(1) // of inf h
	least := func(v interval.Interval) {
		low, high = min(low, v.Lo()), min(high, v.Hi())
	}
	minima := l.Minima()
	for _, st := range minima {
		least(st.Value)
	}
	lowest := high // an upper bound of the lowest minimum
	attained := true
	for _, d := range l.Domain {
		for _, b := range []*interval.Interval{d.LowBorder, d.HighBorder} {
			if b != nil {
				least(*b)
				attained = attained && b.Lo() >= lowest
			}
		}
	}
	worst := math.Inf(-1) // the highest local minimum there may be
	allOptimal := len(minima) > 0
	for _, st := range minima {
		worst = max(worst, st.Value.Hi())
		allOptimal = allOptimal && st.Optimal
	}
	for _, u := range l.Unresolved {
		v, ok := p.value(u, slices.ContainsFunc(components, func(c component) bool { return c.knows(u) }), s)
		if !ok {
			continue // no gain of u is in the domain
		}
		low = min(low, v.Lo())
		worst = max(worst, v.Hi())
	}
	for _, c := range components { // any value bounds the infimum
		if at, ok := p.value(c.center(), true, s); ok {
			high = min(high, at.Hi())
		}
	}
	if p.oneMap && slices.ContainsFunc(minima, func(st Stationary) bool { return st.Optimal }) {
		low, high, attained = l.LowerBound.Lo(), l.LowerBound.Hi(), true
	}
	low = max(low, l.LowerBound.Lo())
	if math.IsInf(high, 1) {
		high = maxFloat
	}
	l.Infimum = interval.New(min(low, high), high)
	complete := len(l.Unresolved) == 0

	lower := 0.0
	for _, st := range minima {
		lower = max(lower, interval.SubDown(st.Value.Lo(), high))
	}
	upper := math.Inf(1)
	if worst <= maxFloat && !math.IsInf(low, 0) {
		upper = max(0, interval.SubUp(worst, low))
	}
	if complete && attained && (len(minima) == 1 || allOptimal) {
		upper = 0
	}
	l.Epsilon = interval.New(lower, upper)
	switch {
	case lower > 0:
		l.Verdict = certificate.NotGlobal
	case !complete:
		l.Verdict = certificate.Undecided
	case upper == 0 && len(minima) > 0:
		l.Verdict = certificate.Global
	case upper <= maxFloat:
		l.Verdict = certificate.EpsilonGlobal
	default:
		l.Verdict = certificate.Undecided
	}
}
