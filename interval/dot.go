package interval

import "math"

// Dot is Σᵢ xᵢ yᵢ, as narrow as Sum unless a product underflows. For symmetric
// matrices it is tr(X Y). It panics unless the lengths agree.
func Dot(x, y []Interval) Interval {
	same(len(x), len(y))
	var lo, hi sum
	for i, a := range x {
		p, q, u, v, ok := ends(a, y[i])
		if !ok {
			p, q, u, v = mixedEnds(a, y[i])
		}
		lo.product(p, q)
		hi.product(u, v)
	}
	if lo.ok() && hi.ok() {
		return Interval{lo.down(), hi.up()}
	}
	// Something is unbounded or empty, overflows or underflows.
	var s Interval
	for i, a := range x {
		s = s.Add(a.Mul(y[i]))
	}
	return s
}

// mixedEnds is ends for a and b with 0 inside, whose products are not tiny.
func mixedEnds(a, b Interval) (x, y, u, v float64) {
	x, y, u, v = a.lo, b.hi, a.lo, b.lo
	if less(a.hi, b.lo, x, y) {
		x, y = a.hi, b.lo
	}
	if less(u, v, a.hi, b.hi) {
		u, v = a.hi, b.hi
	}
	return x, y, u, v
}

// less reports whether x y < u v, exactly unless both are tiny.
func less(x, y, u, v float64) bool {
	p, q := float64(x*y), float64(u*v)
	return p < q || p == q && math.FMA(x, y, -p) < math.FMA(u, v, -q)
}

// Dot chooses ends by branches, half of them mispredicted for signs at random.
// Long rows are made ready, once for all their products, so that the choice is
// an index and points take half the work.

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

func newScratch(n int) *scratch {
	b := make([]float64, 4*n)
	return &scratch{b[:n], b[n : 2*n], b[2*n : 3*n], b[3*n:]}
}

// dot is Dot of prepared rows.
func dot(a, b *factor, tmp *scratch) Interval {
	if !(a.least*b.least >= 0x1p-950) {
		return Dot(a.x, b.x) // residuals of tiny products would be inexact
	}
	var lo, hi sum
	if a.points && b.points {
		lo.products(a.lo, b.lo)
		hi = lo
	} else {
		tmp.choose(a, b)
		lo.products(tmp.x, tmp.y)
		hi.products(tmp.u, tmp.v)
	}
	if lo.ok() && hi.ok() {
		return Interval{lo.down(), hi.up()}
	}
	return Dot(a.x, b.x)
}

// choose fills t with the ends that Dot takes.
func (t *scratch) choose(a, b *factor) {
	n := len(a.x)
	as, bs, ax, bx := a.signs[:n], b.signs[:n], a.x[:n], b.x[:n]
	x, y, u, v := t.x[:n], t.y[:n], t.u[:n], t.v[:n]
	for i, sa := range as {
		sb := bs[i]
		if sa|sb < mixed {
			// The sign of one factor says which end of the other counts.
			e := [4]float64{ax[i].lo, ax[i].hi, bx[i].lo, bx[i].hi}
			x[i], y[i] = e[sb], e[2+sa]
			u[i], v[i] = e[1-sb], e[3-sa]
			continue
		}
		var ok bool
		if x[i], y[i], u[i], v[i], ok = ends(ax[i], bx[i]); !ok {
			x[i], y[i], u[i], v[i] = mixedEnds(ax[i], bx[i])
		}
	}
}
