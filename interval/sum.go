package interval

import "math"

// A sum is a running total of numbers and products as s + c, in twice the
// precision of float64, with what bounds its error.
//
// What s loses in a term is known exactly, by TwoSum and FMA, as one number or
// two, whose sum is q to nearest; the q are summed in c, their magnitudes in m.
// For n terms and u = 2⁻⁵³, the roundings of q and of the sums in c give
//
//	|exact − (s + c)| ≤ n u Σ|q| + O(u²) ≤ 2 n u m.
//
// T. Ogita, S. M. Rump and S. Oishi, SIAM J. Sci. Comput. 26 (2005), 1955–1988.
type sum struct {
	s, c, m float64
	n       int
}

// add adds x.
func (t *sum) add(x float64) {
	s := t.s + x
	q := sumError(t.s, x, s)
	t.s, t.c, t.m, t.n = s, t.c+q, t.m+math.Abs(q), t.n+1
}

// product adds x y. After a product that is tiny, but not for a zero factor, t is
// not ok.
func (t *sum) product(x, y float64) {
	p := float64(x * y)
	s := t.s + p
	q := math.FMA(x, y, -p) + sumError(t.s, p, s)
	if !safe(p) && x != 0 && y != 0 {
		q = inf
	}
	t.s, t.c, t.m, t.n = s, t.c+q, t.m+math.Abs(q), t.n+1
}

// products adds Σᵢ xᵢ yᵢ. No product but 0 is below 2⁻⁹⁶⁰ in magnitude, so that
// FMA gives its residual exactly.
func (t *sum) products(x, y []float64) {
	y = y[:len(x)]
	s, c, m := t.s, t.c, t.m
	for i, v := range x {
		w := y[i]
		p := float64(v * w)
		r := s + p
		q := math.FMA(v, w, -p) + sumError(s, p, r)
		s, c, m = r, c+q, m+math.Abs(q)
	}
	t.s, t.c, t.m, t.n = s, c, m, t.n+len(x)
}

// ok reports whether nothing was unbounded, overflowed, or was tiny.
func (t *sum) ok() bool { return t.m-t.m == 0 }

// down is at most the exact total. If all was exact, it is the total.
func (t *sum) down() float64 { return AddDown(t.s, SubDown(t.c, t.error())) }

// up is at least the exact total.
func (t *sum) up() float64 { return AddUp(t.s, AddUp(t.c, t.error())) }

func (t *sum) error() float64 { return MulUp(float64(t.n)*0x1p-52, t.m) }

// Sum is Σᵢ xᵢ, with few roundings outwards: of bounded intervals the ends are
// usually the correctly rounded ones, whatever cancels.
func Sum(x []Interval) Interval {
	var lo, hi sum
	for _, a := range x {
		lo.add(a.lo)
		hi.add(a.hi)
	}
	if lo.ok() && hi.ok() {
		return Interval{lo.down(), hi.up()}
	}
	var s Interval
	for _, a := range x {
		s = s.Add(a)
	}
	return s
}
