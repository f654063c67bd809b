package interval

import (
	"fmt"
	"math"
)

// An Interval is a closed set of real numbers [lo, hi], possibly unbounded, or
// empty. The zero Interval is [0, 0].
//
// Intervals are compared with ==, which is equality of sets.
type Interval struct {
	lo, hi float64 // lo ≤ hi, lo < +Inf, hi > −Inf; or +Inf, −Inf when empty
}

// Of is the point x. It panics if x is NaN or infinite.
func Of(x float64) Interval {
	if x-x != 0 {
		notReal(x)
	}
	return Interval{x, x}
}

// notReal is apart so that Of goes in line.
//
//go:noinline
func notReal(x float64) { panic(fmt.Sprintf("interval: %v is not a real number", x)) }

// New is [lo, hi]. An end may be infinite: New(0, +Inf) is the half-line. It
// panics unless lo ≤ hi, lo < +Inf and hi > −Inf; so also if either is NaN.
func New(lo, hi float64) Interval {
	if !(lo <= hi && lo < inf && hi > -inf) {
		panic(fmt.Sprintf("interval: no interval from %v to %v", lo, hi))
	}
	return Interval{lo, hi}
}

// Empty is the empty set.
func Empty() Interval { return Interval{inf, -inf} }

// Entire is the set of all real numbers.
func Entire() Interval { return Interval{-inf, inf} }

// Lo is the lower end; −Inf if there is none, +Inf if a is empty.
func (a Interval) Lo() float64 { return a.lo + 0 } // −0 + 0 = 0

// Hi is the upper end; +Inf if there is none, −Inf if a is empty.
func (a Interval) Hi() float64 { return a.hi + 0 }

// IsEmpty reports whether a has no number.
func (a Interval) IsEmpty() bool { return a.lo > a.hi }

// IsPoint reports whether a is one number.
func (a Interval) IsPoint() bool { return a.lo == a.hi }

// IsBounded reports whether both ends are finite. The empty set is bounded.
func (a Interval) IsBounded() bool { return a.lo-a.lo == 0 && a.hi-a.hi == 0 || a.IsEmpty() }

// Contains reports whether the real number x is in a; ±Inf and NaN are in none.
func (a Interval) Contains(x float64) bool { return a.lo <= x && x <= a.hi && x-x == 0 }

// Subset reports whether a ⊆ b. The empty set is a subset of all.
func (a Interval) Subset(b Interval) bool { return b.lo <= a.lo && a.hi <= b.hi }

// Interior reports whether a lies in the interior of b: b has room on both
// sides, or no end there.
func (a Interval) Interior(b Interval) bool {
	return (b.lo < a.lo || b.lo == -inf) && (a.hi < b.hi || b.hi == inf) || a.IsEmpty()
}

// Disjoint reports whether a and b have no number in common.
func (a Interval) Disjoint(b Interval) bool { return max(a.lo, b.lo) > min(a.hi, b.hi) }

// Intersect is a ∩ b.
func (a Interval) Intersect(b Interval) Interval {
	lo, hi := max(a.lo, b.lo), min(a.hi, b.hi)
	if lo > hi {
		return Empty()
	}
	return Interval{lo, hi}
}

// Hull is the smallest interval that contains a and b.
func (a Interval) Hull(b Interval) Interval {
	return Interval{min(a.lo, b.lo), max(a.hi, b.hi)}
}

// Mid is a finite number of a: the midpoint to nearest if a is bounded, 0 if a
// is unbounded and has 0 inside, and otherwise 2x ± 1 from the only end x, away
// from 0. It panics if a is empty.
func (a Interval) Mid() float64 {
	lo, hi := a.lo, a.hi
	switch {
	case lo > hi:
		panic("interval: the empty set has no midpoint")
	case lo == -inf && hi > 0 || hi == inf && lo < 0:
		return 0
	case lo == -inf:
		return max(float64(2*hi)-1, -maxFloat)
	case hi == inf:
		return min(float64(2*lo)+1, maxFloat)
	}
	s := lo + hi
	if s-s != 0 {
		return float64(0.5*lo) + float64(0.5*hi)
	}
	return 0.5 * s
}

// Width is hi − lo, rounded up; 0 if a is empty.
func (a Interval) Width() float64 {
	if a.IsEmpty() {
		return 0
	}
	return SubUp(a.hi, a.lo)
}

// Mag is the largest |x| of a; 0 if a is empty.
func (a Interval) Mag() float64 {
	if a.IsEmpty() {
		return 0
	}
	return max(math.Abs(a.lo), math.Abs(a.hi))
}

// Mig is the smallest |x| of a; +Inf if a is empty.
func (a Interval) Mig() float64 {
	switch {
	case a.lo > 0:
		return a.lo
	case a.hi < 0:
		return -a.hi
	}
	return 0
}

// Sign is +1 if all of a is positive, −1 if all of it is negative, and 0 if
// that is undecided or a is zero or empty.
func (a Interval) Sign() int {
	switch {
	case a.Positive():
		return 1
	case a.Negative():
		return -1
	}
	return 0
}

// Positive reports whether a is not empty and all of it is above 0.
func (a Interval) Positive() bool { return a.lo > 0 && a.lo <= a.hi }

// Negative reports whether a is not empty and all of it is below 0.
func (a Interval) Negative() bool { return a.hi < 0 && a.lo <= a.hi }
