package interval

import "slices"

// A Box is the product of its intervals: a set of points of len(Box)
// coordinates, empty if any interval is. Boxes and points that meet in one call
// have the same number of coordinates; anything else panics.
type Box []Interval

// IsEmpty reports whether b has no point.
func (b Box) IsEmpty() bool { return slices.ContainsFunc(b, Interval.IsEmpty) }

// Mid is a point of b: the Mid of each interval.
func (b Box) Mid() []float64 {
	x := make([]float64, len(b))
	for i, a := range b {
		x[i] = a.Mid()
	}
	return x
}

// Width is the largest width, 0 without coordinates.
func (b Box) Width() float64 {
	w := 0.0
	for _, a := range b {
		w = max(w, a.Width())
	}
	return w
}

// Widest is the first coordinate whose interval has the largest width.
func (b Box) Widest() int {
	k, w := 0, -1.0
	for i, a := range b {
		if v := a.Width(); v > w {
			k, w = i, v
		}
	}
	return k
}

// Contains reports whether the point x is in b.
func (b Box) Contains(x []float64) bool {
	same(len(b), len(x))
	for i, a := range b {
		if !a.Contains(x[i]) {
			return false
		}
	}
	return true
}

// Subset reports whether b ⊆ c.
func (b Box) Subset(c Box) bool {
	same(len(b), len(c))
	if b.IsEmpty() {
		return true
	}
	for i, a := range b {
		if !a.Subset(c[i]) {
			return false
		}
	}
	return true
}

// Interior reports whether b lies in the interior of c.
func (b Box) Interior(c Box) bool {
	same(len(b), len(c))
	if b.IsEmpty() {
		return true
	}
	for i, a := range b {
		if !a.Interior(c[i]) {
			return false
		}
	}
	return true
}

// Intersect is b ∩ c, newly allocated.
func (b Box) Intersect(c Box) Box {
	same(len(b), len(c))
	d := make(Box, len(b))
	for i, a := range b {
		d[i] = a.Intersect(c[i])
	}
	return d
}

// Split cuts b at the Mid of coordinate i, which both halves contain. Neither
// half is smaller than b if that interval has no float64 between its ends.
func (b Box) Split(i int) (lower, upper Box) {
	m := b[i].Mid()
	lower, upper = slices.Clone(b), slices.Clone(b)
	lower[i].hi, upper[i].lo = m, m
	return lower, upper
}

func same(m, n int) {
	if m != n {
		panic("interval: different numbers of coordinates")
	}
}
