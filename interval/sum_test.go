package interval

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactDot is Σ f(xᵢ, yᵢ) without rounding: products span 2²⁰⁴⁸ … 2⁻²¹⁴⁸.
func exactDot(x, y []Interval, f func(a, b Interval) (u, v float64)) *big.Float {
	s, p := new(big.Float).SetPrec(4400), new(big.Float).SetPrec(106)
	for i := range x {
		u, v := f(x[i], y[i])
		s.Add(s, p.Mul(big.NewFloat(u), big.NewFloat(v)))
	}
	return s
}

// minimal and maximal are the products at the ends of a b, exactly.
func minimal(a, b Interval) (u, v float64) {
	var least *big.Float
	for _, e := range corners('*', a, b) {
		p := new(big.Float).SetPrec(106).Mul(big.NewFloat(e.x), big.NewFloat(e.y))
		if least == nil || p.Cmp(least) < 0 {
			least, u, v = p, e.x, e.y
		}
	}
	return u, v
}

func maximal(a, b Interval) (u, v float64) {
	u, v = minimal(a.Neg(), b)
	return -u, v
}

// vectors are of one kind each: points, definite signs, zeros among them, wide
// ones with both signs, huge cancellation, the whole range.
func vectors(r *rand.Rand, n, kind int) []Interval {
	x := make([]Interval, n)
	for i := range x {
		c := r.NormFloat64()
		switch kind {
		case 0:
			x[i] = Of(c)
		case 1:
			x[i] = New(c, c+math.Abs(c)*0x1p-40)
		case 2:
			x[i] = Of(float64(r.IntN(3) - 1))
		case 3:
			x[i] = New(c-r.Float64(), c+r.Float64())
		case 4:
			x[i] = Of(math.Ldexp(c, 100-r.IntN(200)))
		case 5:
			x[i] = New(-math.Abs(c), math.Abs(c)) // products tie
		case 6:
			y := number(r)
			x[i] = New(min(c, y), max(c, y))
		case 7:
			x[i] = Of(math.Ldexp(c, -500-r.IntN(60)))
		case 8:
			// Ends whose products round alike and are not the same.
			x[i] = New(-1-0x1p-52*float64(r.IntN(1<<20)), 1+0x1p-52*float64(r.IntN(1<<20)))
		}
	}
	return x
}

const kinds = 9

// Containment first, then: within an ulp or so of the exact ends, or of what
// cancels in twice the precision. Dot and rows made ready for it, both.
func TestDot(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 1))
	long := 0
	for range trials() / 50 {
		n := r.IntN(2 * prepared)
		x, y := vectors(r, n, r.IntN(kinds)), vectors(r, n, r.IntN(kinds))
		lo, hi := exactDot(x, y, minimal), exactDot(x, y, maximal)
		row, col := Matrix{1, n, x}, Matrix{1, n, y}
		if n >= prepared {
			long++
		}
		for i, got := range []Interval{Dot(x, y), row.MulNT(col).At(0, 0)} {
			if got.lo > -inf && lo.Cmp(big.NewFloat(got.lo)) < 0 || got.hi < inf && hi.Cmp(big.NewFloat(got.hi)) > 0 {
				t.Fatalf("%d: %v · %v = %v misses [%.20g, %.20g]", i, x, y, got, lo, hi)
			}
			size := 0.0
			for i := range x {
				size = AddUp(size, MulUp(x[i].Mag(), y[i].Mag()))
			}
			if size < 1e-290 || size > 1e290 || got == termByTerm(x, y) {
				continue
			}
			for _, e := range []struct {
				want *big.Float
				got  float64
			}{{lo, got.lo}, {hi, got.hi}} {
				d, _ := new(big.Float).Sub(e.want, big.NewFloat(e.got)).Float64()
				if tol := math.Abs(e.got)*0x1p-52 + size*0x1p-90; math.Abs(d) > tol {
					t.Fatalf("%d: %v · %v = %v is %v away from [%.20g, %.20g]", i, x, y, got, d, lo, hi)
				}
			}
		}
	}
	if long == 0 {
		t.Error("no long row")
	}
}

func termByTerm(x, y []Interval) Interval {
	var s Interval
	for i := range x {
		s = s.Add(x[i].Mul(y[i]))
	}
	return s
}

// Of two products that round alike, the smaller is taken: (1 + i u)(1 + l u) and
// (1 + j u)(1 + k u) with i + l = j + k differ in u² only, which remains after
// the rest is subtracted.
func TestDotTellsTiesApart(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 1))
	for range 2000 {
		i, j, k := r.IntN(64), r.IntN(64), r.IntN(64)
		l := j + k - i
		end := func(i int) float64 { return 1 + float64(i)*0x1p-52 }
		x := []Interval{New(-end(i), end(j)), Of(end(j + k))}
		y := []Interval{New(-end(k), end(l)), Of(1)}
		got := Dot(x, y)
		lo := exactDot(x, y, minimal)
		if lo.Cmp(big.NewFloat(got.lo)) < 0 {
			t.Fatalf("%v · %v = %v misses %.20g", x, y, got, lo)
		}
	}
}

// What cancels is known to 2⁻¹⁰⁰ of the terms, where intervals summed in order
// keep the width of the largest intermediate, 2⁻⁵³.
func TestDotCancels(t *testing.T) {
	x := FromFloats(1, 4, []float64{1e8, 0.1, -1e8, 1}).Data
	y := FromFloats(1, 4, []float64{1e8, 3, 1e8, -0.3}).Data
	want, _ := exactDot(x, y, minimal).Float64()
	got := Dot(x, y)
	if !got.Contains(want) || got.Width() > 2e16*0x1p-100 {
		t.Errorf("%v, want %v", got, want)
	}
	if slow := termByTerm(x, y); !got.Interior(slow) {
		t.Errorf("%v is not inside %v", got, slow)
	}
	if got, want := Dot(nil, nil), (Interval{}); got != want {
		t.Errorf("empty: %v", got)
	}
}

// Ends that are exact or nearly; and what has no compensated sum.
func TestSum(t *testing.T) {
	for _, tt := range []struct {
		x    []Interval
		want Interval
	}{
		{nil, Of(0)},
		{[]Interval{Of(1), New(2, 3), Of(-5)}, New(-2, -1)},
		{[]Interval{Of(0x1p60), Of(1), Of(-0x1p60)}, Of(1)},
		{[]Interval{Of(0.1), Of(0.2)}, Of(0.1).Add(Of(0.2))},
		{[]Interval{Of(1), Empty(), Of(2)}, Empty()},
		{[]Interval{Of(1), New(2, inf), Of(2)}, New(5, inf)},
		{[]Interval{New(-inf, 2), New(2, inf), Of(2)}, Entire()},
		{[]Interval{New(2, inf), Empty()}, Empty()},
		{[]Interval{Of(maxFloat), Of(maxFloat)}, New(maxFloat, inf)},
		{[]Interval{Of(maxFloat), Of(0x1p970)}, New(maxFloat, inf)},
	} {
		got := Sum(tt.x)
		if !tt.want.Subset(got) || got.Width() > tt.want.Width()+0x1p-49 && tt.want.IsBounded() {
			t.Errorf("Σ %v = %v, want %v", tt.x, got, tt.want)
		}
		if empty := got.IsEmpty(); empty != tt.want.IsEmpty() {
			t.Errorf("Σ %v = %v, want %v", tt.x, got, tt.want)
		}
	}
}
