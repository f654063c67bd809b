package interval

import "math"

// Neg is −a.
func (a Interval) Neg() Interval { return Interval{-a.hi, -a.lo} }

// Abs is { |x| : x ∈ a }.
func (a Interval) Abs() Interval {
	switch {
	case a.lo >= 0 || a.lo > a.hi:
		return a
	case a.hi <= 0:
		return Interval{-a.hi, -a.lo}
	}
	return Interval{0, max(-a.lo, a.hi)}
}

// Add is a + b.
func (a Interval) Add(b Interval) Interval {
	lo, hi := a.lo+b.lo, a.hi+b.hi
	el, eh := sumError(a.lo, b.lo, lo), sumError(a.hi, b.hi, hi)
	if e := el + eh; e-e != 0 {
		return addSlow(a, b)
	}
	return Interval{stepDown(lo, el), stepUp(hi, eh)}
}

// Sub is a − b.
func (a Interval) Sub(b Interval) Interval {
	lo, hi := a.lo-b.hi, a.hi-b.lo
	el, eh := sumError(a.lo, -b.hi, lo), sumError(a.hi, -b.lo, hi)
	if e := el + eh; e-e != 0 {
		return addSlow(a, b.Neg())
	}
	return Interval{stepDown(lo, el), stepUp(hi, eh)}
}

// AddFloat is a + x, for finite x.
func (a Interval) AddFloat(x float64) Interval {
	lo, hi := a.lo+x, a.hi+x
	el, eh := sumError(a.lo, x, lo), sumError(a.hi, x, hi)
	if e := el + eh; e-e != 0 {
		return addSlow(a, Of(x))
	}
	return Interval{stepDown(lo, el), stepUp(hi, eh)}
}

// addSlow is Add where an end is infinite or a sum overflows.
func addSlow(a, b Interval) Interval {
	if a.IsEmpty() || b.IsEmpty() {
		return Empty()
	}
	return Interval{AddDown(a.lo, b.lo), AddUp(a.hi, b.hi)}
}

// Mul is a b.
func (a Interval) Mul(b Interval) Interval {
	x, y, u, v, ok := ends(a, b)
	if !ok {
		return Interval{
			min(MulDown(a.lo, b.hi), MulDown(a.hi, b.lo)),
			max(MulUp(a.lo, b.lo), MulUp(a.hi, b.hi)),
		}
	}
	p, q := float64(x*y), float64(u*v)
	if !(safe(p) && safe(q)) {
		if a.IsEmpty() || b.IsEmpty() {
			return Empty()
		}
		return Interval{MulDown(x, y), MulUp(u, v)}
	}
	return Interval{stepDown(p, math.FMA(x, y, -p)), stepUp(q, math.FMA(u, v, -q))}
}

// ends chooses the ends of a and b whose products x y and u v are the lower and
// the upper end of a b. It fails if both factors have 0 inside.
func ends(a, b Interval) (x, y, u, v float64, ok bool) {
	switch {
	case a.lo >= 0:
		switch {
		case b.lo >= 0:
			return a.lo, b.lo, a.hi, b.hi, true
		case b.hi <= 0:
			return a.hi, b.lo, a.lo, b.hi, true
		}
		return a.hi, b.lo, a.hi, b.hi, true
	case a.hi <= 0:
		switch {
		case b.lo >= 0:
			return a.lo, b.hi, a.hi, b.lo, true
		case b.hi <= 0:
			return a.hi, b.hi, a.lo, b.lo, true
		}
		return a.lo, b.hi, a.lo, b.lo, true
	case b.lo >= 0:
		return a.lo, b.hi, a.hi, b.hi, true
	case b.hi <= 0:
		return a.hi, b.lo, a.lo, b.lo, true
	}
	return 0, 0, 0, 0, false
}

// Scale is x a, for finite x.
func (a Interval) Scale(x float64) Interval {
	lo, hi := a.lo, a.hi
	if x < 0 {
		lo, hi = hi, lo
	}
	p, q := float64(x*lo), float64(x*hi)
	if !(safe(p) && safe(q)) {
		return a.Mul(Of(x))
	}
	return Interval{stepDown(p, math.FMA(x, lo, -p)), stepUp(q, math.FMA(x, hi, -q))}
}

