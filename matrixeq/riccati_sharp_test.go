package matrixeq

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// In units of the input, the same indefinite Q is refused and the same rounding
// passes.
func TestIndefiniteQInAnyInputUnits(t *testing.T) {
	for e := -300; e <= 300; e += 60 {
		b, r := Scalar(math.Ldexp(1, e)), Scalar(math.Ldexp(1, 2*e))
		if _, err := Riccati(Scalar(2), b, Scalar(-1e-4), r); !errors.Is(err, ErrNotPositiveSemidefinite) {
			t.Errorf("B = 2^%d, Q = −1e-4: %v", e, err)
		}
		s, err := Riccati(Scalar(2), b, Scalar(-1e-17), r)
		if err != nil {
			t.Errorf("B = 2^%d, Q = −1e-17: %v", e, err)
			continue
		}
		near(t, "P", s.P, Scalar(3), 1e-15)
	}
	if _, err := Riccati(Scalar(2), Scalar(1e6), Scalar(-1e-4), Scalar(1e12)); !errors.Is(err, ErrNotPositiveSemidefinite) {
		t.Errorf("B = 1e6: %v", err)
	}
	// An input that does nothing excuses nothing.
	for _, b := range []float64{1e-8, 1e-76, 0} {
		if _, err := Riccati(Scalar(.5), Scalar(b), Scalar(-1), Scalar(1)); !errors.Is(err, ErrNotPositiveSemidefinite) {
			t.Errorf("A = 0.5, B = %g, Q = −1: %v", b, err)
		}
	}
	for _, tt := range []struct{ b, r, want float64 }{
		{2, 8, 2}, {0, 1, 0}, {1e-200, 1, 0}, {1e200, 1e300, 1e-100}, {1e-100, 1e-300, 1e-100},
	} {
		if got := CostScale(Scalar(tt.b), Scalar(tt.r)); math.Abs(got-tt.want) > 1e-15*tt.want {
			t.Errorf("CostScale(%g, %g) = %g, want %g", tt.b, tt.r, got, tt.want)
		}
	}
}

// A block 1e-17 of the other's size is as accurate: p = q + a²p/(1+p).
func TestRiccatiSmallBlocks(t *testing.T) {
	s, err := Riccati(Diagonal(.1, .999), Identity(2), Diagonal(1, 1e-17), Identity(2))
	if err != nil {
		t.Fatal(err)
	}
	// To first order p = q/(1 − a²), w = a p; the next term is p/(1 − a²) = 3e-12.
	p := 1e-17 / (1 - .999*.999)
	if got := s.P.Data[3]; math.Abs(got/p-1) > 1e-11 {
		t.Errorf("P22 = %g, want %g", got, p)
	}
	if got := s.Gain.Data[3]; math.Abs(got/(.999*p)-1) > 1e-11 {
		t.Errorf("W22 = %g, want %g", got, .999*p)
	}
}

// What is near the unit circle but not on it is solved: (a, 1, 0, 1) has P = a² − 1.
func TestRiccatiOutsideTheUnitCircle(t *testing.T) {
	for _, gap := range []float64{1e-3, 1e-6, 1e-8, 1e-10, 1e-12} {
		a := 1 + gap
		s, err := Riccati(Scalar(a), Scalar(1), Scalar(0), Scalar(1))
		if err != nil {
			t.Errorf("a = 1 + %g: %v", gap, err)
			continue
		}
		near(t, fmt.Sprint("P at 1 + ", gap), s.P, Scalar((a-1)*(a+1)), 4*dense.Eps*s.Condition())
	}
	s, err := Riccati(Diagonal(1, .5), Identity(2), Diagonal(9e-13, 1), Identity(2))
	if err != nil {
		t.Fatal(err)
	}
	q := 9e-13
	if want := (q + math.Sqrt(q*q+4*q)) / 2; math.Abs(s.P.Data[0]/want-1) > 1e-9 {
		t.Errorf("P11 = %g, want %g", s.P.Data[0], want)
	}
}

// By hand for (2, 1, 0, 1): P = 3, W = 3/2, F = 1/2, ‖L⁻¹‖ = 4/3, and the data
// enter with 0 + 2·2·3/2 + 2·1·3/2·3/2 + 9/4.
func TestCondition(t *testing.T) {
	s, err := Riccati(Scalar(2), Scalar(1), Scalar(0), Scalar(1))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Condition(), 4./3*(6+4.5+2.25)/3; math.Abs(got-want) > 1e-14*want {
		t.Errorf("%.17g, want %.17g", got, want)
	}
}

// A row of Q that is rounding is zero, and stays so in P.
func TestRoundingInQIsZero(t *testing.T) {
	s, err := Riccati(Diagonal(.5, .5), Identity(2), Diagonal(1, -1e-17), Identity(2))
	if err != nil {
		t.Fatal(err)
	}
	if s.P.Data[3] != 0 || s.Gain.Data[3] != 0 {
		t.Errorf("P %v W %v", s.P, s.Gain)
	}
}

