// Package interval computes with closed intervals of real numbers whose ends
// are float64s, and never loses a number: whatever the operands contain, the
// result contains the exact answer.
//
//	a ∘ b  ⊇  { x ∘ y : x ∈ a, y ∈ b }
//
// # Rounding
//
// Go cannot change the rounding mode, so each bound is computed to nearest
// together with the exact sign of its rounding error (TwoSum for sums; an FMA
// residual for products, quotients and roots) and moved to the neighbouring
// float64 only when the error is on the wrong side. The ends of Add, Sub, Mul,
// Sqr, Div, Inv and Sqrt are therefore the correctly rounded ones, also where
// products and quotients underflow and where anything overflows.
//
// An interval is a set of real numbers: an infinite end says that there is no
// bound, is never attained, and 0·∞ in a bound is 0. No operation yields NaN.
// A zero end has no sign.
//
// Products and sums are kept apart by explicit conversions, so that compilers
// do not fuse them: results are the same bits on every GOARCH and GOAMD64.
//
// T. J. Dekker, Numer. Math. 18 (1971), 224–242; D. E. Knuth, The Art of
// Computer Programming 2, 4.2.2; S. Boldo, S. Graillat and J.-M. Muller, ACM
// Trans. Math. Softw. 44 (2017), on TwoSum near overflow.
package interval
