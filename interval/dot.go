package interval

import "math"

// Dot is Σᵢ xᵢ yᵢ, as narrow as Sum. For symmetric matrices it is tr(X Y). It
// panics unless the lengths agree.
func Dot(x, y []Interval) Interval {
	same(len(x), len(y))
	a, b := factors(x, len(x), 1), factors(y, len(y), 1)
	return dot(&a[0], &b[0], new(scratch))
}

// A factor is a vector made ready for products.
type factor struct {
	x      []Interval
	signs  []sign
	lo     []float64
	points bool    // x is lo
	least  float64 // the smallest magnitude of an end but 0
}

// A sign says which half-line holds an interval.
type sign uint8

const (
	positive sign = iota // including 0
	negative             // including 0, not [0, 0]
	mixed
)

// factors are the rows of a matrix.
func factors(data []Interval, cols, rows int) []factor {
	f := make([]factor, rows)
	lo, signs := make([]float64, len(data)), make([]sign, len(data))
	for i := range f {
		x := data[i*cols : (i+1)*cols]
		r := factor{x, signs[i*cols : (i+1)*cols], lo[i*cols : (i+1)*cols], true, inf}
		for j, a := range x {
			r.lo[j] = a.lo
			r.points = r.points && a.lo == a.hi
			for _, v := range [2]float64{a.lo, a.hi} {
				if v != 0 {
					r.least = min(r.least, math.Abs(v))
				}
			}
			switch {
			case a.lo >= 0:
			case a.hi <= 0:
				r.signs[j] = negative
			default:
				r.signs[j] = mixed
			}
		}
		f[i] = r
	}
	return f
}

// scratch holds the ends whose products are the lower and the upper ends of
// the terms: Σ x y and Σ u v.
type scratch struct{ x, y, u, v []float64 }

func (t *scratch) resize(n int) {
	if len(t.x) != n {
		b := make([]float64, 4*n)
		t.x, t.y, t.u, t.v = b[:n], b[n:2*n], b[2*n:3*n], b[3*n:]
	}
}

func dot(a, b *factor, tmp *scratch) Interval {
	// Tiny factors, whose products would have inexact residuals, and what is
	// unbounded, empty or overflows go term by term.
	if a.least*b.least >= 0x1p-950 {
		var lo, hi sum
		if a.points && b.points {
			lo.products(a.lo, b.lo)
			hi = lo
		} else {
			n := len(a.x)
			tmp.resize(n)
			tmp.choose(a, b)
			lo.products(tmp.x, tmp.y)
			hi.products(tmp.u, tmp.v)
		}
		if lo.ok() && hi.ok() {
			return Interval{lo.down(), hi.up()}
		}
	}
	var s Interval
	for i, x := range a.x {
		s = s.Add(x.Mul(b.x[i]))
	}
	return s
}

// choose finds the ends as Mul does.
func (t *scratch) choose(a, b *factor) {
	n := len(t.x)
	as, bs, ax, bx := a.signs[:n], b.signs[:n], a.x[:n], b.x[:n]
	x, y, u, v := t.x[:n], t.y[:n], t.u[:n], t.v[:n]
	for i, sa := range as {
		sb := bs[i]
		ends := [4]float64{ax[i].lo, ax[i].hi, bx[i].lo, bx[i].hi}
		if sa|sb < mixed {
			// The sign of one factor says which end of the other counts.
			x[i], y[i] = ends[sb], ends[2+sa]
			u[i], v[i] = ends[1-sb], ends[3-sa]
			continue
		}
		x[i], y[i], u[i], v[i] = chooseMixed(ax[i], bx[i], sa, sb)
	}
}

func chooseMixed(a, b Interval, sa, sb sign) (x, y, u, v float64) {
	switch {
	case sa == positive:
		return a.hi, b.lo, a.hi, b.hi
	case sa == negative:
		return a.lo, b.hi, a.lo, b.lo
	case sb == positive:
		return a.lo, b.hi, a.hi, b.hi
	case sb == negative:
		return a.hi, b.lo, a.lo, b.lo
	}
	x, y, u, v = a.lo, b.hi, a.lo, b.lo
	if less(a.hi, b.lo, x, y) {
		x, y = a.hi, b.lo
	}
	if less(u, v, a.hi, b.hi) {
		u, v = a.hi, b.hi
	}
	return x, y, u, v
}

// less reports whether x y < u v exactly, if neither is tiny.
func less(x, y, u, v float64) bool {
	p, q := float64(x*y), float64(u*v)
	return p < q || p == q && math.FMA(x, y, -p) < math.FMA(u, v, -q)
}
