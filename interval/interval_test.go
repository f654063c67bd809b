package interval

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestConstructorsRefuse(t *testing.T) {
	nan := math.NaN()
	for name, f := range map[string]func(){
		"Of(NaN)":       func() { Of(nan) },
		"Of(+Inf)":      func() { Of(inf) },
		"Of(-Inf)":      func() { Of(-inf) },
		"New(NaN, 1)":   func() { New(nan, 1) },
		"New(1, NaN)":   func() { New(1, nan) },
		"New(2, 1)":     func() { New(2, 1) },
		"New(Inf, Inf)": func() { New(inf, inf) },
		"New(-∞, -∞)":   func() { New(-inf, -inf) },
		"AddFloat(NaN)": func() { Of(1).AddFloat(nan) },
		"AddFloat(Inf)": func() { Of(1).AddFloat(inf) },
		"Scale(NaN)":    func() { Of(1).Scale(nan) },
		"Scale(Inf)":    func() { Of(1).Scale(inf) },
		"Scale(Inf) 0":  func() { Of(0).Scale(inf) },
		"AddDown":       func() { AddDown(nan, 1) },
		"AddUp":         func() { AddUp(1, nan) },
		"MulDown":       func() { MulDown(0, nan) },
		"MulUp":         func() { MulUp(nan, inf) },
		"DivDown":       func() { DivDown(nan, 0) },
		"DivUp":         func() { DivUp(0, nan) },
		"SqrtDown":      func() { SqrtDown(nan) },
		"SqrtUp":        func() { SqrtUp(-1) },
		"Mid of none":   func() { Empty().Mid() },
	} {
		panics(t, name, f)
	}
	if a := New(-inf, inf); a != Entire() {
		t.Errorf("%v", a)
	}
	if (Interval{}) != Of(0) || Of(math.Copysign(0, -1)) != Of(0) {
		t.Error("zero")
	}
	if x := Of(math.Copysign(0, -1)); math.Signbit(x.Lo()) || math.Signbit(x.Hi()) {
		t.Error("−0 shows")
	}
}

