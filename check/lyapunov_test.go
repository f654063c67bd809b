package check

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

func lyapunovOf(t testing.TB, a, v interval.Matrix) (interval.Matrix, error) {
	t.Helper()
	l, err := newLyapunov(a)
	if err != nil {
		return interval.Matrix{}, err
	}
	return l.solve(v)
}

// A = [1/2 1/4; 0 −1/4], V = I: the equations of the three entries, solved by
// hand, are x₂₂ = 16/15, x₁₂ (1 + 1/8) = −x₂₂/16, x₁₁ ¾ = 1 + x₁₂/4 + x₂₂/16.
func TestLyapunovByHand(t *testing.T) {
	x, err := lyapunovOf(t, thin(matrixeq.Matrix{Rows: 2, Cols: 2, Data: []float64{0.5, 0.25, 0, -0.25}}), thin(matrixeq.Identity(2)))
	if err != nil {
		t.Fatal(err)
	}
	x22 := big.NewRat(16, 15)
	x12 := new(big.Rat).Mul(x22, big.NewRat(-8, 9*16))
	x11 := new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).Mul(x12, big.NewRat(1, 4)))
	x11.Mul(x11.Add(x11, new(big.Rat).Mul(x22, big.NewRat(1, 16))), big.NewRat(4, 3))
	for i, want := range []*big.Rat{x11, x12, x12, x22} {
		a := x.Data[i]
		if new(big.Rat).SetFloat64(a.Lo()).Cmp(want) > 0 || new(big.Rat).SetFloat64(a.Hi()).Cmp(want) < 0 {
			t.Errorf("entry %d: %v does not hold %v", i, a, want)
		}
		if relative(a) > 1e-14 {
			t.Errorf("entry %d: %v is wide", i, a)
		}
	}
}

// Solutions for members of interval data lie in the enclosure, by solve and by
// bound, whatever the units of the states.
func TestLyapunovHoldsMembers(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for i := range 200 {
		n := 1 + i%6
		a, v := random(rng, n, n, 0.8/math.Sqrt(float64(n))), gram(rng, n)
		if i%2 == 1 { // units
			for j := range n {
				u := math.Ldexp(1, rng.IntN(41)-20)
				for k := range n {
					a.Set(j, k, a.At(j, k)*u)
					a.Set(k, j, a.At(k, j)/u)
					v.Set(j, k, v.At(j, k)*u)
					v.Set(k, j, v.At(k, j)*u)
				}
			}
		}
		wide := []float64{0, 0x1p-40, 0x1p-12}[i%3]
		ai, vi := thin(a), thin(v)
		for k := range ai.Data {
			ai.Data[k] = ai.Data[k].Mul(interval.New(1-wide, 1+wide))
			vi.Data[k] = vi.Data[k].Mul(interval.New(1-wide, 1+wide))
		}
		l, err := newLyapunov(ai)
		if errors.Is(err, errUnstable) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		x, err := l.solve(vi)
		if err != nil {
			t.Errorf("draw %d: %v", i, err)
			continue
		}
		y, err := l.bound(vi)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			am, vm := a.Clone(), v.Clone()
			for k := range am.Data {
				am.Data[k] *= 1 + wide*0.999*(2*rng.Float64()-1)
			}
			for k := range n { // symmetric members
				for j := range k + 1 {
					z := vm.At(k, j) * (1 + wide*0.999*(2*rng.Float64()-1))
					vm.Set(k, j, z)
					vm.Set(j, k, z)
				}
			}
			want := bigStein(t, bigOf(am), bigOf(vm))
			holdsMatrix(t, "solve", x, want)
			holdsMatrix(t, "bound", y, want)
		}
		if wide == 0 && len(l.powers) <= 10 { // ρ below about 0.97
			for k, e := range x.Data {
				r := math.Sqrt(x.At(k/n, k/n).Mag() * x.At(k%n, k%n).Mag())
				if e.Width() > 1e-10*r {
					t.Errorf("draw %d: entry %d of width %.2g beside %.2g", i, k, e.Width(), r)
				}
			}
		}
	}
}

