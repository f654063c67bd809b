package interval

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
)

// An oracle decides in exact arithmetic on which side of a float64 a result
// lies. It keeps its numbers, which are expensive to allocate.
type oracle struct{ x, y, z, w big.Float }

func newOracle() *oracle {
	o := new(oracle)
	o.x.SetPrec(53)
	o.y.SetPrec(53)
	o.z.SetPrec(2200) // a sum of float64s spans at most 2¹⁰²⁵ … 2⁻¹⁰⁷⁴
	o.w.SetPrec(2200)
	return o
}

// An exact is one result: x op y, for op in "+-*/", or √x or x² for 'r', 's'.
// An infinite x or y is a limit: 0·∞ is 0, ∞/∞ is 0, and x/0 has the sign of x,
// as for a positive divisor that shrinks.
type exact struct {
	op   byte
	x, y float64
}

// sign is that of e − d, where d may be infinite.
func (o *oracle) sign(e exact, d float64) int {
	if v, ok := e.limit(); ok {
		switch {
		case v > d:
			return 1
		case v < d:
			return -1
		}
		return 0
	}
	if math.IsInf(d, 0) {
		return -int(math.Copysign(1, d))
	}
	o.x.SetFloat64(e.x)
	o.y.SetFloat64(e.y)
	switch e.op {
	case '+':
		return o.z.Add(&o.x, &o.y).Cmp(o.w.SetFloat64(d))
	case '-':
		return o.z.Sub(&o.x, &o.y).Cmp(o.w.SetFloat64(d))
	case '*':
		return o.z.Mul(&o.x, &o.y).Cmp(o.w.SetFloat64(d))
	case 's':
		return o.z.Mul(&o.x, &o.x).Cmp(o.w.SetFloat64(d))
	case '/':
		o.w.SetFloat64(d)
		return o.x.Cmp(o.z.Mul(&o.w, &o.y)) * o.y.Sign()
	case 'r':
		if d < 0 {
			return 1
		}
		o.w.SetFloat64(d)
		return o.x.Cmp(o.z.Mul(&o.w, &o.w))
	}
	panic("no such operation")
}

func (e exact) limit() (v float64, ok bool) {
	switch x, y := e.x, e.y; e.op {
	case '*':
		if x == 0 || y == 0 {
			return 0, true
		}
		return x * y, math.IsInf(x, 0) || math.IsInf(y, 0)
	case '/':
		switch {
		case x == 0 || math.IsInf(y, 0):
			return 0, true
		case y == 0:
			return math.Inf(int(math.Copysign(1, x))), true
		}
		return x / y, math.IsInf(x, 0)
	case '+':
		return x + y, math.IsInf(x, 0) || math.IsInf(y, 0)
	case '-':
		return x - y, math.IsInf(x, 0) || math.IsInf(y, 0)
	case 's':
		return x * x, math.IsInf(x, 0)
	}
	return e.x, math.IsInf(e.x, 0)
}

func above(x float64) float64 { return math.Nextafter(x, math.Inf(1)) }
func under(x float64) float64 { return math.Nextafter(x, math.Inf(-1)) }

// A verdict orders failures: an interval that misses a number is wrong, one
// that is wider than necessary is only loose.
type verdict int

const (
	tight verdict = iota
	loose
	wrong
)

// judge compares got with the hull of the exact results; none is the empty set.
func (o *oracle) judge(got Interval, results []exact) verdict {
	lo, hi := got.lo, got.hi
	if len(results) == 0 {
		if got != Empty() {
			return loose
		}
		return tight
	}
	if !(lo <= hi && lo < inf && hi > -inf) {
		return wrong
	}
	tightLo, tightHi := false, false
	for _, e := range results {
		if o.sign(e, lo) < 0 || o.sign(e, hi) > 0 {
			return wrong
		}
		tightLo = tightLo || lo == -inf && o.sign(e, lo) == 0 || o.sign(e, above(lo)) < 0
		tightHi = tightHi || hi == inf && o.sign(e, hi) == 0 || o.sign(e, under(hi)) > 0
	}
	if !tightLo || !tightHi {
		return loose
	}
	return tight
}

