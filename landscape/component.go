package landscape

import (
	"cmp"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// componentsOf reads the components off a cover, and the pieces of which
// nothing is known. What lies between two pieces outside is one component, if
// any of it is known to be inside; if not, nothing is known of it, though ends of
// the domain may be seen there.
func componentsOf(cover []certificate.Piece) (components []component, unknown []interval.Interval) {
	var c component
	begun := false
	flush := func() {
		switch {
		case len(c.inner) > 0:
			components = append(components, c)
		case begun:
			unknown = append(unknown, c.outer)
		}
		c, begun = component{}, false
	}
	take := func(x interval.Interval) {
		if begun {
			x = x.Hull(c.outer)
		}
		c.outer, begun = x, true
	}
	for i, piece := range cover {
		switch piece.Is {
		case certificate.Out:
			flush()
		case certificate.End: // the low one of a component, or the high one
			low := i+1 < len(cover) && cover[i+1].Is == certificate.In
			if low && len(c.inner) > 0 {
				flush()
			}
			take(piece.Box)
			if !low && len(c.inner) > 0 {
				flush()
			}
		case certificate.Unknown:
			unknown = append(unknown, piece.Box)
			take(piece.Box)
		case certificate.In:
			take(piece.Box)
			if i > 0 && cover[i-1].Is == certificate.In {
				c.inner[len(c.inner)-1] = c.inner[len(c.inner)-1].Hull(piece.Box)
			} else {
				c.inner = append(c.inner, piece.Box)
			}
		}
	}
	flush()
	return components, joined(unknown)
}

// joined is a list in order, intervals that touch made one.
func joined(list []interval.Interval) []interval.Interval {
	slices.SortFunc(list, func(x, y interval.Interval) int { return cmp.Compare(x.Lo(), y.Lo()) })
	var all []interval.Interval
	for _, x := range list {
		all = join(all, x)
	}
	return all
}

// join appends an interval, to the last one if they touch.
func join(list []interval.Interval, x interval.Interval) []interval.Interval {
	if n := len(list); n > 0 && list[n-1].Hi() >= x.Lo() {
		list[n-1] = list[n-1].Hull(x)
		return list
	}
	return append(list, x)
}
