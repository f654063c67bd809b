package interval

import (
	"math"
	"testing"
)

// FuzzOps judges every operation on the intervals between two pairs of numbers
// by exact arithmetic. An infinite number is no end; NaN stands for the empty
// set.
func FuzzOps(f *testing.F) {
	for i, x := range special {
		n := len(special)
		f.Add(x, special[(i*7+1)%n], special[(i*11+2)%n], special[(i*13+3)%n])
		f.Add(x, x, special[(i*5+1)%n], special[(i*5+1)%n])
	}
	f.Add(inf, 1.0, -inf, 2.0)
	f.Add(math.NaN(), 1.0, -3.0, 2.0)
	f.Add(-3*0x1p970, -3*0x1p970, maxFloat, maxFloat) // TwoSum overflows inside
	f.Fuzz(func(t *testing.T, x, z, y, w float64) {
		a, b := ordered(x, z), ordered(y, w)
		oracle := newOracle()
		for _, o := range operations {
			a, b := a, b
			if o.points {
				if a.IsEmpty() || b.IsEmpty() {
					continue
				}
				p, q := a.Mid(), b.Mid()
				if o.op == 'r' {
					p = math.Abs(p)
				}
				if o.op == '/' && q == 0 {
					continue
				}
				a, b = Of(p), Of(q)
			}
			got := o.f(a, b)
			if v := oracle.judge(got, corners(o.op, a, b)); v != tight {
				t.Errorf("%s of %v and %v: %v is %v", o.name, a, b, got, v)
			}
		}
		for _, x := range [2]float64{a.lo, a.hi} {
			if math.Abs(x) < 0x1p-400 || math.Abs(x) > 800 {
				continue
			}
			got, e := a.Exp(), expBig(x)
			if expSign(t, e, got.lo) < 0 || expSign(t, e, got.hi) > 0 {
				t.Errorf("exp %v = %v misses exp(%v) = %.30g", a, got, x, e)
			}
		}
		if !a.IsEmpty() && !a.Contains(a.Mid()) {
			t.Errorf("mid of %v is %v", a, a.Mid())
		}
		c := a
		if text, err := a.MarshalJSON(); err != nil || c.UnmarshalJSON(text) != nil || c != a {
			t.Errorf("%v reads back as %v", a, c)
		}
	})
}

func ordered(x, y float64) Interval {
	if x != x || y != y {
		return Empty()
	}
	lo, hi := min(x, y), max(x, y)
	if lo == inf || hi == -inf {
		return Entire()
	}
	return New(lo, hi)
}
