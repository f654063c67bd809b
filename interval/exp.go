package interval

import (
	"math"
	"math/bits"
)

// Exp is { eˣ : x ∈ a }.
//
// An end is computed in fixed point with an error below 2⁻¹²⁰ of it and then
// rounded outwards. That is the correctly rounded end unless eˣ is nearer than
// that to a float64, which no x ≥ 2⁻³⁰ in magnitude is; for smaller x the end may
// be one float64 further out, as for the x next below 2⁻⁵².
//
// V. Lefèvre and J.-M. Muller, Worst cases for correct rounding of the
// elementary functions in double precision, ARITH-15 (2001), 111–118: 2⁻¹¹³ is
// the nearest for |x| ≥ 2⁻³⁰, and 2⁻¹⁵⁸ for all x.
func (a Interval) Exp() Interval {
	if a.IsEmpty() {
		return a
	}
	lo, hi := expEnds(a.lo)
	if a.lo != a.hi {
		_, hi = expEnds(a.hi)
	}
	return Interval{lo, hi}
}

// expEnds is eˣ rounded down and up; x may be infinite.
func expEnds(x float64) (lo, hi float64) {
	switch {
	case x == 0:
		return 1, 1
	case x == inf:
		return inf, inf
	case x == -inf:
		return 0, 0
	case x > 800: // e⁷¹⁰ > 2¹⁰²⁴
		return maxFloat, inf
	case x < -800: // e⁻⁷⁴⁶ < 2⁻¹⁰⁷⁵
		return 0, math.SmallestNonzeroFloat64
	case x > 0 && x < 0x1p-60: // 1 is within half of the gap to its neighbours
		return 1, 1 + 0x1p-52
	case x < 0 && x > -0x1p-60:
		return 1 - 0x1p-53, 1
	}
	s, k := expFixed(x)
	return s.round(k-126, false), s.plus(uint128{0, expError}).round(k-126, true)
}

// expError bounds e^x − s 2^(k−126) for (s, k) of expFixed, in units of
// 2^(k−126), from below by 0.
//
// All errors go down. R falls short of r by at most 2 units, a coefficient of
// its true value by at most 2 and a product by 1; with s ≤ 2.1 and r < 0.7, the
// error e of Horner's sum satisfies e ≤ 2 + 1 + 2·2.1 + 0.7 e, so e < 25. The
// remainder of the series is below 0.7³³/33! · 2 < 2⁻¹³⁶, and less than 1 unit.
const expError = 32

// expFixed gives eˣ ≈ s 2^(k−126) for 2⁻⁶⁰ ≤ |x| ≤ 800, with s ≥ 2¹²⁶.
func expFixed(x float64) (s uint128, k int) {
	// x in units of 2⁻¹²⁶, modulo 2¹²⁸: r < 1 is left after subtraction.
	f, e := math.Frexp(math.Abs(x))
	fixed := uint128{0, uint64(f * 0x1p53)}.shl(uint(e - 53 + 126))
	k = int(math.Floor(float64(x * math.Log2E)))
	var r uint128
	for {
		// |k| ln 2 is in [t, t + 1] for |k| < 2¹¹, the dropped digits included.
		n := uint64(max(k, -k))
		h0, _ := bits.Mul64(n, ln2[0])
		h1, l1 := bits.Mul64(n, ln2[1])
		l1, c := bits.Add64(l1, h0, 0)
		t := uint128{n*ln2[2] + h1 + c, l1}
		r = fixed
		if x < 0 {
			r = uint128{}.minus(r)
		}
		if k < 0 {
			r = r.plus(t)
		} else {
			r = r.minus(t).minus(uint128{0, 2})
		}
		if int64(r.hi) >= 0 {
			break
		}
		k-- // the product x/ln 2 was rounded up over an integer
	}
	s = factorials[len(factorials)-1]
	for i := len(factorials) - 2; i >= 0; i-- {
		s = factorials[i].plus(r.mul(s))
	}
	return s, k
}

// ln2 is ⌊2¹⁹⁰ ln 2⌋, lowest digits first.
var ln2 = [3]uint64{0xd03cd0c99ca62d8b, 0xf278ece600fcbdab, 0x2c5c85fdf473de6a}

// factorials holds 1/i! in units of 2⁻¹²⁶, at most 2 units too small.
var factorials = func() (c [33]uint128) {
	c[0].hi = 1 << 62
	for i := uint64(1); i < uint64(len(c)); i++ {
		hi, rem := c[i-1].hi/i, c[i-1].hi%i
		lo, _ := bits.Div64(rem, c[i-1].lo, i)
		c[i] = uint128{hi, lo}
	}
	return c
}()

// A uint128 is hi 2⁶⁴ + lo; sums are modulo 2¹²⁸.
type uint128 struct{ hi, lo uint64 }

func (a uint128) plus(b uint128) uint128 {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	return uint128{a.hi + b.hi + c, lo}
}

func (a uint128) minus(b uint128) uint128 {
	lo, c := bits.Sub64(a.lo, b.lo, 0)
	return uint128{a.hi - b.hi - c, lo}
}

func (a uint128) shl(n uint) uint128 {
	if n >= 64 {
		return uint128{a.lo << (n - 64), 0}
	}
	return uint128{a.hi<<n | a.lo>>(64-n), a.lo << n}
}

// mul is ⌊a b 2⁻¹²⁶⌋ for a b < 2²⁵⁴.
func (a uint128) mul(b uint128) uint128 {
	h3, h2 := bits.Mul64(a.hi, b.hi)
	m1, l1 := bits.Mul64(a.hi, b.lo)
	m2, l2 := bits.Mul64(a.lo, b.hi)
	c0, _ := bits.Mul64(a.lo, b.lo)
	l, c := bits.Add64(l1, l2, 0)
	h2, d := bits.Add64(h2, m1, c)
	h3 += d
	l, c = bits.Add64(l, c0, 0)
	h2, d = bits.Add64(h2, m2, c)
	h3 += d
	return uint128{h3<<2 | h2>>62, h2<<2 | l>>62}
}

// round is a 2ᵉ rounded up or down, for a ≥ 2¹²⁶.
func (a uint128) round(e int, up bool) float64 {
	n := 64 + bits.Len64(a.hi)
	if n+e > 1024 {
		if up {
			return inf
		}
		return maxFloat
	}
	// The last bit kept is 2ᵗ; of a subnormal number it is 2⁻¹⁰⁷⁴. At least
	// 127 − 53 bits are dropped.
	t := max(n+e-53, -1074)
	drop := uint(t - e)
	m := uint64(0)
	if drop < 128 {
		m = a.hi >> (drop - 64)
	}
	if up {
		m++ // the bits dropped are not all 0, but for a chance of 2⁻⁷⁰
	}
	return math.Ldexp(float64(m), t)
}
