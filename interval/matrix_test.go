package interval

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func randomMatrix(r *rand.Rand, rows, cols, kind int) Matrix {
	return Matrix{rows, cols, vectors(r, rows*cols, kind)}
}

// Each product against its entries as sums of products of intervals, which
// TestAgainstExactArithmetic covers: both enclose the same numbers, so they
// meet, and a Dot is inside up to the last bits.
func TestProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 1))
	for range 300 {
		m, k, n := r.IntN(5)+1, r.IntN(prepared+4), r.IntN(5)+1
		a, b := randomMatrix(r, m, k, r.IntN(kinds)), randomMatrix(r, k, n, r.IntN(kinds))
		before := slices.Concat(a.Data, b.Data)
		c := a.Mul(b)
		if d := a.T().MulTN(b); !slices.Equal(c.Data, d.Data) {
			t.Fatalf("MulTN: %v, want %v", d, c)
		}
		if d := a.MulNT(b.T()); !slices.Equal(c.Data, d.Data) {
			t.Fatalf("MulNT: %v, want %v", d, c)
		}
		if c.Rows != m || c.Cols != n {
			t.Fatalf("%d×%d", c.Rows, c.Cols)
		}
		for i := range m {
			for j := range n {
				var s Interval
				for p := range k {
					s = s.Add(a.At(i, p).Mul(b.At(p, j)))
				}
				if s.Disjoint(c.At(i, j)) || c.At(i, j).Width() > s.Width()*(1+0x1p-40) {
					t.Fatalf("entry (%d, %d) of %v times %v: %v, want %v", i, j, a, b, c.At(i, j), s)
				}
			}
		}
		if !slices.Equal(before, slices.Concat(a.Data, b.Data)) {
			t.Fatal("an operand changed")
		}
	}
}

func TestMatrixTable(t *testing.T) {
	a := FromFloats(2, 3, []float64{1, 2, 3, 4, 5, 6})
	b := FromFloats(2, 3, []float64{0, -1, 1, 2, 0, 1})
	for _, tt := range []struct {
		name      string
		got, want Matrix
	}{
		{"Add", a.Add(b), FromFloats(2, 3, []float64{1, 1, 4, 6, 5, 7})},
		{"Sub", a.Sub(b), FromFloats(2, 3, []float64{1, 3, 2, 2, 5, 5})},
		{"T", a.T(), FromFloats(3, 2, []float64{1, 4, 2, 5, 3, 6})},
		{"Mul", a.Mul(b.T()), FromFloats(2, 2, []float64{1, 5, 1, 14})},
		{"Scale", a.Scale(Of(-2)), FromFloats(2, 3, []float64{-2, -4, -6, -8, -10, -12})},
		{"Symmetrize", Matrix{2, 2, []Interval{Of(1), New(1, 3), New(2, 4), Of(5)}}.Symmetrize(),
			Matrix{2, 2, []Interval{Of(1), New(2, 3), New(2, 3), Of(5)}}},
		{"Symmetrize none", FromFloats(2, 2, []float64{1, 2, 3, 4}).Symmetrize(),
			Matrix{2, 2, []Interval{Of(1), Empty(), Empty(), Of(4)}}},
	} {
		if tt.got.Rows != tt.want.Rows || tt.got.Cols != tt.want.Cols || !slices.Equal(tt.got.Data, tt.want.Data) {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if got := FromFloats(2, 2, []float64{1, 9, 9, 4}).Trace(); got != Of(5) {
		t.Errorf("trace %v", got)
	}
	if got := a.NormInf(); got != 15 {
		t.Errorf("‖·‖∞ = %v", got)
	}
	c := Matrix{2, 1, []Interval{New(-3, 1), New(2, 4)}}
	if got := c.NormFro(); got != 5 {
		t.Errorf("‖·‖F = %v", got)
	}
	if got := (Matrix{}).NormFro(); got != 0 {
		t.Errorf("‖·‖F of nothing = %v", got)
	}
	// 0.1² + 0.1² is not a float64: the bound is above, by little.
	if got := FromFloats(1, 2, []float64{0.1, 0.1}).NormFro(); !(got > math.Sqrt2/10 && got < math.Sqrt2/10*(1+0x1p-50)) {
		t.Errorf("‖·‖F = %v", got)
	}
	if !a.Contains([]float64{1, 2, 3, 4, 5, 6}) || a.Contains([]float64{1, 2, 3, 4, 5, 7}) {
		t.Error("Contains")
	}
	if got := c.Mid(); !slices.Equal(got, []float64{-1, 3}) {
		t.Errorf("Mid %v", got)
	}
	for name, f := range map[string]func(){
		"Add":              func() { a.Add(a.T()) },
		"Sub":              func() { a.Sub(a.T()) },
		"Mul":              func() { a.Mul(b) },
		"MulNT":            func() { a.MulNT(b.T()) },
		"MulTN":            func() { a.MulTN(b.T()) },
		"Trace":            func() { a.Trace() },
		"Symmetrize":       func() { a.Symmetrize() },
		"PositiveDefinite": func() { a.PositiveDefinite() },
		"FromFloats":       func() { FromFloats(2, 2, []float64{1}) },
		"NaN":              func() { FromFloats(1, 1, []float64{math.NaN()}) },
		"Dot":              func() { Dot(a.Data, a.Data[1:]) },
	} {
		panics(t, name, f)
	}
}

// Norms are above the exact ones, by roundings only.
func TestNorms(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 1))
	for range 2000 {
		m := randomMatrix(r, 1, 1+r.IntN(4), r.IntN(6))
		one, two := new(big.Float).SetPrec(4400), new(big.Float).SetPrec(4400)
		for _, x := range m.Data {
			v := big.NewFloat(x.Mag())
			one.Add(one, v)
			two.Add(two, new(big.Float).SetPrec(106).Mul(v, v))
		}
		inf, fro := big.NewFloat(m.NormInf()), big.NewFloat(m.NormFro())
		square := new(big.Float).SetPrec(106).Mul(fro, fro)
		if inf.Cmp(one) < 0 || square.Cmp(two) < 0 {
			t.Fatalf("%v: ‖·‖∞ ≤ %v, ‖·‖F ≤ %v are too small", m, inf, fro)
		}
		if inf.Cmp(one.Mul(one, big.NewFloat(1+0x1p-48))) > 0 || square.Cmp(two.Mul(two, big.NewFloat(1+0x1p-48))) > 0 {
			t.Fatalf("%v: ‖·‖∞ ≤ %v, ‖·‖F ≤ %v are too large", m, inf, fro)
		}
	}
}

func panics(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s does not panic", name)
		}
	}()
	f()
}
