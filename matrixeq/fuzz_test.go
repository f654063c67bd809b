package matrixeq

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// A tape deals out matrices of the bits of a fuzzer's input; past its end it
// deals small integers.
type tape struct {
	text []byte
	next int
}

func (t *tape) byte() int {
	t.next++
	if len(t.text) == 0 {
		return t.next % 3
	}
	b := t.text[0]
	t.text = t.text[1:]
	return int(b)
}

func (t *tape) matrix(r, c int) Matrix {
	m := New(r, c)
	for i := range m.Data {
		if len(t.text) < 8 {
			m.Data[i] = float64(t.byte()%5) - 1
			continue
		}
		m.Data[i] = math.Float64frombits(binary.LittleEndian.Uint64(t.text))
		t.text = t.text[8:]
	}
	return m
}

// symmetric is a raw matrix, its symmetric part, or GᵀG, by kind.
func (t *tape) symmetric(n, kind int) Matrix {
	g := t.matrix(n, n)
	switch kind % 3 {
	case 1:
		dense.Symmetrize(g.Data, n)
	case 2:
		m := New(n, n)
		dense.SymmetricTN(m.Data, g.Data, g.Data, n, n)
		return m
	}
	return g
}

func encode(head []byte, ms ...Matrix) []byte {
	for _, m := range ms {
		for _, x := range m.Data {
			head = binary.LittleEndian.AppendUint64(head, math.Float64bits(x))
		}
	}
	return head
}

var typed = []error{ErrShape, ErrNotFinite, ErrNotSymmetric, ErrNotPositiveDefinite, ErrNotPositiveSemidefinite,
	ErrUnstable, ErrNotStabilizable, ErrUnitCircle, ErrNoConvergence, ErrInaccurate}

