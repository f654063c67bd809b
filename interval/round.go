package interval

import "math"

const (
	maxFloat = math.MaxFloat64
	signBit  = 1 << 63
)

var inf = math.Inf(1)

// The directed operations below return the largest float64 that is not above
// the exact result (Down) or the smallest that is not below it (Up).
//
// The arguments are numbers or ±Inf; a NaN is a bug of the caller and panics.
// 0·∞ is 0. Where there is no bound at all (∞ − ∞, ∞/∞, x/0) Down is −Inf and
// Up +Inf. The sign of a zero result means nothing.

// AddDown is x + y rounded down.
func AddDown(x, y float64) float64 {
	s := x + y
	e := sumError(x, y, s)
	if e-e != 0 {
		return addDownSlow(x, y)
	}
	return stepDown(s, e)
}

// AddUp is x + y rounded up.
func AddUp(x, y float64) float64 {
	s := x + y
	e := sumError(x, y, s)
	if e-e != 0 {
		return -addDownSlow(-x, -y)
	}
	return stepUp(s, e)
}

// SubDown is x − y rounded down.
func SubDown(x, y float64) float64 { return AddDown(x, -y) }

// SubUp is x − y rounded up.
func SubUp(x, y float64) float64 { return AddUp(x, -y) }

// MulDown is x y rounded down.
func MulDown(x, y float64) float64 {
	p := float64(x * y)
	if !safe(p) {
		return mulDownSlow(x, y)
	}
	return stepDown(p, math.FMA(x, y, -p))
}

// MulUp is x y rounded up.
func MulUp(x, y float64) float64 {
	p := float64(x * y)
	if !safe(p) {
		return -mulDownSlow(-x, y)
	}
	return stepUp(p, math.FMA(x, y, -p))
}

// DivDown is x/y rounded down.
func DivDown(x, y float64) float64 {
	x, y = towardPositive(x, y)
	q := x / y
	if !safe(x) || !safe(q) {
		return divDownSlow(x, y)
	}
	return stepDown(q, math.FMA(-q, y, x))
}

// DivUp is x/y rounded up.
func DivUp(x, y float64) float64 {
	x, y = towardPositive(x, y)
	q := x / y
	if !safe(x) || !safe(q) {
		return -divDownSlow(-x, y)
	}
	return stepUp(q, math.FMA(-q, y, x))
}

// SqrtDown is √x rounded down, for x ≥ 0; a negative x panics.
func SqrtDown(x float64) float64 {
	s, e := sqrt(x)
	return stepDown(s, e)
}

// SqrtUp is √x rounded up, for x ≥ 0; a negative x panics.
func SqrtUp(x float64) float64 {
	s, e := sqrt(x)
	return stepUp(s, e)
}

// sumError is x + y − s for s = fl(x + y), exactly. It is infinite or NaN when
// s is, and may be when x or y is ±MaxFloat64; it is never −0.
func sumError(x, y, s float64) float64 {
	b := s - x
	return (x - (s - b)) + (y - b)
}

// stepDown is s, or its lower neighbour if the error e = exact − s is negative.
// Then s is finite and not 0, and e is never −0.
func stepDown(s, e float64) float64 {
	b := int64(math.Float64bits(s))
	away := b>>63 | 1 // +1 for s > 0, −1 for s < 0
	return math.Float64frombits(uint64(b - away&(int64(math.Float64bits(e))>>63)))
}

// stepUp is s, or its upper neighbour if the error e = exact − s is positive.
// Then s is finite and not 0, and e is never −0.
func stepUp(s, e float64) float64 {
	b := int64(math.Float64bits(s))
	away := b>>63 | 1
	return math.Float64frombits(uint64(b + away&(-int64(math.Float64bits(e))>>63)))
}

// safe reports whether 2⁻⁹⁵⁹ ≤ |p| < ∞. Then the residual of a product p is a
// multiple of 2⁻¹⁰⁶⁵ and FMA gives it exactly, or at least its sign.
func safe(p float64) bool {
	return math.Float64bits(p)>>52&0x7ff-64 < 0x7ff-64
}

// towardPositive is x and y, both negated if y is negative.
func towardPositive(x, y float64) (float64, float64) {
	s := math.Float64bits(y) & signBit
	return math.Float64frombits(math.Float64bits(x) ^ s), math.Float64frombits(math.Float64bits(y) ^ s)
}

// below is the largest float64 less than x, for finite x or +Inf.
func below(x float64) float64 {
	if x == 0 {
		return -math.SmallestNonzeroFloat64
	}
	return stepDown(x, -1)
}

// addDownSlow is AddDown where TwoSum overflows.
func addDownSlow(x, y float64) float64 {
	refuseNaN(x, y)
	s := x + y
	switch {
	case s != s:
		return -inf
	case s-s == 0:
		// Dekker's order of the operands does not overflow.
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		return stepDown(s, y-(s-x))
	case s > 0 && x < inf && y < inf:
		return maxFloat
	}
	return s
}

// mulDownSlow is MulDown where the product is zero, underflows or overflows.
func mulDownSlow(x, y float64) float64 {
	refuseNaN(x, y)
	if x == 0 || y == 0 {
		return 0
	}
	p := float64(x * y)
	if p-p != 0 {
		if p > 0 && x-x == 0 && y-y == 0 {
			return maxFloat
		}
		return p
	}
	// x y = (h + l) 2ⁱ⁺ʲ exactly, and |p| is 0 or at most twice |x y|, so that
	// h − p 2⁻ⁱ⁻ʲ is exact too.
	f, i := math.Frexp(x)
	g, j := math.Frexp(y)
	h := float64(f * g)
	l := math.FMA(f, g, -h)
	if (h-math.Ldexp(p, -i-j))+l < 0 {
		return below(p)
	}
	return p
}

// divDownSlow is DivDown for y ≥ 0 where the quotient or the residual leaves
// the safe range.
func divDownSlow(x, y float64) float64 {
	refuseNaN(x, y)
	q := x / y
	switch {
	case y == 0 || q != q:
		return -inf
	case x == 0 || y == inf:
		return 0
	case q-q != 0:
		if q > 0 && x < inf {
			return maxFloat
		}
		return q
	}
	// |q| is 0 or at most twice |x/y|: scaled, nothing is near underflow.
	f, i := math.Frexp(x)
	g, j := math.Frexp(y)
	if math.FMA(-math.Ldexp(q, j-i), g, f) < 0 {
		return below(q)
	}
	return q
}

// sqrt is s = fl(√x) and a number with the sign of √x − s. The residual x − s²
// is exact where x is not tiny; a tiny x is scaled by an even power of two,
// which scales s exactly.
func sqrt(x float64) (s, e float64) {
	s = math.Sqrt(x)
	if x > 0x1p-900 && x <= maxFloat {
		return s, math.FMA(-s, s, x)
	}
	return s, sqrtErrorSlow(x, s)
}

func sqrtErrorSlow(x, s float64) float64 {
	refuseNaN(x, x)
	if x < 0 {
		panic("interval: root of a negative number")
	}
	if x == 0 || x == inf {
		return 0
	}
	s *= 0x1p150
	return math.FMA(-s, s, x*0x1p300)
}

func refuseNaN(x, y float64) {
	if x != x || y != y {
		panic("interval: NaN")
	}
}