// Relations and measures, each worked by hand. Unbounded and empty sets are
// among them: the empty set is in all, and disjoint from all.
func TestSets(t *testing.T) {
	e, all := Empty(), Entire()
	for _, tt := range []struct {
		a, b                       Interval
		subset, interior, disjoint bool
		intersection, hull         Interval
	}{
		{New(1, 2), New(0, 3), true, true, false, New(1, 2), New(0, 3)},
		{New(0, 3), New(1, 2), false, false, false, New(1, 2), New(0, 3)},
		{New(0, 2), New(0, 3), true, false, false, New(0, 2), New(0, 3)},
		{New(0, 2), New(2, 3), false, false, false, Of(2), New(0, 3)},
		{New(0, 2), New(3, 4), false, false, true, e, New(0, 4)},
		{New(0, inf), New(0, inf), true, false, false, New(0, inf), New(0, inf)},
		{New(1, inf), New(0, inf), true, true, false, New(1, inf), New(0, inf)},
		{all, all, true, true, false, all, all},
		{Of(1), Of(1), true, false, false, Of(1), Of(1)},
		{e, New(1, 2), true, true, true, e, New(1, 2)},
		{New(1, 2), e, false, false, true, e, New(1, 2)},
		{e, e, true, true, true, e, e},
		{e, all, true, true, true, e, all},
		{all, e, false, false, true, e, all},
	} {
		if tt.a.Subset(tt.b) != tt.subset || tt.a.Interior(tt.b) != tt.interior || tt.a.Disjoint(tt.b) != tt.disjoint {
			t.Errorf("%v, %v: subset %v, interior %v, disjoint %v", tt.a, tt.b, tt.a.Subset(tt.b), tt.a.Interior(tt.b), tt.a.Disjoint(tt.b))
		}
		if got := tt.a.Intersect(tt.b); got != tt.intersection {
			t.Errorf("%v ∩ %v = %v", tt.a, tt.b, got)
		}
		if got := tt.a.Hull(tt.b); got != tt.hull {
			t.Errorf("hull of %v, %v = %v", tt.a, tt.b, got)
		}
	}
	for _, tt := range []struct {
		a                     Interval
		mid, width, mag, mig  float64
		sign                  int
		empty, point, bounded bool
		abs, neg              Interval
	}{
		{New(1, 4), 2.5, 3, 4, 1, 1, false, false, true, New(1, 4), New(-4, -1)},
		{New(-4, -1), -2.5, 3, 4, 1, -1, false, false, true, New(1, 4), New(1, 4)},
		{New(-4, 1), -1.5, 5, 4, 0, 0, false, false, true, New(0, 4), New(-1, 4)},
		{New(-1, 4), 1.5, 5, 4, 0, 0, false, false, true, New(0, 4), New(-4, 1)},
		{New(0, 1), 0.5, 1, 1, 0, 0, false, false, true, New(0, 1), New(-1, 0)},
		{New(-1, 0), -0.5, 1, 1, 0, 0, false, false, true, New(0, 1), New(0, 1)},
		{Of(0), 0, 0, 0, 0, 0, false, true, true, Of(0), Of(0)},
		{Of(-3), -3, 0, 3, 3, -1, false, true, true, Of(3), Of(3)},
		{New(2, inf), 5, inf, inf, 2, 1, false, false, false, New(2, inf), New(-inf, -2)},
		{New(-inf, -2), -5, inf, inf, 2, -1, false, false, false, New(2, inf), New(2, inf)},
		{New(-inf, 2), 0, inf, inf, 0, 0, false, false, false, New(0, inf), New(-2, inf)},
		{New(0, inf), 1, inf, inf, 0, 0, false, false, false, New(0, inf), New(-inf, 0)},
		{New(maxFloat, inf), maxFloat, inf, inf, maxFloat, 1, false, false, false, New(maxFloat, inf), New(-inf, -maxFloat)},
		{New(-inf, -maxFloat), -maxFloat, inf, inf, maxFloat, -1, false, false, false, New(maxFloat, inf), New(maxFloat, inf)},
		{Entire(), 0, inf, inf, 0, 0, false, false, false, New(0, inf), Entire()},
		{New(-maxFloat, maxFloat), 0, inf, maxFloat, 0, 0, false, false, true, New(0, maxFloat), New(-maxFloat, maxFloat)},
		{New(0x1p1023, maxFloat), 0x1.8p1023, 0x1.ffffffffffffep1022, maxFloat, 0x1p1023, 1, false, false, true, New(0x1p1023, maxFloat), New(-maxFloat, -0x1p1023)},
		{New(0x1p-1074, 0x2p-1074), 0x2p-1074, 0x1p-1074, 0x2p-1074, 0x1p-1074, 1, false, false, true, New(0x1p-1074, 0x2p-1074), New(-0x2p-1074, -0x1p-1074)},
		{New(0, 0x1p-1074), 0, 0x1p-1074, 0x1p-1074, 0, 0, false, false, true, New(0, 0x1p-1074), New(-0x1p-1074, 0)},
	} {
		a := tt.a
		if m := a.Mid(); m != tt.mid || !a.Contains(m) {
			t.Errorf("mid of %v is %v, want %v", a, m, tt.mid)
		}
		if a.Width() != tt.width || a.Mag() != tt.mag || a.Mig() != tt.mig {
			t.Errorf("%v: width %v, magnitude %v, mignitude %v", a, a.Width(), a.Mag(), a.Mig())
		}
		if a.Sign() != tt.sign || a.Positive() != (tt.sign > 0) || a.Negative() != (tt.sign < 0) {
			t.Errorf("%v: sign %d", a, a.Sign())
		}
		if a.IsEmpty() != tt.empty || a.IsPoint() != tt.point || a.IsBounded() != tt.bounded {
			t.Errorf("%v: empty %v, point %v, bounded %v", a, a.IsEmpty(), a.IsPoint(), a.IsBounded())
		}
		if a.Abs() != tt.abs || a.Neg() != tt.neg {
			t.Errorf("%v: abs %v, neg %v", a, a.Abs(), a.Neg())
		}
	}
	// Nothing is proved by the empty set.
	if e.Sign() != 0 || e.Positive() || e.Negative() || !e.IsEmpty() || e.IsPoint() || !e.IsBounded() ||
		e.Width() != 0 || e.Mag() != 0 || e.Mig() != inf || e.Lo() != inf || e.Hi() != -inf || e.Neg() != e || e.Abs() != e {
		t.Error("empty set")
	}
	for _, x := range []float64{inf, -inf, math.NaN()} {
		if all.Contains(x) || e.Contains(x) || New(0, inf).Contains(x) {
			t.Errorf("%v is a real number", x)
		}
	}
	if !all.Contains(maxFloat) || !New(1, 2).Contains(2) || New(1, 2).Contains(above(2)) || e.Contains(0) {
		t.Error("Contains")
	}
}

