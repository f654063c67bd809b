package check

import (
	"math"
	"math/big"

	"github.com/metalqr/metalqr/interval"
)

// precision is what single gains are decided with: far above what the at most
// cubic cancellations of a few inner steps can lose of 53 bits.
const precision = 256

// A fine is an interval with ends of 256 bits. The zero fine is the result of an
// operation without one (a quotient by an interval that has 0), encloses
// nothing, and is passed on by every operation.
type fine struct{ lo, hi *big.Float }

func down() *big.Float { return new(big.Float).SetPrec(precision).SetMode(big.ToNegativeInf) }
func up() *big.Float   { return new(big.Float).SetPrec(precision).SetMode(big.ToPositiveInf) }

// exactly is the point x.
func exactly(x float64) fine { return fine{down().SetFloat64(x), up().SetFloat64(x)} }

// single is x, and the zero fine if x is infinite or NaN.
func single(x float64) fine {
	if x-x != 0 {
		return fine{}
	}
	return exactly(x)
}

// widen is the bounded float64 interval a.
func widen(a interval.Interval) fine {
	if a.IsEmpty() || !a.IsBounded() {
		return fine{}
	}
	return fine{down().SetFloat64(a.Lo()), up().SetFloat64(a.Hi())}
}

// mid is a number of a, or of the 256-bit numbers around it.
func (a fine) mid() fine {
	m := down().Add(a.lo, a.hi)
	m.Quo(m, big.NewFloat(2))
	return fine{m, m}
}

func (a fine) ok() bool { return a.lo != nil }

func (a fine) neg() fine {
	if !a.ok() {
		return a
	}
	return fine{down().Neg(a.hi), up().Neg(a.lo)}
}

func (a fine) add(b fine) fine {
	if !a.ok() || !b.ok() {
		return fine{}
	}
	return fine{down().Add(a.lo, b.lo), up().Add(a.hi, b.hi)}
}

func (a fine) sub(b fine) fine { return a.add(b.neg()) }

func (a fine) mul(b fine) fine {
	if !a.ok() || !b.ok() {
		return fine{}
	}
	if a.lo.Sign() >= 0 && b.lo.Sign() >= 0 {
		return fine{down().Mul(a.lo, b.lo), up().Mul(a.hi, b.hi)}
	}
	var p fine
	for _, x := range [2]*big.Float{a.lo, a.hi} {
		for _, y := range [2]*big.Float{b.lo, b.hi} {
			l, h := down().Mul(x, y), up().Mul(x, y)
			if p.lo == nil || l.Cmp(p.lo) < 0 {
				p.lo = l
			}
			if p.hi == nil || h.Cmp(p.hi) > 0 {
				p.hi = h
			}
		}
	}
	return p
}

func (a fine) times(x float64) fine { return a.mul(exactly(x)) }

func (a fine) sqr() fine {
	if !a.ok() {
		return a
	}
	switch {
	case a.hi.Sign() <= 0:
		a = a.neg()
	case a.lo.Sign() < 0:
		b := a.neg()
		h := a.hi
		if b.hi.Cmp(h) > 0 {
			h = b.hi
		}
		return fine{down(), up().Mul(h, h)}
	}
	return fine{down().Mul(a.lo, a.lo), up().Mul(a.hi, a.hi)}
}

func (a fine) div(b fine) fine {
	switch {
	case !a.ok() || b.sign() == 0:
		return fine{}
	case b.sign() < 0:
		a, b = a.neg(), b.neg()
	}
	under, over := b.hi, b.lo // of the ends of a, if they are not negative
	if a.lo.Sign() < 0 {
		under = b.lo
	}
	if a.hi.Sign() < 0 {
		over = b.hi
	}
	return fine{down().Quo(a.lo, under), up().Quo(a.hi, over)}
}

var one = big.NewFloat(1)

// sqrt is the root of a positive interval. big.Float does not promise to round
// its root as asked; 1 − 2⁻²⁵⁰ and 1 + 2⁻²⁵⁰ times it are on the right side.
func (a fine) sqrt() fine {
	if a.sign() <= 0 {
		return fine{}
	}
	slack := new(big.Float).SetMantExp(one, -250)
	l, h := down().Sqrt(a.lo), up().Sqrt(a.hi)
	return fine{l.Mul(l, down().Sub(one, slack)), h.Mul(h, up().Add(one, slack))}
}

// hull is the smallest interval that holds a and b.
func (a fine) hull(b fine) fine {
	if !a.ok() || !b.ok() {
		return fine{}
	}
	if b.lo.Cmp(a.lo) < 0 {
		a.lo = b.lo
	}
	if b.hi.Cmp(a.hi) > 0 {
		a.hi = b.hi
	}
	return a
}

// raise is what of a is not negative, of numbers that are not.
func (a fine) raise() fine {
	if a.ok() && a.lo.Sign() < 0 && a.hi.Sign() >= 0 {
		a.lo = down()
	}
	return a
}

// sign is +1 or −1 if all of a has that sign, else 0.
func (a fine) sign() int {
	switch {
	case !a.ok():
		return 0
	case a.lo.Sign() > 0:
		return 1
	case a.hi.Sign() < 0:
		return -1
	}
	return 0
}

// isZero reports whether a is the point 0.
func (a fine) isZero() bool { return a.ok() && a.lo.Sign() == 0 && a.hi.Sign() == 0 }

// round is the narrowest float64 interval around a; all numbers for the zero fine.
func (a fine) round() interval.Interval {
	if !a.ok() {
		return interval.Entire()
	}
	return interval.New(a.low(), a.high())
}

// low is the largest float64 that is at most all of a.
func (a fine) low() float64 {
	if !a.ok() {
		return math.Inf(-1)
	}
	x, acc := a.lo.Float64()
	if acc == big.Above {
		x = math.Nextafter(x, math.Inf(-1))
	}
	return x
}

// high is the smallest float64 that is at least all of a.
func (a fine) high() float64 {
	if !a.ok() {
		return math.Inf(1)
	}
	x, acc := a.hi.Float64()
	if acc == big.Below {
		x = math.Nextafter(x, math.Inf(1))
	}
	return x
}

// within reports whether a ⊆ b.
func (a fine) within(b interval.Interval) bool {
	return a.ok() && b.Lo() <= a.low() && a.high() <= b.Hi()
}
