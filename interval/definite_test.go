package interval

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// definite decides exactly, by elimination in rationals.
func definite(x []float64, n int) bool {
	a := make([]*big.Rat, n*n)
	for i, v := range x {
		a[i] = new(big.Rat).SetFloat64(v)
	}
	var f, p big.Rat
	for k := range n {
		if a[k*n+k].Sign() <= 0 {
			return false
		}
		for i := k + 1; i < n; i++ {
			f.Quo(a[i*n+k], a[k*n+k])
			for j := k; j < n; j++ {
				a[i*n+j].Sub(a[i*n+j], p.Mul(&f, a[k*n+j]))
			}
		}
	}
	return true
}

// gram is G Gᵀ for a random n×k matrix G of small integers: singular if k < n.
func gram(r *rand.Rand, n, k int) []float64 {
	g, a := make([]float64, n*k), make([]float64, n*n)
	for i := range g {
		g[i] = float64(r.IntN(11) - 5)
	}
	dense.MulNT(a, g, g, n, k, n)
	return a
}

// What is claimed is true, by exact elimination, and what is true by a margin
// is claimed. The test can fail: singular matrices are there that a floating-
// point Cholesky factorisation takes for definite.
func TestPositiveDefiniteAgainstRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 1))
	var claimed, fooled, truly int
	n := 2000
	if testing.Short() {
		n = 200
	}
	for range n {
		n := r.IntN(7) + 1
		k := n + r.IntN(4) - 1
		a := gram(r, n, k)
		switch r.IntN(4) {
		case 0: // one bit off, either way
			i := r.IntN(n)
			a[i*n+i] = math.Nextafter(a[i*n+i], math.Inf(r.IntN(2)*2-1))
		case 1: // a hair above or below
			d := math.Ldexp(r.NormFloat64(), -r.IntN(60))
			for i := range n {
				a[i*n+i] += d
			}
		case 2: // units of measurement
			for i := range n {
				d := math.Ldexp(1, r.IntN(200)-100)
				for j := range n {
					a[i*n+j] *= d
					a[j*n+i] *= d
				}
			}
		}
		got, want := FromFloats(n, n, a).PositiveDefinite(), definite(a, n)
		if got && !want {
			t.Fatalf("claimed of %v", a)
		}
		l := make([]float64, n*n)
		float := dense.Cholesky(l, a, n)
		switch {
		case got:
			claimed++
		case want:
			truly++
		case float:
			fooled++
		}
	}
	t.Logf("claimed %d, true but not claimed %d, false though floating-point Cholesky succeeds %d", claimed, truly, fooled)
	if fooled == 0 || claimed < n/3 || truly > claimed/20 {
		t.Error("the trials do not tell enough")
	}
}

// T = tridiag(−1, 2, −1) has the least eigenvalue 2 − 2 cos(π/(n + 1)). Shifted
// by all of it but one part in 10¹⁰ (of 1) it is still claimed, and by as much
// more not.
func TestPositiveDefiniteNearSingular(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 10, 20, 50} {
		least := 4 * math.Pow(math.Sin(math.Pi/float64(2*n+2)), 2)
		for _, tt := range []struct {
			margin float64
			want   bool
		}{{1, true}, {1e-3, true}, {1e-10, true}, {-1e-10, false}, {-1e-3, false}} {
			m := NewMatrix(n, n)
			for i := range n {
				m.Set(i, i, Of(2-least+min(tt.margin, least)))
				if i > 0 {
					m.Set(i, i-1, Of(-1))
					m.Set(i-1, i, Of(-1))
				}
			}
			// The same in other units: near the ends of the range of float64.
			for _, scale := range []float64{1, 0x1p-990, 0x1p1000} {
				if got := m.Scale(Of(scale)).PositiveDefinite(); got != tt.want {
					t.Errorf("n = %d, margin %g, scale %g: %v", n, tt.margin, scale, got)
				}
			}
		}
	}
}

