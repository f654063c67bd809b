package report

import "math"

// Sample evaluates f over [lo, hi] at points dense enough to draw it: between
// neighbours the curve is within tol of the chord, in the unit of f, or the points
// are within (hi − lo)/2¹⁷. Points where f is NaN or infinite are kept, and break the
// curve; values above cut or below −cut only have to be far off, not precise. cut ≤ 0
// means no cut.
//
// The first 129 points cluster at the ends, where meta-objectives have poles.
func Sample(f func(float64) float64, lo, hi, tol, cut float64) (x, y []float64) {
	const first, depth = 128, 10
	if cut <= 0 {
		cut = math.Inf(1)
	}
	add := func(u, v float64) { x, y = append(x, u), append(y, v) }
	var refine func(a, fa, b, fb float64, left int)
	refine = func(a, fa, b, fb float64, left int) {
		if left == 0 || (fa > cut && fb > cut) || (fa < -cut && fb < -cut) {
			return
		}
		m := a + (b-a)/2
		fm := f(m)
		both := finite(fa) && finite(fb)
		switch {
		case both && finite(fm) && math.Abs(fm-(fa+fb)/2) <= tol:
			add(m, fm)
		case !both && !finite(fm) && !finite(fa) && !finite(fb): // outside f's domain
		default:
			refine(a, fa, m, fm, left-1)
			add(m, fm)
			refine(m, fm, b, fb, left-1)
		}
	}
	at := func(i int) float64 {
		switch i {
		case 0:
			return lo
		case first:
			return hi
		}
		return lo + (hi-lo)*(1-math.Cos(math.Pi*float64(i)/first))/2
	}
	a, fa := at(0), f(at(0))
	add(a, fa)
	for i := 1; i <= first; i++ {
		b := at(i)
		fb := f(b)
		refine(a, fa, b, fb, depth)
		add(b, fb)
		a, fa = b, fb
	}
	return x, y
}