// What is not stable, or has members that are not, is never enclosed; what is
// stable by less than rounding may be refused.
func TestLyapunovRefuses(t *testing.T) {
	square := func(n int, data ...float64) interval.Matrix { return interval.FromFloats(n, n, data) }
	box := square(2, 0.5, 0, 0, 0.5)
	box.Data[3] = interval.New(0.5, 1.0001)
	rotation := square(2, 0.6, -0.8, 0.8, 0.6) // 3-4-5: the radius is 1 or a rounding beside it
	jordan := interval.NewMatrix(8, 8)
	for i := range 8 {
		jordan.Set(i, i, interval.Of(0.99))
		if i > 0 {
			jordan.Set(i-1, i, interval.Of(3))
		}
	}
	for _, tt := range []struct {
		name string
		a    interval.Matrix
		err  error
	}{
		{"1", square(1, 1), errUnstable},
		{"just above 1", square(1, 1+0x1p-52), errUnstable},
		{"just below 1", square(1, 1-0x1p-53), errUnstable},
		{"2", square(1, 2), errUnstable},
		{"an unstable member", box, errUnstable},
		{"two coupled, unstable", square(2, 0.9, 0.5, 0.5, 0.9), errUnstable},
		{"a rotation", rotation, errUnstable},
		{"a defective eigenvalue of 0.99", jordan, nil},
		{"infinite", interval.Matrix{Rows: 1, Cols: 1, Data: []interval.Interval{interval.Entire()}}, errUnbounded},
		{"empty", interval.Matrix{Rows: 1, Cols: 1, Data: []interval.Interval{interval.Empty()}}, errUnbounded},
		{"stable", square(1, 0.999999), nil},
		{"stable, far from normal", square(2, 0.5, 1e6, 0, 0.5), nil},
		{"nilpotent", square(3, 0, 1e3, 5, 0, 0, 1e3, 0, 0, 0), nil},
	} {
		v := thin(matrixeq.Identity(tt.a.Rows))
		x, err := lyapunovOf(t, tt.a, v)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		}
		if err == nil {
			holdsMatrix(t, tt.name, x, bigStein(t, bigOf(mid(tt.a)), bigEye(tt.a.Rows)))
		}
	}
}

// A V that is wrong in the twelfth digit is seen.
func TestLyapunovPlanted(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	a, v := random(rng, 3, 3, 0.4), gram(rng, 3)
	want := bigStein(t, bigOf(a), bigOf(v))
	v.Set(1, 1, v.At(1, 1)*(1+1e-12))
	x, err := lyapunovOf(t, thin(a), thin(v))
	if err != nil {
		t.Fatal(err)
	}
	if holds(x.At(1, 1), want.at(1, 1)) {
		t.Errorf("%v holds the solution of another equation", x.At(1, 1))
	}
}

// Every S⁻¹b of members lies in the enclosure; a singular member is refused.
func TestSolveSymmetric(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	for i := range 100 {
		n := 1 + i%4
		s, b := gram(rng, n), random(rng, n, 2, 1)
		if i%2 == 1 { // units of inputs
			for j := range n {
				u := math.Ldexp(1, rng.IntN(41)-20)
				for k := range n {
					s.Set(j, k, s.At(j, k)*u)
					s.Set(k, j, s.At(k, j)*u)
				}
			}
		}
		x, ok := solveSymmetric(thin(s), thin(b))
		if !ok {
			t.Fatalf("draw %d: refused", i)
		}
		holdsMatrix(t, "S⁻¹b", x, bigOf(s).solve(bigOf(b)))
	}
	s := thin(matrixeq.Identity(2))
	s.Set(0, 1, interval.New(0, 1))
	s.Set(1, 0, interval.New(0, 1))
	if _, ok := solveSymmetric(s, thin(matrixeq.Identity(2))); ok {
		t.Error("a set with a singular member has an inverse")
	}
}
