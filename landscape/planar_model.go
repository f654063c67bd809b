package landscape

import (
	"math"

	"github.com/metalqr/metalqr/interval"
)

// A model encloses a function over a box of two coordinates by a polynomial:
// with the box scaled to [−1, 1]²,
//
//	|f(x, y) − Σ cᵢⱼ xⁱyʲ| ≤ e        for all (x, y) ∈ [−1, 1]².
//
// Coefficients are float64s; what their rounding loses is in e, as is what a
// product has beyond the degree. So the modelTerms that f's parts have in common
// cancel, which intervals lose. An e of +Inf says nothing about f. NaN or infinite
// coefficients are possible after overflow; e is +Inf or NaN then, and span has no
// bounds.
//
// K. Makino and M. Berz, Int. J. Pure Appl. Math. 4 (2003), 379–456.
type model struct {
	c   [modelTerms]float64 // modelDegree by modelDegree; x^(n−j) y^j at n(n+1)/2 + j
	deg int                 // coefficients of higher degree are 0
	e   float64
}

// The degree is the one that BenchmarkPlanar likes best of 2 to 6.
const (
	modelDegree = 4
	modelTerms  = (modelDegree + 1) * (modelDegree + 2) / 2
)

// firstOf is where the coefficients of degree n begin.
func firstOf(n int) int { return n * (n + 1) / 2 }

// slack bounds from above a sum or product of at most 2⁸ nonnegative float64s
// that was rounded at every operation, and what underflow took.
func slack(e float64) float64 { return float64(e*(1+0x1p-43)) + 0x1p-1000 }

// A real encloses a number: within r of m.
type real struct{ m, r float64 }

func realOf(x interval.Interval) real {
	if !x.IsBounded() || x.IsEmpty() {
		return real{0, infinity}
	}
	m := x.Mid()
	return real{m, max(interval.SubUp(x.Hi(), m), interval.SubUp(m, x.Lo()))}
}

var infinity = math.Inf(1)

// constant sets p to a number.
func (p *model) constant(x real) {
	*p = model{e: x.r}
	p.c[0] = x.m
}

// linear sets p to x + y ξ + z η + w ξη.
func (p *model) linear(x, y, z, w real) {
	*p = model{deg: 1, e: slack(x.r + y.r + z.r + w.r)}
	p.c[0], p.c[1], p.c[2], p.c[4] = x.m, y.m, z.m, w.m
	if w.m != 0 {
		p.deg = 2
	} else if y.m == 0 && z.m == 0 {
		p.deg = 0
	}
}

// isZero reports whether p is 0 exactly.
func (p *model) isZero() bool { return p.deg == 0 && p.c[0] == 0 && p.e == 0 }

// mag bounds |Σ cᵢⱼ xⁱyʲ| over the box, up to slack.
func (p *model) mag() float64 {
	s := 0.0
	for _, c := range p.c[:firstOf(p.deg+1)] {
		s += math.Abs(c)
	}
	return s
}

// span encloses f over the box. Even powers lie in [0, 1].
func (p *model) span() interval.Interval {
	lo, hi, sum := 0.0, 0.0, math.Abs(p.c[0])
	for n := 1; n <= p.deg; n++ {
		for j := 0; j <= n; j++ {
			c := p.c[firstOf(n)+j]
			sum += math.Abs(c)
			if n&1 == 0 && j&1 == 0 {
				lo, hi = lo+min(c, 0), hi+max(c, 0)
			} else {
				a := math.Abs(c)
				lo, hi = lo-a, hi+a
			}
		}
	}
	e := slack(p.e + float64(sum*0x1p-47))
	if !(e < infinity && sum < infinity) {
		return interval.Entire()
	}
	lo, hi = interval.SubDown(interval.AddDown(p.c[0], lo), e), interval.AddUp(interval.AddUp(p.c[0], hi), e)
	return interval.New(lo, hi)
}

// addScaled adds x q to p.
func (p *model) addScaled(x real, q *model) {
	if x.m == 0 && x.r == 0 || q.isZero() {
		return
	}
	p.deg = max(p.deg, q.deg)
	var size, sum float64
	n := firstOf(p.deg + 1)
	for i, c := range q.c[:n] {
		t := float64(x.m * c)
		size += math.Abs(c)
		s := p.c[i] + t
		p.c[i] = s
		sum += math.Abs(s) + math.Abs(t)
	}
	// Each coefficient is rounded twice, by at most 2⁻⁵³ of |t| and of |s|.
	p.e = slack(p.e + float64(math.Abs(x.m)*q.e) + float64(x.r*(size+q.e)) + float64(0x1p-52*sum))
}

// product sets p to a b. p is neither.
func (p *model) product(a, b *model) {
	*p = model{}
	if a.isZero() || b.isZero() {
		return
	}
	p.deg = min(a.deg+b.deg, modelDegree)
	var sa, sb [modelDegree + 1]float64 // Σ|c| of each degree
	ta, tb := 0.0, 0.0
	for n := 0; n <= b.deg; n++ {
		for _, c := range b.c[firstOf(n):firstOf(n+1)] {
			sb[n] += math.Abs(c)
		}
		tb += sb[n]
	}
	for n := 0; n <= a.deg; n++ {
		top := min(b.deg, modelDegree-n)
		for j, c := range a.c[firstOf(n):firstOf(n+1)] {
			if c == 0 {
				continue
			}
			sa[n] += math.Abs(c)
			for m := 0; m <= top; m++ {
				from := b.c[firstOf(m):firstOf(m+1)]
				to := p.c[firstOf(n+m)+j : firstOf(n+m)+j+m+1]
				for k, d := range from {
					to[k] += float64(c * d)
				}
			}
		}
		ta += sa[n]
	}
	cut := 0.0
	for n := 0; n <= a.deg; n++ {
		for m := modelDegree - n + 1; m <= b.deg; m++ {
			cut += float64(sa[n] * sb[m])
		}
	}
	// A coefficient is a sum of at most 15 products: its rounding is at most
	// 16 · 2⁻⁵³ of theirs.
	p.e = slack(cut + float64(a.e*(tb+b.e)) + float64(b.e*ta) + float64(0x1p-49*float64(ta*tb)))
}

// inverse sets p to 1/a and reports whether a is shown to have the sign that it
// has in the middle, with room to spare. With a = c(1 + y), |y| ≤ β < 1,
//
//	1/a = (1 − y + y² − … ± yⁿ + r)/c,     |r| ≤ β^(n+1)/(1 − β).
func (p *model) inverse(a *model) bool {
	c := a.c[0]
	q := 1 / c
	if !(math.Abs(q) < 0x1p500 && math.Abs(q) > 0x1p-500) {
		return false
	}
	// q is 1/c within a relative 2⁻⁵³: y = q a − 1 and 1/a = q/(1 + y) for this
	// q, whatever it is.
	var y model
	y.addScaled(real{m: q}, a)
	rest := y.c[0] - 1 // exact, since y.c[0] is next to 1
	if !(math.Abs(rest) < 0.25) {
		return false
	}
	y.c[0] = rest
	β := slack(y.mag() + y.e)
	if !(β < 0.99) {
		return false
	}
	var s, t model
	s.constant(real{m: 1})
	for range modelDegree {
		t.product(&y, &s)
		s.constant(real{m: 1})
		s.addScaled(real{m: -1}, &t)
	}
	tail := 1.0
	for range modelDegree + 1 {
		tail *= β
	}
	s.e = slack(s.e + float64(tail/(1-β))*(1+0x1p-40))
	*p = model{}
	p.addScaled(real{m: q}, &s)
	return p.e < infinity
}