// corners are the exact results between the ends of a and b, whose hull is
// a op b by monotony.
func corners(op byte, a, b Interval) []exact {
	if a.IsEmpty() || b.IsEmpty() && op != 'r' && op != 's' {
		return nil
	}
	switch op {
	case 'r':
		if a.hi < 0 {
			return nil
		}
		return []exact{{op, math.Max(a.lo, 0), 0}, {op, a.hi, 0}}
	case 's':
		r := []exact{{op, a.lo, 0}, {op, a.hi, 0}}
		if a.Contains(0) {
			r = append(r, exact{op, 0, 0})
		}
		return r
	case '/':
		// Positive and negative divisors apart; those are turned positive.
		r := quotients(a.lo, a.hi, math.Max(b.lo, 0), b.hi)
		return append(r, quotients(-a.hi, -a.lo, math.Max(-b.hi, 0), -b.lo)...)
	case '+':
		return []exact{{op, a.lo, b.lo}, {op, a.hi, b.hi}}
	case '-':
		return []exact{{op, a.lo, b.hi}, {op, a.hi, b.lo}}
	}
	return []exact{{op, a.lo, b.lo}, {op, a.lo, b.hi}, {op, a.hi, b.lo}, {op, a.hi, b.hi}}
}

func quotients(xlo, xhi, ylo, yhi float64) []exact {
	if yhi <= 0 {
		return nil
	}
	return []exact{{'/', xlo, ylo}, {'/', xlo, yhi}, {'/', xhi, ylo}, {'/', xhi, yhi}}
}

// special holds the float64s where something changes: of the format, and of
// this package's own thresholds.
var special = func() (s []float64) {
	for _, x := range []float64{
		0, 1, 2, 3, 0.1, 1.5,
		math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64, 0x1p1023, 0x1p1022,
		0x1p-959, 0x1p-960, 0x1p-969, 0x1p-900, 0x1p-537, 0x1p-511, 0x1p512, 0x1p511, 0x1p970, 0x1p969,
		0x1p53, 0x1p-53, 0x1p-52, 0x1p52, math.Sqrt(math.MaxFloat64),
	} {
		for _, y := range []float64{x, above(x), under(x)} {
			if !math.IsInf(y, 0) {
				s = append(s, y, -y)
			}
		}
	}
	return s
}()

func random64(r *rand.Rand) float64 {
	for {
		if x := math.Float64frombits(r.Uint64()); x-x == 0 {
			return x
		}
	}
}

// number is any finite float64, with a preference for those that do harm.
func number(r *rand.Rand) float64 {
	switch r.IntN(12) {
	case 0, 1:
		return special[r.IntN(len(special))]
	case 2:
		return float64(r.IntN(41) - 20)
	case 3, 4:
		return r.NormFloat64()
	case 5: // subnormal
		return math.Float64frombits(r.Uint64() & (signBit | 1<<52 - 1))
	case 6: // few bits
		return math.Ldexp(float64(r.IntN(64)-32), r.IntN(2092)-1074)
	case 7: // huge
		return math.Ldexp(r.NormFloat64()/8, 1020+r.IntN(4))
	}
	return random64(r)
}

// partner is a finite float64 that meets x where an operation has an edge: in
// cancellation, at underflow and at overflow.
func partner(r *rand.Rand, x float64) float64 {
	_, e := math.Frexp(x)
	y := r.Float64() + 0.5
	if r.IntN(2) == 0 {
		y = -y
	}
	if r.IntN(4) == 0 {
		y = math.Copysign(float64(r.IntN(8)+1), y)
	}
	switch r.IntN(8) {
	case 0: // nearly −x or x
		y = math.Float64frombits(math.Float64bits(x) + uint64(r.IntN(5)) - 2)
		if r.IntN(2) == 0 {
			y = -y
		}
	case 1: // within the reach of rounding of x
		y = math.Ldexp(y, e-45-r.IntN(12))
	case 2: // product underflows, or nearly
		y = math.Ldexp(y, -1080+r.IntN(130)-e)
	case 3: // product overflows, or nearly
		y = math.Ldexp(y, 1020+r.IntN(6)-e)
	case 4: // quotient underflows, or nearly
		y = math.Ldexp(y, e+1080-r.IntN(130))
	case 5: // quotient overflows, or nearly
		y = math.Ldexp(y, e-1020-r.IntN(6))
	default:
		return number(r)
	}
	if y-y != 0 {
		return number(r)
	}
	return y
}

// between is any interval from the two numbers, or one of the special sets.
func between(r *rand.Rand, x, y float64) Interval {
	switch r.IntN(24) {
	case 0, 1, 2, 3, 4, 5:
		return Of(x)
	case 6:
		return New(x, math.Inf(1))
	case 7:
		return New(math.Inf(-1), x)
	case 8:
		return Entire()
	case 9:
		return Empty()
	case 10:
		return New(min(x, 0), max(x, 0))
	case 11, 12, 13, 14:
		if z := math.Float64frombits(math.Float64bits(x) + uint64(r.IntN(4))); z-z == 0 {
			return New(min(x, z), max(x, z))
		}
	}
	return New(min(x, y), max(x, y))
}

func (v verdict) String() string { return [...]string{"tight", "loose", "wrong"}[v] }

func (e exact) String() string { return fmt.Sprintf("%x %c %x", e.x, e.op, e.y) }
