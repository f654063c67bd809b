package landscape

import (
	"cmp"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A function of the gain, evaluated over an interval: enclosures of its values
// and of its derivative at the gains of box that are in the domain. known says
// that the whole box is; the derivative is asked for only then. ok is false
// where no gain of box is in the domain. A probe is safe for concurrent use, each
// call with a scratch of its own.
type probe func(box interval.Interval, known bool, s *scratch) (value, deriv interval.Interval, ok bool)

// scratch is what a worker needs.
type scratch struct {
	mid, wide path
}

// A component of the domain lies within outer and contains inner: one interval,
// or several where nothing is known of what is between them.
type component struct {
	outer interval.Interval
	inner []interval.Interval
}

// knows reports whether box is certainly inside the component.
func (c component) knows(box interval.Interval) bool {
	return slices.ContainsFunc(c.inner, box.Subset)
}

// center is a gain inside.
func (c component) center() interval.Interval { return interval.Of(center(c.inner[0])) }

// from and to are the first and the last gain known to be inside.
func (c component) from() float64 { return c.inner[0].Lo() }
func (c component) to() float64   { return c.inner[len(c.inner)-1].Hi() }

// low and high hold the component's ends.
func (c component) low() interval.Interval {
	return interval.New(c.outer.Lo(), max(c.from(), -maxFloat))
}

func (c component) high() interval.Interval {
	return interval.New(min(c.to(), maxFloat), c.outer.Hi())
}

// A block is an interval of a component on the way to a cover. The function has
// a definite sign at both ends, or the end is one of the component: sign 0.
type block struct {
	box       interval.Interval
	low, high int

	is   certificate.PieceKind
	next []block
}

// isolate covers a component with pieces in which a function has no zero, or
// exactly one, or of which nothing is known.
func (c component) isolate(f probe, m *meter, doing string) []block {
	round := []block{{box: c.outer}}
	var done []block
	s := make([]scratch, m.o.Workers)
	for len(round) > 0 {
		if !m.round(doing, len(round)) {
			for _, b := range round {
				b.is = certificate.Unknown
				done = append(done, b)
			}
			break
		}
		m.each(len(round), func(w, i int) { c.examine(f, &round[i], &s[w]) })
		var next []block
		for _, b := range round {
			if b.is != "" {
				done = append(done, b)
			} else {
				next = append(next, b.next...)
			}
		}
		round = next
	}
	slices.SortFunc(done, func(x, y block) int { return cmp.Compare(x.box.Lo(), y.box.Lo()) })
	return done
}

// examine decides a block or splits it.
func (c component) examine(f probe, b *block, s *scratch) {
	known := c.knows(b.box)
	value, deriv, ok := f(b.box, known, s)
	switch {
	case !ok || value.Sign() != 0:
		b.is = certificate.Free
		return
	case known && deriv.Sign() != 0 && b.low != 0 && b.high != 0:
		b.is = certificate.Free
		if b.low != b.high {
			b.is = certificate.Zero
		}
		return
	}
	var mid float64
	var sign int
	if !cuts(b.box, func(w float64) bool {
		at := interval.Of(w)
		if !c.knows(at) {
			return false
		}
		v, _, ok := f(at, true, s)
		mid, sign = w, v.Sign()
		return ok && sign != 0
	}) {
		b.is = certificate.Unknown
		return
	}
	b.next = []block{
		{box: interval.New(b.box.Lo(), mid), low: b.low, high: sign},
		{box: interval.New(mid, b.box.Hi()), low: sign, high: b.high},
	}
}

// narrow closes in on the one zero of f in a block, by interval Newton steps
// and bisection, down to where f has definite and opposite signs at the ends.
func (c component) narrow(f probe, b block, s *scratch) interval.Interval {
	sign := func(w float64) int {
		v, _, ok := f(interval.Of(w), true, s)
		if !ok {
			return 0
		}
		return v.Sign()
	}
	x := b.box
	for range 100 {
		_, deriv, _ := f(x, true, s)
		mid := x.Mid()
		at, _, ok := f(interval.Of(mid), true, s)
		if !ok {
			break
		}
		next := interval.Of(mid).Sub(at.Div(deriv)).Intersect(x)
		if next.IsEmpty() || deriv.Sign() == 0 || !(next.Width() < 0.5*x.Width()) {
			switch at.Sign() {
			case b.low:
				next = interval.New(mid, x.Hi())
			case b.high:
				next = interval.New(x.Lo(), mid)
			default:
				next = x
			}
		}
		if next == x {
			break
		}
		x = next
	}
	// x holds the zero; move its ends out to where signs are definite.
	low, high := x.Lo(), x.Hi()
	step := max(x.Width(), 0x1p-52*x.Mag(), math.SmallestNonzeroFloat64)
	for d := step; low > b.box.Lo() && sign(low) != b.low; d *= 2 {
		low = max(low-d, b.box.Lo())
	}
	for d := step; high < b.box.Hi() && sign(high) != b.high; d *= 2 {
		high = min(high+d, b.box.Hi())
	}
	return interval.New(low, high)
}