func TestPositiveDefiniteTable(t *testing.T) {
	pair := func(a, b, c, d Interval) Matrix { return Matrix{2, 2, []Interval{a, b, c, d}} }
	one := Of(1)
	for _, tt := range []struct {
		name string
		m    Matrix
		want bool
	}{
		{"no rows", Matrix{}, true},
		{"zero", FromFloats(1, 1, []float64{0}), false},
		{"least", FromFloats(1, 1, []float64{0x1p-1074}), true},
		{"greatest", FromFloats(1, 1, []float64{maxFloat}), true},
		{"negative", FromFloats(1, 1, []float64{-1}), false},
		{"reaches 0", Matrix{1, 1, []Interval{New(0, 1)}}, false},
		{"wide", Matrix{1, 1, []Interval{New(1e-3, 1e3)}}, true},
		{"unbounded", Matrix{1, 1, []Interval{New(1, inf)}}, false},
		{"empty", Matrix{1, 1, []Interval{Empty()}}, false},
		{"|x| ≤ 0.999", pair(one, New(-0.999, 0.999), New(-0.999, 0.999), one), true},
		{"|x| ≤ 1", pair(one, New(-1, 1), New(-1, 1), one), false},
		{"|x| ≤ 1.001", pair(one, New(-1.001, 1.001), New(-1.001, 1.001), one), false},
		{"symmetric ones only", pair(one, New(0, 3), New(-3, 0), one), true},
		{"none symmetric", pair(one, Of(0.1), Of(0.2), one), false},
		{"off-diagonal unbounded", pair(one, Entire(), Entire(), one), false},
		{"off-diagonal huge", pair(one, Of(1e300), Of(1e300), one), false},
		{"off-diagonal tiny", pair(one, Of(1e-320), Of(1e-320), one), true},
		{"units 2⁻⁵⁰⁰, 2⁵⁰⁰", pair(Of(0x1p-1000), Of(0.5), Of(0.5), Of(0x1p1000)), true},
		{"indefinite in these units", pair(Of(0x1p-1000), Of(1.5), Of(1.5), Of(0x1p1000)), false},
		{"singular", FromFloats(2, 2, []float64{1, 1, 1, 1}), false},
	} {
		before := slices.Clone(tt.m.Data)
		if got := tt.m.PositiveDefinite(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if !slices.Equal(before, tt.m.Data) {
			t.Errorf("%s: operand changed", tt.name)
		}
	}
}

// All matrices of a claimed interval matrix are definite: its vertices decide,
// by exact elimination.
func TestPositiveDefiniteVertices(t *testing.T) {
	r := rand.New(rand.NewPCG(29, 1))
	claimed, refused := 0, 0
	for range 400 {
		const n = 3
		a := gram(r, n, n+1)
		m := FromFloats(n, n, a)
		rad := math.Ldexp(r.Float64(), 3-r.IntN(6))
		for i := range m.Data {
			m.Data[i] = m.Data[i].Add(New(-rad, rad))
		}
		got, want := m.PositiveDefinite(), true
		for v := range 1 << 6 {
			x, bit := make([]float64, n*n), 0
			for i := range n {
				for j := range i + 1 {
					e := m.At(i, j)
					x[i*n+j] = []float64{e.Lo(), e.Hi()}[v>>bit&1]
					x[j*n+i] = x[i*n+j]
					bit++
				}
			}
			want = want && definite(x, n)
		}
		if got && !want {
			t.Fatalf("claimed of %v", m)
		}
		if got {
			claimed++
		} else if want {
			refused++
		}
	}
	t.Logf("claimed %d, true but not claimed %d", claimed, refused)
	if claimed < 50 || refused > claimed {
		t.Error("the trials do not tell enough")
	}
}

// Overflow in a residual proves nothing.
func TestPlusProducts(t *testing.T) {
	if got := plusProducts(Of(1), []float64{2, 0x1p600}, []float64{3, 0x1p600}); got != Entire() {
		t.Errorf("%v", got)
	}
	if got := plusProducts(New(1, 2), []float64{2, -1}, []float64{3, 4}); got != New(3, 4) {
		t.Errorf("%v", got)
	}
}

// The last step alone: by hand, L = 0 leaves S, and a wrong L leaves less.
func TestDominant(t *testing.T) {
	zero := make([]float64, 4)
	for _, tt := range []struct {
		s, l []float64
		want bool
	}{
		{[]float64{2, 1, 1, 2}, zero, true},
		{[]float64{1, 1, 1, 1}, zero, false},
		{[]float64{1, 2, 2, 9}, zero, false},
		{[]float64{9, 2, 2, 1}, zero, false},
		{[]float64{1, -2, -2, 9}, zero, false},
		{[]float64{-1, 0, 0, 1}, zero, false},
		{[]float64{5, 2, 2, 2}, []float64{2, 0, 1, 0.5}, true},     // leaves (1, 0; 0, 0.75)
		{[]float64{5, 2, 2, 2}, []float64{2, 0, 1, 1}, false},      // leaves (1, 0; 0, 0)
		{[]float64{5, 3, 3, 2}, []float64{2, 0, 1, 0.5}, false},    // leaves (1, 1; 1, 0.75)
		{[]float64{5, 2, 2, 2}, []float64{2, 0, 1.25, 0.5}, false}, // leaves (1, −0.5; −0.5, 0.1875)
	} {
		if got := dominant(FromFloats(2, 2, tt.s), tt.l); got != tt.want {
			t.Errorf("%v, %v: %v", tt.s, tt.l, got)
		}
	}
}