func isTyped(err error) bool {
	for _, e := range typed {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func bigNorm(m bigMatrix) *big.Float {
	s := new(big.Float).SetPrec(precision)
	for _, v := range m.x {
		s.Add(s, new(big.Float).Abs(v))
	}
	return s
}

// decays says whether the powers of f do, squaring in 300 bits.
func decays(f bigMatrix) bool {
	for range 64 {
		norm := bigNorm(f)
		if norm.Cmp(big.NewFloat(.5)) < 0 {
			return true
		}
		if norm.Cmp(big.NewFloat(1e300)) > 0 && norm.MantExp(nil) > 1<<20 {
			return false
		}
		f = f.mul(f)
	}
	return false
}

func FuzzRiccati(f *testing.F) {
	one := Scalar(1)
	f.Add(encode([]byte{0, 0, 0}, Scalar(2), one, Scalar(0), one))
	f.Add(encode([]byte{0, 0, 0}, one, one, Scalar(0), one))
	f.Add(encode([]byte{0, 0, 0}, Scalar(1e200), Scalar(1e-200), one, one))
	f.Add(encode([]byte{0, 0, 0}, one, one, Scalar(-1e-17), one))
	f.Add(encode([]byte{0, 0, 0}, one, one, Scalar(5e-324), Scalar(5e-324)))
	f.Add(encode([]byte{0, 0, 0}, Scalar(math.NaN()), one, one, one))
	f.Add(encode([]byte{1, 0, 1}, Matrix{2, 2, []float64{2, .3, 0, .5}}, Matrix{2, 1, []float64{1, 1}}, Diagonal(0, 1), one))
	f.Add(encode([]byte{1, 1, 1}, Diagonal(1.1, 1), Diagonal(1e-9, 1), Diagonal(1, 0), Identity(2)))
	f.Add(encode([]byte{1, 1, 2}, Diagonal(1e8, 1e-8), Diagonal(1e-9, 1e9), Diagonal(1, 1e-7), Identity(2)))
	f.Add([]byte{2, 1, 2})
	f.Fuzz(func(t *testing.T, text []byte) {
		in := &tape{text: text}
		n := 1 + in.byte()%3
		k := 1 + in.byte()%n
		kind := in.byte()
		a, b := in.matrix(n, n), in.matrix(n, k)
		q, r := in.symmetric(n, kind), in.symmetric(k, kind)
		s, err := Riccati(a, b, q, r)
		if err != nil {
			if !isTyped(err) || err.Error() == "" {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		ab, bb, p := toBig(a), toBig(b), toBig(s.P)
		w := toBig(s.Gain)
		fb := ab.sub(bb.mul(w))
		if !decays(fb) {
			t.Fatalf("closed loop %v does not decay\nA %v B %v Q %v R %v\nW %v", fb.round(), a, b, q, r, s.Gain)
		}
		e := toBig(symmetrised(q)).add(w.t().mul(toBig(symmetrised(r))).mul(w)).add(fb.t().mul(p).mul(fb)).sub(p)
		// The residual must be what was measured, up to what rounding the
		// closed loop by ε(|A| + |B||W|) does to it.
		if !(s.Residual <= 1e-6) {
			t.Fatalf("accepted a residual of %g", s.Residual)
		}
		blur := bigNorm(ab)
		blur.Add(blur, new(big.Float).Mul(bigNorm(bb), bigNorm(w)))
		blur.Mul(blur, big.NewFloat(16*dense.Eps))
		limit := bigNorm(fb)
		limit.Add(limit, blur).Mul(limit, blur)
		limit.Add(limit, big.NewFloat(4*float64(n)*s.Residual+1e-13))
		limit.Mul(limit, bigNorm(p))
		limit.Add(limit, big.NewFloat(1e-15*(dense.MaxAbs(q.Data)+dense.MaxAbs(r.Data)))) // what was projected off Q
		if bigNorm(e).Cmp(limit) > 0 {
			t.Fatalf("residual %v > %v\nA %v B %v Q %v R %v\nP %v", bigNorm(e), limit, a, b, q, r, s.P)
		}
	})
}

func FuzzStein(f *testing.F) {
	f.Add(encode([]byte{0, 1}, Scalar(.5), Scalar(1)))
	f.Add(encode([]byte{0, 1}, Scalar(1-dense.Eps), Scalar(1)))
	f.Add(encode([]byte{1, 1}, Matrix{2, 2, []float64{.9, 1e8, 0, .8}}, Identity(2)))
	f.Add(encode([]byte{1, 1}, Matrix{2, 2, []float64{0, 1e300, 0, 0}}, Identity(2)))
	f.Add(encode([]byte{1, 1}, Matrix{2, 2, []float64{.6, .8, -.8, .6}}, Diagonal(1e300, 1e-300)))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := &tape{text: text}
		n := 1 + in.byte()%3
		kind := in.byte()
		a := in.matrix(n, n)
		m := in.symmetric(n, kind)
		x, err := Stein(a, m)
		if err != nil {
			if !isTyped(err) || err.Error() == "" {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if !decays(toBig(a)) {
			t.Fatalf("A %v is not stable", a)
		}
		if !dense.Finite(x.X.Data) || !(x.Residual <= accepted) && dense.MaxAbs(x.X.Data) > 0x1p-960 {
			t.Fatalf("A %v M %v: X %v, residual %g", a, m, x.X, x.Residual)
		}
	})
}

func FuzzChecks(f *testing.F) {
	f.Add(encode([]byte{0, 1}, Scalar(-1e-17)))
	f.Add(encode([]byte{1, 0}, Matrix{2, 2, []float64{1, 1, 1, 1}}))
	f.Add(encode([]byte{1, 1}, Diagonal(1e308, 5e-324)))
	f.Add(encode([]byte{2, 2}, Diagonal(math.Inf(1), 0, 0)))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := &tape{text: text}
		n := 1 + in.byte()%4
		m := in.symmetric(n, in.byte())
		c := m.Clone()
		pd, psd := CheckPositiveDefinite("M", m), CheckPositiveSemidefinite("M", m)
		for _, err := range []error{pd, psd} {
			if err != nil && !isTyped(err) {
				t.Fatalf("untyped error %v", err)
			}
		}
		if pd == nil && psd != nil {
			t.Fatalf("%v is positive definite and not semidefinite: %v", m, psd)
		}
		if !m.Equal(c) {
			t.Fatal("input modified")
		}
		text2, err := json.Marshal(m)
		if err != nil {
			return // NaN and infinities have no JSON
		}
		var back Matrix
		if err := json.Unmarshal(text2, &back); err != nil || !back.Equal(m) {
			t.Fatalf("%s reads back as %v (%v)", text2, back, err)
		}
	})
}
