package matrixeq

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// jordan is a plant of small integers with a Jordan block at 1, −1 or ±i, of order
// up to n, beside integer eigenvalues, in the coordinates of a unimodular T:
//
//	A = T D T⁻¹,    Q = T⁻ᵀ diag(q) T⁻¹,
//
// all exact. Blind, Q does not see the eigenvector of the block, and there is no
// stabilising solution, whatever B is. Otherwise Q sees every mode, and there is
// one unless (A, B) is not stabilisable.
func jordan(rng *rand.Rand, blind bool) (a, b, q Matrix) {
	n := 2 + rng.IntN(4)
	k := 1 + rng.IntN(n)
	d, w := New(n, n), New(n, n)
	if k%2 == 0 && rng.IntN(3) == 0 {
		for i := 0; i < k; i += 2 {
			d.Set(i, i+1, -1)
			d.Set(i+1, i, 1)
			if i+2 < k {
				d.Set(i, i+2, 1)
				d.Set(i+1, i+3, 1)
			}
		}
	} else {
		sign := float64(1 - 2*rng.IntN(2))
		for i := range k {
			d.Set(i, i, sign)
			if i+1 < k {
				d.Set(i, i+1, 1)
			}
		}
	}
	for i := range n {
		if i >= k {
			d.Set(i, i, float64(rng.IntN(5)-2))
		}
		if i >= k || !blind {
			w.Set(i, i, float64(int(1)<<rng.IntN(21)))
		}
	}
	if blind && k > 2 && rng.IntN(2) == 0 {
		w.Set(k-1, k-1, 1) // sees generalised eigenvectors only
	}
	t, inverse := Identity(n), Identity(n)
	for range rng.IntN(2*n + 1) {
		i, j, m := rng.IntN(n), rng.IntN(n), float64(rng.IntN(3)-1)
		if i == j {
			continue
		}
		for c := range n {
			t.Set(i, c, t.At(i, c)+m*t.At(j, c))
			inverse.Set(c, j, inverse.At(c, j)-m*inverse.At(c, i))
		}
	}
	exact := func(x, y, z Matrix) Matrix { return toBig(x).mul(toBig(y)).mul(toBig(z)).round() }
	b = New(n, 1+rng.IntN(2))
	for i := range b.Data {
		b.Data[i] = float64(rng.IntN(9) - 4)
	}
	return exact(t, d, inverse), b, exact(inverse.T(), w, inverse)
}

// Never an answer where there is none, and the reason is named.
func TestRiccatiBlindToJordanBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	unexplained := 0
	const trials = 2000
	for trial := range trials {
		a, b, q := jordan(rng, true)
		s, err := Riccati(a, b, q, Identity(b.Cols))
		switch {
		case err == nil:
			t.Fatalf("trial %d: A %v B %v Q %v: P %v, residual %g, radius %v", trial, a, b, q, s.P, s.Residual, s.Radius())
		case errors.Is(err, ErrNoConvergence):
			unexplained++
		case !errors.Is(err, ErrUnitCircle) && !errors.Is(err, ErrNotStabilizable):
			t.Fatalf("trial %d: %v", trial, err)
		}
	}
	// The eigenvalues of a block of order 5 are known to 1e-3.
	if unexplained > trials/1000 {
		t.Errorf("%d of %d errors do not name the mode", unexplained, trials)
	}
}

// What is solvable is solved, rightly.
func TestRiccatiSeesJordanBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	answers, compared := 0, 0
	const trials = 1000
	for trial := range trials {
		a, b, q := jordan(rng, false)
		s, err := Riccati(a, b, q, Identity(b.Cols))
		if err != nil {
			if errors.Is(err, ErrUnitCircle) || !isTyped(err) {
				t.Errorf("trial %d: A %v B %v Q %v: %v", trial, a, b, q, err)
			}
			continue
		}
		answers++
		if trial%10 != 0 {
			continue
		}
		p, w, ok := bigRiccati(t, a, b, q, Identity(b.Cols), 400)
		if !ok {
			continue
		}
		compared++
		near(t, "P", s.P, p, 32e-16*s.Condition())
		// W may depend on entries of P that are 1e-6 of the largest, and
		// those are promised to accepted.
		near(t, "W", s.Gain, w, accepted)
	}
	if answers < trials*7/10 || compared < 50 {
		t.Errorf("%d of %d answered, %d compared", answers, trials, compared)
	}
}

// The plant on which Newton's method next to a double root reads as converged.
func TestRiccatiJordanBlockOfOrderThree(t *testing.T) {
	a := rows(t, []float64{1, 1, 0, 0}, []float64{1, 1, 1, 0}, []float64{0, -1, 1, 0}, []float64{0, 0, 0, 2})
	b := rows(t, []float64{4, 3}, []float64{4, 1}, []float64{4, 3}, []float64{-3, 3})
	_, err := Riccati(a, b, Diagonal(0, 0, 0, 0x1p20), Identity(2))
	var e *UnitCircleError
	if !errors.As(err, &e) || abs(e.Eigenvalue-1) > 1e-12 {
		t.Errorf("error %v, want 1 unseen", err)
	}
}