// What is not rounding is left alone: λ_min = −1e-20 beside an entry of 1e-10.
func TestOnlyRoundingIsSetToZero(t *testing.T) {
	q := rows(t, []float64{1, 1e-10}, []float64{1e-10, -1e-18})
	got, _, err := semidefinite("Q", q, 1)
	if err != nil || !got.Equal(q) {
		t.Errorf("%v, %v", got, err)
	}
}

// The bound on the rounding of F holds for F as 300 bits give it, where A and B W
// cancel.
func TestBlurBoundsTheClosedLoop(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	for n := 1; n <= 4; n++ {
		a, b := randomMatrix(rng, n, n, 1e12), randomMatrix(rng, n, n, 1)
		p := newProblem(a, b, Identity(n), Identity(n))
		x, ok := p.double(p.q)
		s := p.at(x)
		if !ok || s == nil {
			t.Fatal("no iterate")
		}
		exact := toBig(a).sub(toBig(Matrix{n, n, p.b}).mul(toBig(Matrix{n, n, s.w})))
		g, off := make([]float64, n*n), false
		p.blur(g, s, make([]float64, 2*p.r*n))
		for i, v := range exact.sub(toBig(Matrix{n, n, s.f})).x {
			off = off || v.Sign() != 0
			if v.Abs(v).Cmp(big.NewFloat(g[i])) > 0 {
				t.Errorf("n=%d: entry %d is off by %v, bound %g", n, i, v, g[i])
			}
		}
		if !off {
			t.Errorf("n=%d: nothing cancels", n)
		}
	}
}

// The quick test takes the solution and refuses one with a block off by 1e-6,
// however small the block.
func TestQuickSeesSmallBlocks(t *testing.T) {
	p := newProblem(Diagonal(.1, .5), Identity(2), Diagonal(1, 1e-17), Identity(2))
	x, ok := p.double(p.q)
	if s := p.at(x); !ok || s == nil || !p.quick(s) {
		t.Fatal("the solution is refused")
	}
	x[3] *= 1 + 1e-6
	s := p.at(x)
	if s.residual > settled(2) {
		t.Fatalf("residual %g shows it", s.residual)
	}
	if p.quick(s) {
		t.Error("a wrong block passes")
	}
}

// Inputs that do nearly the same, cheap ones: W is as good as the data allow.
func TestRedundantInputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	worst, compared := 0.0, 0
	for range 300 {
		n := 2 + rng.IntN(2)
		a, b := randomMatrix(rng, n, n, 1), randomMatrix(rng, n, 2, 1)
		e := math.Ldexp(1, -10-rng.IntN(16))
		for i := range n {
			b.Data[2*i+1] = b.Data[2*i] + e*b.Data[2*i+1]
		}
		r := Diagonal(e*e, e*e)
		s, err := Riccati(a, b, Identity(n), r)
		if err != nil {
			continue
		}
		if _, w, ok := bigRiccati(t, a, b, Identity(n), r, 400); ok {
			compared++
			worst = max(worst, relative(s.Gain, w)/s.Condition())
		}
	}
	// Without the correction of W the worst is 1.5e-7; ε κ(S) is 1e-1.
	if compared < 250 || worst > 2e-8 {
		t.Errorf("%d compared, worst error %g conditions", compared, worst)
	}
}

// A polish of a perturbed P leaves about the square of the perturbation; what it
// cannot better, because the residual is rounding or the powers do not end, it hands
// back.
func TestPolish(t *testing.T) {
	for _, n := range []int{1, 3, 9, 21} {
		a := stable(n, 0.9)
		p := newProblem(a, Identity(n), Identity(n), Identity(n))
		exact, err := p.solve()
		if err != nil {
			t.Fatal(err)
		}
		for s := exact; ; { // down to what rounding leaves, and no further
			next := p.polish(s)
			if next == s {
				break
			}
			if !(next.residual < s.residual) {
				t.Fatalf("n=%d: residual %g after %g", n, next.residual, s.residual)
			}
			s = next
		}
		x := append([]float64(nil), exact.p...)
		dense.AddScaled(x, 1e-6, Identity(n).Data)
		s := p.at(x)
		better := p.polish(s)
		// The powers that are left out are below coarse² of the correction.
		if !(better.residual <= coarse*coarse*s.residual) {
			t.Errorf("n=%d: residual %g, polished %g", n, s.residual, better.residual)
		}
	}
	// ρ(F) = 1 − 1e-6 or so: 2⁸ steps are not enough.
	p := newProblem(Diagonal(1, 0.5), Identity(2), Diagonal(1e-12, 1), Identity(2))
	x := Diagonal(1e-6, 1.1)
	if s := p.at(x.Data); s == nil || p.polish(s) != s {
		t.Error("a series that does not end was used")
	}
}
