package interval

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// expBig is eˣ to a relative 2⁻³⁵⁰: the series at x/2⁴⁰, then 40 squarings, each
// of which doubles the relative error, in 500 bits. It shares nothing with Exp.
func expBig(x float64) *big.Float {
	r := new(big.Float).SetPrec(500).SetFloat64(x)
	r.SetMantExp(r, -40)
	sum := new(big.Float).SetPrec(500).SetInt64(1)
	term := new(big.Float).SetPrec(500).SetInt64(1)
	for i := int64(1); i <= 20; i++ { // |r| < 2⁻³⁰: the rest is below 2⁻⁶³⁰
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetInt64(i))
		sum.Add(sum, term)
	}
	for range 40 {
		sum.Mul(sum, sum)
	}
	return sum
}

// expSign is the sign of eˣ − d; undecided fails the test.
func expSign(t *testing.T, e *big.Float, d float64) int {
	if math.IsInf(d, 0) {
		return -int(math.Copysign(1, d))
	}
	f := new(big.Float).SetPrec(500).SetFloat64(d)
	diff := new(big.Float).SetPrec(500).Sub(e, f)
	if diff.Sign() != 0 && diff.MantExp(nil) < e.MantExp(nil)-300 || diff.Sign() == 0 && e.Cmp(big.NewFloat(1)) != 0 {
		t.Fatalf("e is too near %x", d)
	}
	return diff.Sign()
}

func TestExp(t *testing.T) {
	xs := []float64{
		0, 1, -1, 0.5, 709, 709.7, 710, -745, -746, 799, -799, 801, -801, maxFloat, -maxFloat,
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64,
		0x1p-60, -0x1p-60, under(0x1p-60), -under(0x1p-60), 0x1p-53, -0x1p-53, -0x1p-54, 0x1p-52,
		// eˣ is within 2⁻¹¹⁰ of the middle between two float64s.
		0x1.9e9cbbfd6080bp-31, -0x1p-54,
		// The last that does not overflow, that is normal, and that is not
		// below half the least subnormal; and their neighbours.
		0x1.62e42fefa39efp+9, 0x1.62e42fefa39fp+9, -0x1.6232bdd7abcd2p+9, -0x1.6232bdd7abcd3p+9,
		-0x1.74910d52d3051p+9, -0x1.74910d52d3052p+9,
	}
	r := rand.New(rand.NewPCG(13, 1))
	for k := -1076; k <= 1025; k += 1 + r.IntN(6) {
		// Where the reduced argument is next to 0 or to ln 2.
		x := float64(float64(k) * math.Ln2)
		xs = append(xs, x, above(x), under(x))
	}
	for range trials() / 100 {
		x := r.NormFloat64()
		switch r.IntN(4) {
		case 0:
			x = r.Float64()*1460 - 748
		case 1:
			x = math.Ldexp(x, -r.IntN(64))
		case 2:
			x = -708 - 40*r.Float64()
		}
		xs = append(xs, x)
	}
	for _, x := range xs {
		got := Of(x).Exp()
		if math.Abs(x) > 800 {
			want := New(maxFloat, inf)
			if x < 0 {
				want = New(0, 0x1p-1074)
			}
			if got != want {
				t.Errorf("exp(%v) = %v, want %v", x, got, want)
			}
			continue
		}
		e := expBig(x)
		if math.Abs(x) < 0x1p-400 && x != 0 {
			e.Add(new(big.Float).SetPrec(2000).SetInt64(1), new(big.Float).SetFloat64(x))
			if !got.Contains(1) || got.Width() > 0x1p-52 || got.IsPoint() || (got.lo < 1) != (x < 0) {
				t.Errorf("exp(%v) = %v", x, got)
			}
			continue
		}
		if expSign(t, e, got.lo) < 0 || expSign(t, e, got.hi) > 0 {
			t.Fatalf("exp(%x) = %v is not %.30g", x, got, e)
		}
		if x != 0 && (expSign(t, e, above(got.lo)) > 0 || expSign(t, e, under(got.hi)) < 0) {
			t.Errorf("exp(%x) = %v is not the narrowest about %.30g", x, got, e)
		}
	}
	t.Logf("%d arguments", len(xs))

	// e^x = 1 + 2⁻⁵² − 2⁻¹⁵⁷·⁶, too near to tell: the upper end is loose, not wrong.
	hard := under(0x1p-52)
	if got, want := Of(hard).Exp(), New(1, 1+0x1p-51); got != want {
		t.Errorf("exp(%x) = %v, want %v", hard, got, want)
	}
	for _, tt := range []struct{ a, want Interval }{
		{Entire(), New(0, inf)},
		{Empty(), Empty()},
		{Of(0), Of(1)},
		{New(-inf, 0), New(0, 1)},
		{New(0, inf), New(1, inf)},
		{New(-1, 1), New(Of(-1).Exp().Lo(), Of(1).Exp().Hi())},
	} {
		if got := tt.a.Exp(); got != tt.want {
			t.Errorf("exp %v = %v, want %v", tt.a, got, tt.want)
		}
	}
}

// s 2^(k−126) is below eˣ, by less than expError says.
func TestExpFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	least, most := 1e9, -1e9
	for range trials() / 100 {
		x := r.NormFloat64() * 200
		if r.IntN(2) == 0 {
			x = math.Ldexp(x, -r.IntN(60))
		}
		if math.Abs(x) > 800 || math.Abs(x) < 0x1p-60 {
			continue
		}
		s, k := expFixed(x)
		fixed := new(big.Float).SetPrec(500).SetInt(wide(s.hi, s.lo))
		e := expBig(x)
		e.SetMantExp(e, 126-k)
		d, _ := e.Sub(e, fixed).Float64()
		least, most = min(least, d), max(most, d)
	}
	t.Logf("short by %.1f to %.1f units", least, most)
	if least < 0 || most > expError {
		t.Errorf("short by %v to %v units, want 0 to %d", least, most, expError)
	}
}

func wide(hi, lo uint64) *big.Int {
	z := new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64)
	return z.Or(z, new(big.Int).SetUint64(lo))
}

// The constants of the fixed-point series, against another derivation: 1/i!
// from the integers, and e^ln2 = 2.
func TestExpConstants(t *testing.T) {
	one, f := new(big.Int).Lsh(big.NewInt(1), 126), big.NewInt(1)
	for i, c := range factorials {
		if i > 0 {
			f.Mul(f, big.NewInt(int64(i)))
		}
		d := new(big.Int).Sub(new(big.Int).Div(one, f), wide(c.hi, c.lo))
		if d.Sign() < 0 || d.Cmp(big.NewInt(1)) > 0 { // the floor is at most 1 below 1/i!
			t.Errorf("1/%d!: %v units below", i, d)
		}
	}
	// ln 2 = Σ 1/(i 2ⁱ), to 2⁻⁴⁰⁰.
	sum := new(big.Int)
	for i := int64(1); i < 400; i++ {
		term := new(big.Int).Lsh(big.NewInt(1), uint(400-i))
		sum.Add(sum, term.Div(term, big.NewInt(i)))
	}
	want := sum.Rsh(sum, 400-190)
	got := wide(ln2[2], ln2[1])
	got.Or(got.Lsh(got, 64), new(big.Int).SetUint64(ln2[0]))
	if got.Cmp(want) != 0 {
		t.Errorf("ln 2: %x, want %x", got, want)
	}
}
