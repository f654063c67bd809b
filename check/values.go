package check

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A summary is what the verified pieces say about the values of h. Numbers are
// bounds in float64, rounded to the safe side.
type summary struct {
	minima    int
	spurious  int               // of the minima, those proved to be above the infimum
	optimal   bool              // every minimum adapts to the optimum of its one task
	infimum   interval.Interval // of h
	border    bool              // h may come below its minima at an end of the domain
	excess    float64           // no local minimum is more than this above the infimum; +Inf: not known
	excessLow float64           // one is at least this above it
}

// summarise finds the infimum and the excess of the minima.
//
// A minimising sequence of h has a limit in the domain, which is then a local
// minimum and so a listed minimum or in an unresolved box, or it goes to an end
// of a component. There h′, which has no zero beside the end, says whether h
// falls towards the end; only then does the limit there count. Where a gain
// adapts to the optimum of the one task, none of this is needed: h is nowhere
// smaller. From above every value bounds the infimum; a few are looked at.
func (c *checker) summarise(points []stationary, domain []component) (*summary, error) {
	s := &summary{optimal: true}
	low, high := fine{}, fine{} // the infimum lies between low.lo and high.hi
	lower := func(y fine) {
		if y.ok() && (!low.ok() || y.lo.Cmp(low.lo) < 0) {
			low = y
		}
	}
	upper := func(y fine) {
		if y.ok() && (!high.ok() || y.hi.Cmp(high.hi) < 0) {
			high = y
		}
	}
	var minimum fine // of the minima, the one with the smallest upper bound
	bounded, attained := true, false
	for i := range points {
		p := &points[i]
		upper(p.value) // h takes this value
		attained = attained || p.optimal()
		if p.kind == certificate.Minimum {
			s.minima++
			s.optimal = s.optimal && p.optimal()
			lower(p.value)
			bounded = bounded && p.value.ok()
			if y := p.value; y.ok() && (!minimum.ok() || y.hi.Cmp(minimum.hi) < 0) {
				minimum = y
			}
		}
	}
	if attained {
		low, high = c.problem.optimum, c.problem.optimum
	} else {
		for _, u := range c.unresolved {
			y, ok := c.bottom(u)
			if !ok {
				continue // no gain of the domain
			}
			lower(y)
			bounded = bounded && y.ok()
			upper(c.height(u.Mid()))
		}
		for _, d := range domain {
			upper(c.height(d.middle()))
			for _, falls := range [2]bool{false, true} {
				e, err := c.border(d, falls, points)
				if err != nil {
					return nil, err
				}
				if !e.counts {
					continue
				}
				y := e.limit
				s.border = s.border || !y.ok() || !minimum.ok() || y.lo.Cmp(minimum.hi) < 0
				lower(y)
				if e.approached {
					upper(y)
				}
				bounded = bounded && y.ok()
			}
		}
	}
	if !bounded {
		low = fine{}
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	if low.ok() {
		lo = low.low()
	}
	if high.ok() {
		hi = high.high()
	}
	if c.optimumBelow(lo) { // h ≥ Σ λᵢ Cᵢ* everywhere
		lo = c.problem.optimum.low()
		low = c.problem.optimum
	}
	s.infimum = interval.New(lo, hi)

	// The excess of a minimum is exactly 0 if it is an optimum, or the only
	// candidate there is.
	only := s.minima == 1 && len(c.unresolved) == 0 && !s.border
	for i := range points {
		p := &points[i]
		if p.kind != certificate.Minimum || p.optimal() || only {
			continue
		}
		s.excess = max(s.excess, p.value.sub(low).high())
		if y := p.value.sub(high); y.ok() && y.lo.Sign() > 0 {
			s.spurious++
			s.excessLow = max(s.excessLow, y.low())
		}
	}
	return s, nil
}

func (c *checker) optimumBelow(lo float64) bool { return c.problem.optimum.low() > lo }

// height is h at one gain, if that is found to be in the domain.
func (c *checker) height(w float64) fine {
	h, _, where := c.problem.at(single(w))
	if where != inside {
		return fine{}
	}
	return c.problem.optimum.add(h)
}

// middle is a gain of the component, between its ends.
func (d component) middle() float64 {
	lo, hi := d.low.box.Hi(), d.high.box.Lo()
	if d.low.unbounded != 0 {
		lo = d.low.unbounded
	}
	if d.high.unbounded != 0 {
		hi = d.high.unbounded
	}
	return interval.New(min(lo, hi), max(lo, hi)).Mid()
}

// bottom is a lower bound of h over the gains of u in the domain; false if there
// is no such gain.
func (c *checker) bottom(u interval.Interval) (fine, bool) {
	any := false
	low := math.Inf(1)
	c.sweep(u, func(h interval.Interval) {
		any = true
		low = min(low, h.Lo())
	})
	if !any || math.IsInf(low, 1) {
		return fine{}, false
	}
	return c.problem.optimum.add(exactly(low)), true
}

// top is an upper bound of h over the gains of the unresolved boxes in the
// domain; +Inf if there is none.
func (c *checker) top() float64 {
	top := math.Inf(-1)
	for _, u := range c.unresolved {
		c.sweep(u, func(h interval.Interval) {
			top = max(top, h.Hi())
		})
	}
	if math.IsInf(top, 0) {
		return top
	}
	return c.problem.optimum.add(exactly(top)).high()
}

// sweep encloses h − Σ λᵢ Cᵢ* over a subdivision of u.
func (c *checker) sweep(u interval.Interval, visit func(interval.Interval)) {
	const parts = 64
	stack := []interval.Interval{u}
	for n := 0; len(stack) > 0; n++ {
		b := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		h := c.problem.over(&c.lens, b)
		if h.where == outside {
			continue
		}
		m := cut(b)
		if b.Width() <= u.Width()/parts || n > 4*parts || !(b.Lo() < m && m < b.Hi()) {
			visit(h.h)
			continue
		}
		stack = append(stack, interval.New(m, b.Hi()), interval.New(b.Lo(), m))
	}
}

// An approach is what h does towards one end of a component. If it counts, the
// lower limit of h there is at least that of limit; if approached, h has a limit
// there, which lies in limit.
type approach struct {
	limit              fine
	counts, approached bool
}

// border looks at the lower end of a component, or at the upper one if falls.
// Nothing counts where h rises towards the end, or where the end is part of an
// unresolved box.
func (c *checker) border(d component, falls bool, points []stationary) (approach, error) {
	e, towards := d.low, 1.0
	if falls {
		e, towards = d.high, -1
	}
	if e.unknown {
		return approach{}, nil
	}
	// The region beside the end reaches to the first point, unresolved box or
	// other end.
	from, to := e.box.Hi(), d.high.box.Lo()
	other := d.high
	if falls {
		from, to = e.box.Lo(), d.low.box.Hi()
		other = d.low
	}
	if e.unbounded != 0 {
		from = e.unbounded
	}
	if other.unbounded != 0 {
		to = other.unbounded
	}
	closer := func(b interval.Interval) {
		x := b.Lo()
		if falls {
			x = b.Hi()
		}
		if !b.Disjoint(interval.New(d.low.box.Lo(), d.high.box.Hi())) && (x-to)*towards < 0 {
			to = x
		}
	}
	for i := range points {
		closer(points[i].gain)
	}
	for _, u := range c.unresolved {
		closer(u)
	}
	if (to-from)*towards < 0 {
		for _, u := range c.unresolved {
			if e.box.Subset(u) {
				return approach{}, nil
			}
		}
		y, some := c.bottom(e.box)
		return approach{limit: y, counts: some}, nil
	}
	if from == to && e.unbounded != 0 {
		return approach{}, nil // an unresolved box reaches as far, and has a bound of its own
	}
	x := from
	if from != to {
		x = cut(interval.New(min(from, to), max(from, to)))
	}
	_, slope, _ := c.problem.at(single(x))
	switch sign := slope.sign() * int(towards); {
	case sign < 0:
		return approach{}, nil
	case sign == 0:
		return approach{}, fmt.Errorf("the sign of h′ at %v, beside the end of the domain in %v, is not found", x, e.box)
	}
	if e.unbounded != 0 {
		return approach{counts: true}, nil
	}
	h := c.problem.over(&c.lens, c.pinch(e.box, falls))
	if h.where == outside || !h.h.IsBounded() {
		return approach{counts: true}, nil
	}
	return approach{c.problem.optimum.add(widen(h.h)), true, true}, nil
}

// pinch halves a box around an end of the domain until its ends are neighbours
// or are not told apart.
func (c *checker) pinch(b interval.Interval, falls bool) interval.Interval {
	for {
		m := b.Mid()
		if !(b.Lo() < m && m < b.Hi()) {
			return b
		}
		where := c.problem.locate(&c.lens, m)
		switch {
		case where == across:
			return b
		case (where == inside) == falls:
			b = interval.New(m, b.Hi())
		default:
			b = interval.New(b.Lo(), m)
		}
	}
}

// follows compares what is stated of the minima of h with h ≤ L with what is
// verified: that each is at most excess above inf h, and one at least excessLow.
// Global needs one that is known to be there, and ε = 0, which excess bounds.
func follows(v certificate.Verdict, ε *float64, low, excess, excessLow float64, complete, known bool) error {
	if ε != nil && !(*ε >= excess) {
		return fmt.Errorf("that no minimum is more than %v above inf h is not verified; %v is", *ε, excess)
	}
	if !(low >= 0) || low > excessLow {
		return fmt.Errorf("that a minimum is %v above inf h is not verified; %v is", low, excessLow)
	}
	ok := false
	switch v {
	case certificate.Global:
		ok = complete && known && ε != nil && *ε == 0
	case certificate.NotGlobal:
		ok = low > 0
	case certificate.EpsilonGlobal:
		ok = complete && ε != nil
	case certificate.Undecided:
		ok = true
	}
	if !ok {
		return fmt.Errorf("the verdict %q does not follow", v)
	}
	return nil
}