// Sqr is { x² : x ∈ a }, which is narrower than a.Mul(a) if a has both signs.
func (a Interval) Sqr() Interval {
	if a.IsEmpty() {
		return a
	}
	u, v := a.Mig(), a.Mag()
	return Interval{MulDown(u, u), MulUp(v, v)}
}

// Div is the hull of { x/y : x ∈ a, y ∈ b, y ≠ 0 }: empty if b is only 0, and
// unbounded on each side that small y of b reach.
func (a Interval) Div(b Interval) Interval {
	if b.hi <= 0 {
		a, b = a.Neg(), b.Neg()
	}
	if !(b.lo > 0) {
		return divByZero(a, b)
	}
	x, y, u, v := a.lo, b.hi, a.hi, b.lo
	if x < 0 {
		y = b.lo
	}
	if u < 0 {
		v = b.hi
	}
	p, q := x/y, u/v
	if !(safe(p) && safe(q) && safe(x) && safe(u)) {
		if a.IsEmpty() || b.IsEmpty() {
			return Empty()
		}
		return Interval{DivDown(x, y), DivUp(u, v)}
	}
	return Interval{stepDown(p, math.FMA(-p, y, x)), stepUp(q, math.FMA(-q, v, u))}
}

// divByZero is Div for a b that has 0 and is not negative elsewhere, unless it
// is positive elsewhere too.
func divByZero(a, b Interval) Interval {
	switch {
	case a.IsEmpty() || b.IsEmpty() || b.lo == 0 && b.hi == 0:
		return Empty()
	case a.lo == 0 && a.hi == 0:
		return Interval{}
	case b.lo < 0:
		return Entire()
	case a.lo > 0:
		return Interval{DivDown(a.lo, b.hi), inf}
	case a.hi < 0:
		return Interval{-inf, DivUp(a.hi, b.hi)}
	case a.lo == 0:
		return Interval{0, inf}
	case a.hi == 0:
		return Interval{-inf, 0}
	}
	return Entire()
}

// Inv is the hull of { 1/x : x ∈ a, x ≠ 0 }.
func (a Interval) Inv() Interval { return Interval{1, 1}.Div(a) }

// Sqrt is { √x : x ∈ a, x ≥ 0 }; empty if all of a is negative.
func (a Interval) Sqrt() Interval {
	if !(a.hi >= 0) {
		return Empty()
	}
	return Interval{SqrtDown(max(a.lo, 0)), SqrtUp(a.hi)}
}

// Pow is the hull of { xⁿ : x ∈ a }, without x = 0 if n < 0; x⁰ is 1. Its ends
// are correctly rounded for n = 0, 1, 2 and −1, and otherwise as many roundings
// away as binary powering has products and the inverse.
func (a Interval) Pow(n int) Interval {
	switch {
	case a.IsEmpty():
		return a
	case n == 0:
		return Interval{1, 1}
	case n < 0:
		return a.pow(-uint(n)).Inv()
	}
	return a.pow(uint(n))
}

func (a Interval) pow(n uint) Interval {
	if n%2 == 0 {
		return Interval{powDown(a.Mig(), n), powUp(a.Mag(), n)}
	}
	var p Interval
	if a.lo >= 0 {
		p.lo = powDown(a.lo, n)
	} else {
		p.lo = -powUp(-a.lo, n)
	}
	if a.hi >= 0 {
		p.hi = powUp(a.hi, n)
	} else {
		p.hi = -powDown(-a.hi, n)
	}
	return p
}

// powDown is at most xⁿ, for x ≥ 0 and n ≥ 1.
func powDown(x float64, n uint) float64 {
	p := 1.0
	for {
		if n&1 == 1 {
			p = MulDown(p, x)
		}
		if n >>= 1; n == 0 {
			return p
		}
		x = MulDown(x, x)
	}
}

// powUp is at least xⁿ, for x ≥ 0 and n ≥ 1.
func powUp(x float64, n uint) float64 {
	p := 1.0
	for {
		if n&1 == 1 {
			p = MulUp(p, x)
		}
		if n >>= 1; n == 0 {
			return p
		}
		x = MulUp(x, x)
	}
}