// Mid is inside, and halves: neither half is wider than half of a, rounded up.
func TestMidInside(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 1))
	for range trials() {
		x := number(r)
		a := between(r, x, partner(r, x))
		if a.IsEmpty() {
			continue
		}
		m := a.Mid()
		if !a.Contains(m) {
			t.Fatalf("%v is not in %v", m, a)
		}
		if w := a.Width(); a.IsBounded() && w < inf {
			half := max(SubUp(a.hi, m), SubUp(m, a.lo))
			// The midpoint rounds by half an ulp of a.
			if limit := AddUp(AddUp(w/2, a.Mag()*0x1p-53), 0x1p-1074); half > limit {
				t.Fatalf("half of %v at %v is %v wide, above %v", a, m, half, limit)
			}
		}
	}
}

func TestBox(t *testing.T) {
	b := Box{New(0, 1), New(-2, 6), Of(3)}
	if b.IsEmpty() || !(Box{New(0, 1), Empty()}).IsEmpty() || (Box{}).IsEmpty() {
		t.Error("IsEmpty")
	}
	if m := b.Mid(); m[0] != 0.5 || m[1] != 2 || m[2] != 3 || !b.Contains(m) {
		t.Errorf("Mid %v", m)
	}
	if b.Contains([]float64{0.5, 7, 3}) || b.Width() != 8 || b.Widest() != 1 || (Box{}).Width() != 0 {
		t.Error("Contains, Width or Widest")
	}
	if k := (Box{New(0, 1), New(4, 5)}).Widest(); k != 0 {
		t.Errorf("of equals %d is taken", k)
	}
	lower, upper := b.Split(1)
	if lower[1] != New(-2, 2) || upper[1] != New(2, 6) || lower[0] != b[0] || upper[2] != b[2] || b[1] != New(-2, 6) {
		t.Errorf("Split: %v and %v of %v", lower, upper, b)
	}
	if !lower.Subset(b) || b.Subset(lower) || lower.Interior(b) || !(Box{New(1, 2)}).Interior(Box{New(0, 3)}) {
		t.Error("Subset or Interior")
	}
	if none := (Box{Empty(), New(0, 9), Of(3)}); !none.Subset(b) || !none.Interior(b) || b.Subset(none) {
		t.Error("the empty box is in every other")
	}
	if c := lower.Intersect(upper); c[1] != Of(2) || c.IsEmpty() {
		t.Errorf("Intersect %v", c)
	}
	if c := b.Intersect(Box{New(2, 3), Entire(), Entire()}); !c.IsEmpty() {
		t.Errorf("Intersect %v", c)
	}
	panics(t, "Contains", func() { b.Contains(nil) })
	panics(t, "Subset", func() { b.Subset(b[1:]) })
	panics(t, "Interior", func() { b.Interior(b[1:]) })
	panics(t, "Intersect", func() { b.Intersect(b[1:]) })
}
