package matrixeq

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

func rows(t testing.TB, r ...[]float64) Matrix {
	t.Helper()
	m, err := FromRows(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// relative is ‖X − Y‖_F / ‖Y‖_F.
func relative(x, y Matrix) float64 {
	d := make([]float64, len(y.Data))
	dense.Sub(d, x.Data, y.Data)
	e, s := dense.Norm(d), dense.Norm(y.Data)
	if s == 0 {
		return e
	}
	return e / s
}

func near(t testing.TB, what string, got, want Matrix, tol float64) {
	t.Helper()
	if got.Rows != want.Rows || got.Cols != want.Cols {
		t.Fatalf("%s is %d×%d, want %d×%d", what, got.Rows, got.Cols, want.Rows, want.Cols)
	}
	if d := relative(got, want); !(d <= tol) {
		t.Errorf("%s: relative error %.3g > %.3g\n got %v\nwant %v", what, d, tol, got.Data, want.Data)
	}
}

// The minimal solution (0 here) solves these equations too, with no residual.
func TestRiccatiBlindToUnstableMode(t *testing.T) {
	s, err := Riccati(Scalar(2), Scalar(1), Scalar(0), Scalar(1))
	if err != nil {
		t.Fatal(err)
	}
	// p = 4p/(1+p) gives p = 3, w = 2p/(1+p) = 3/2.
	near(t, "P", s.P, Scalar(3), 1e-15)
	near(t, "W", s.Gain, Scalar(1.5), 1e-15)

	s, err = Riccati(rows(t, []float64{2, .3}, []float64{0, .5}), rows(t, []float64{1}, []float64{1}), Diagonal(0, 1), Scalar(1))
	if err != nil {
		t.Fatal(err)
	}
	// Eight printed decimals, from a Newton iteration started at a
	// stabilising gain.
	near(t, "P", s.P, rows(t, []float64{6.15587653, .1200642}, []float64{.1200642, 1.13512395}), 1e-8)
}

func TestRiccatiUnitCircle(t *testing.T) {
	for name, a := range map[string]Matrix{
		"one":            Scalar(1),
		"minus one":      Scalar(-1),
		"pair":           rows(t, []float64{.6, .8}, []float64{-.8, .6}),
		"with unstable":  Diagonal(1, 3),
		"double integr.": rows(t, []float64{1, .1}, []float64{0, 1}),
	} {
		n := a.Rows
		_, err := Riccati(a, Identity(n), New(n, n), Identity(n))
		var e *UnitCircleError
		if !errors.As(err, &e) || !errors.Is(err, ErrUnitCircle) {
			t.Errorf("%s: error %v, want a UnitCircleError", name, err)
			continue
		}
		if math.Abs(abs(e.Eigenvalue)-1) > 1e-7 {
			t.Errorf("%s: names %v", name, e.Eigenvalue)
		}
	}
}

func TestRiccatiNotStabilizable(t *testing.T) {
	a := rows(t, []float64{.5, 1, 0}, []float64{0, 1.25, 0}, []float64{0, 0, 2})
	b := rows(t, []float64{1}, []float64{0}, []float64{1})
	_, err := Riccati(a, b, Identity(3), Scalar(1))
	var e *NotStabilizableError
	if !errors.As(err, &e) || !errors.Is(err, ErrNotStabilizable) {
		t.Fatalf("error %v, want a NotStabilizableError", err)
	}
	if e.Eigenvalue != 1.25 {
		t.Errorf("names %v, want 1.25", e.Eigenvalue)
	}
}

func TestRiccatiTrivial(t *testing.T) {
	// Nothing to pay: P = 0, W = 0.
	s, err := Riccati(Diagonal(.5, -.9), Identity(2), New(2, 2), Identity(2))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "P", s.P, New(2, 2), 0)
	near(t, "W", s.Gain, New(2, 2), 0)
	// Nothing to do: P = 1/(1 − a²) by the geometric series.
	s, err = Riccati(Scalar(.5), Scalar(0), Scalar(3), Scalar(1))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "P", s.P, Scalar(4), 1e-15)
}

type darexCase struct {
	ID         string
	A, B, Q, R Matrix
	X          Matrix
}

// darex.json: the DAREX collection of benchmark examples with exact solutions
// (P. Benner, A. J. Laub, V. Mehrmann, SPC 95-23); matrices given in words are
// generated here.
func darex(t testing.TB) []darexCase {
	text, err := os.ReadFile("testdata/darex.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw []struct {
		ID         string
		A, B, Q, R json.RawMessage
		X          json.RawMessage `json:"X_exact"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	const n = 100
	words := map[string]Matrix{"I": Identity(n), "e_n": New(n, 1), "diag(1..n)": New(n, n), "shift k=1 of size 100": New(n, n)}
	words["e_n"].Set(n-1, 0, 1)
	for i := range n {
		words["diag(1..n)"].Set(i, i, float64(i+1))
		if i+1 < n {
			words["shift k=1 of size 100"].Set(i, i+1, 1)
		}
	}
	var cases []darexCase
	for _, r := range raw {
		c := darexCase{ID: r.ID}
		for dst, src := range map[*Matrix]json.RawMessage{&c.A: r.A, &c.B: r.B, &c.Q: r.Q, &c.R: r.R, &c.X: r.X} {
			var word string
			if json.Unmarshal(src, &word) == nil {
				m, ok := words[word]
				if !ok {
					t.Fatalf("%s: what is %q?", r.ID, word)
				}
				*dst = m
			} else if err := json.Unmarshal(src, dst); err != nil {
				t.Fatal(err)
			}
		}
		cases = append(cases, c)
	}
	return cases
}

func TestRiccatiDAREX(t *testing.T) {
	cases := darex(t)
	if len(cases) != 10 {
		t.Fatalf("%d cases, want 10", len(cases))
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			s, err := Riccati(c.A, c.B, c.Q, c.R)
			if strings.HasSuffix(c.ID, " 1.1") {
				var e *NotPositiveDefiniteError
				if !errors.As(err, &e) || e.Name != "R" {
					t.Fatalf("error %v, want R not positive definite", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("residual %.2g, error %.2g, %d doublings, %d refinements", s.Residual, relative(s.P, c.X), s.Doublings, s.Refinements)
			if s.Residual > 1e-12 {
				t.Errorf("residual %.3g", s.Residual)
			}
			// What a relative change of ε in the data does to P, times the
			// dozen roundings of the last correction.
			near(t, "P", s.P, c.X, max(1e-15, 16*dense.Eps*s.Condition()))
		})
	}
}

func TestRiccatiAgainstValueIteration(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	checked, blind := 0, 0
	for trial := range 150 {
		n := 1 + trial%4
		k := 1 + rng.IntN(n)
		a, b := randomMatrix(rng, n, n, 1), randomMatrix(rng, n, k, 1)
		// Q of rank 0 … n: with rank 0 every unstable mode is unseen.
		q, rank := New(n, n), rng.IntN(n+1)
		if rank > 0 {
			c := randomMatrix(rng, rank, n, 1)
			dense.SymmetricTN(q.Data, c.Data, c.Data, rank, n)
		}
		if trial%3 == 0 { // block triangular: Q sees only what the last block drives
			for i := 1; i < n; i++ {
				a.Set(i, 0, 0)
				q.Set(i, 0, 0)
				q.Set(0, i, 0)
			}
			q.Set(0, 0, 0)
			blind++
		}
		r := Identity(k)
		p, w, ok := bigRiccati(t, a, b, q, r, 400)
		if !ok {
			continue
		}
		checked++
		s, err := Riccati(a, b, q, r)
		if err != nil {
			t.Errorf("trial %d: %v", trial, err)
			continue
		}
		tol := 32 * dense.Eps * s.Condition()
		if tol > 1e-10 {
			t.Logf("trial %d: condition %.3g", trial, s.Condition())
		}
		near(t, fmt.Sprint("P of trial ", trial), s.P, p, tol)
		near(t, fmt.Sprint("W of trial ", trial), s.Gain, w, max(tol, 1e-13))
		if !(s.Radius() < 1) {
			t.Errorf("trial %d: radius %g", trial, s.Radius())
		}
	}
	if checked < 120 || blind < 40 {
		t.Errorf("only %d compared, %d blind", checked, blind)
	}
}

// A power of two in the units of cost, input and state changes nothing but
// exponents (of the state: nothing but rounding).
func TestRiccatiUnits(t *testing.T) {
	a, b, q, r := plant(4)
	base, err := Riccati(a, b, q, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []int{-900, -30, 2, 600} {
		q2, r2 := q.Clone(), r.Clone()
		dense.Scale(q2.Data, math.Ldexp(1, e), q.Data)
		dense.Scale(r2.Data, math.Ldexp(1, e), r.Data)
		s, err := Riccati(a, b, q2, r2)
		if err != nil {
			t.Fatalf("cost × 2^%d: %v", e, err)
		}
		dense.Scale(s.P.Data, math.Ldexp(1, -e), s.P.Data)
		if !s.P.Equal(base.P) || !s.Gain.Equal(base.Gain) {
			t.Errorf("cost × 2^%d: other bits", e)
		}
	}
	for _, e := range []int{-400, 5, 400} {
		b2, r2 := b.Clone(), r.Clone()
		dense.Scale(b2.Data, math.Ldexp(1, e), b.Data)
		dense.Scale(r2.Data, math.Ldexp(1, 2*e), r.Data)
		s, err := Riccati(a, b2, q, r2)
		if err != nil {
			t.Fatalf("input × 2^%d: %v", e, err)
		}
		dense.Scale(s.Gain.Data, math.Ldexp(1, e), s.Gain.Data)
		if !s.P.Equal(base.P) || !s.Gain.Equal(base.Gain) {
			t.Errorf("input × 2^%d: other bits", e)
		}
	}
}

// (1, 1, q, 1): p = (q + √(q² + 4q))/2, closed loop 1/(1 + p).
func TestRiccatiNearTheUnitCircle(t *testing.T) {
	for _, q := range []float64{1, 1e-4, 1e-8, 1e-12, 1e-16, 1e-20} {
		s, err := Riccati(Scalar(1), Scalar(1), Scalar(q), Scalar(1))
		if err != nil {
			t.Errorf("q = %g: %v", q, err)
			continue
		}
		want := (q + math.Sqrt(q*q+4*q)) / 2
		near(t, fmt.Sprint("P at q = ", q), s.P, Scalar(want), 1e-15*s.Condition())
	}
}

// A mode on the unit circle that Q does not see, hidden by a change of
// coordinates, beside others: never an answer.
func TestRiccatiUnitCircleHidden(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for trial := range 30 {
		n := 2 + trial%4
		d, q := New(n, n), New(n, n)
		for i := range n {
			d.Set(i, i, 2*rng.Float64())
			q.Set(i, i, 1)
		}
		d.Set(0, 0, 1)
		q.Set(0, 0, 0)
		if trial%2 == 1 && n > 2 {
			d.Set(0, 0, .6)
			d.Set(1, 1, .6)
			d.Set(0, 1, .8)
			d.Set(1, 0, -.8)
			q.Set(1, 1, 0)
		}
		// An orthogonal change of coordinates H = I − 2vvᵀ.
		v := randomMatrix(rng, n, 1, 1)
		dense.Scale(v.Data, 1/dense.Norm(v.Data), v.Data)
		h, tmp := Identity(n), make([]float64, n*n)
		for i := range n {
			for j := range n {
				h.Data[i*n+j] -= 2 * v.Data[i] * v.Data[j]
			}
		}
		dense.Congruence(q.Data, h.Data, q.Data, tmp, n)
		dense.Mul(tmp, h.Data, d.Data, n, n, n)
		a := New(n, n)
		dense.MulNT(a.Data, tmp, h.Data, n, n, n)
		b := randomMatrix(rng, n, 1+trial%2, 1)
		_, err := Riccati(a, b, q, Identity(b.Cols))
		if !errors.Is(err, ErrUnitCircle) {
			t.Errorf("trial %d, n = %d: error %v", trial, n, err)
		}
	}
}

func TestRiccatiMixedScales(t *testing.T) {
	// The blind mode at 1 is decoupled from one with P = 2e17.
	_, err := Riccati(Diagonal(1.1, 1), Diagonal(1e-9, 1), Diagonal(1, 0), Identity(2))
	if !errors.Is(err, ErrUnitCircle) {
		t.Errorf("error %v", err)
	}
	// Barely controllable is controllable: p = (a²−1)/b² + O(1).
	s, err := Riccati(Scalar(1.5), Scalar(0x1p-30), Scalar(0), Scalar(1))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "P", s.P, Scalar(1.25*0x1p60), 1e-15)
}

func TestRiccatiRefuses(t *testing.T) {
	one := Scalar(1)
	for _, tt := range []struct {
		name       string
		a, b, q, r Matrix
		want       error
		matrix     string
	}{
		{"A absent", Matrix{}, one, one, one, ErrShape, "A is"},
		{"A not square", New(1, 2), one, one, one, ErrShape, "A is 1×2"},
		{"B of wrong height", Identity(2), one, Identity(2), one, ErrShape, "B is 1×1, want 2×1"},
		{"B absent", one, Matrix{}, one, one, ErrShape, "B is"},
		{"Q of wrong order", one, one, Identity(2), one, ErrShape, "Q is 2×2, want 1×1"},
		{"R of wrong order", one, one, one, Identity(2), ErrShape, "R is 2×2, want 1×1"},
		{"Data too short", Matrix{1, 1, nil}, one, one, one, ErrShape, "A is"},
		{"A NaN", Scalar(math.NaN()), one, one, one, ErrNotFinite, "A[0,0] = NaN"},
		{"B Inf", one, Scalar(math.Inf(1)), one, one, ErrNotFinite, "B[0,0]"},
		{"Q NaN", one, one, Scalar(math.NaN()), one, ErrNotFinite, "Q[0,0]"},
		{"R Inf", one, one, one, Scalar(math.Inf(-1)), ErrNotFinite, "R[0,0]"},
		{"Q asymmetric", Identity(2), Identity(2), Matrix{2, 2, []float64{1, 0, .5, 1}}, Identity(2), ErrNotSymmetric, "Q[1,0] = 0.5"},
		{"R asymmetric", Identity(2), Identity(2), Identity(2), Matrix{2, 2, []float64{1, 1e-6, 0, 1}}, ErrNotSymmetric, "R is not"},
		{"R zero", one, one, one, Scalar(0), ErrNotPositiveDefinite, "R is not"},
		{"R negative", one, one, one, Scalar(-1), ErrNotPositiveDefinite, "eigenvalue -1"},
		{"R singular", Identity(2), Identity(2), Identity(2), Matrix{2, 2, []float64{1, 1, 1, 1}}, ErrNotPositiveDefinite, "R is not"},
		{"Q negative", one, one, Scalar(-1e-9), one, ErrNotPositiveSemidefinite, "Q is not"},
		{"Q indefinite", Identity(2), Identity(2), Matrix{2, 2, []float64{0, 1, 1, 0}}, Identity(2), ErrNotPositiveSemidefinite, "eigenvalue -1"},
		{"overflow", Scalar(1e200), Scalar(1e-200), one, one, ErrNoConvergence, "residual"},
	} {
		_, err := Riccati(tt.a, tt.b, tt.q, tt.r)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
			continue
		}
		if !strings.Contains(err.Error(), tt.matrix) {
			t.Errorf("%s: %q does not contain %q", tt.name, err, tt.matrix)
		}
	}
}

func TestRoundingInQ(t *testing.T) {
	for _, q := range []Matrix{Scalar(-1e-17), Diagonal(1, -1e-17), rows(t, []float64{1, 1}, []float64{1, 1 - 1e-16}), rows(t, []float64{1, 1e-14}, []float64{0, 1})} {
		n := q.Rows
		a := New(n, n)
		for i := range n {
			a.Set(i, i, 2)
		}
		s, err := Riccati(a, Identity(n), q, Identity(n))
		if err != nil {
			t.Errorf("Q = %v: %v", q.Data, err)
			continue
		}
		if n == 1 {
			near(t, "P", s.P, Scalar(3), 1e-15)
		}
	}
}

// With Q = 0 the cheapest stabilising gain mirrors every unstable eigenvalue in
// the unit circle, λ → 1/λ̄, and leaves the others.
func TestRiccatiMirrorsUnstableModes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for n := 2; n <= 30; n += 4 {
		a, b := randomMatrix(rng, n, n, 1/math.Sqrt(float64(n))), randomMatrix(rng, n, 2, 1)
		dense.Scale(a.Data, 1.3, a.Data)
		s, err := Riccati(a, b, New(n, n), Identity(2))
		if err != nil {
			t.Fatalf("n=%d: %v", n, err)
		}
		want, err := eigenvalues(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := eigenvalues(s.ClosedLoop())
		if err != nil {
			t.Fatal(err)
		}
		mirrored := 0
		for i, l := range want {
			if abs(l) > 1 {
				want[i] = 1 / cmplx.Conj(l)
				mirrored++
			}
		}
		if mirrored == 0 {
			t.Errorf("n=%d: nothing to mirror", n)
		}
		// Eigenvalues of these matrices are known to about 1e-9.
		for _, l := range want {
			best := math.Inf(1)
			for _, m := range got {
				best = min(best, abs(l-m))
			}
			if best > 1e-8 {
				t.Errorf("n=%d: no closed-loop eigenvalue within %.2g of %v", n, best, l)
			}
		}
	}
}

// Errors come as quickly as answers of this size do.
func TestObstructionsOfLargeSystems(t *testing.T) {
	const n = 60
	rng := rand.New(rand.NewPCG(8, 8))
	h, tmp := reflection(rng, n), make([]float64, n*n)
	d := randomMatrix(rng, n, n, 1/math.Sqrt(n))
	for i := range n { // block triangular: mode 0 is decoupled
		d.Set(i, 0, 0)
		d.Set(0, i, 0)
	}
	rotate := func(x Matrix) Matrix {
		y := New(n, n)
		dense.Mul(tmp, h.Data, x.Data, n, n, n)
		dense.MulNT(y.Data, tmp, h.Data, n, n, n)
		return y
	}
	b := randomMatrix(rng, n, 3, 1)
	for j := range 3 {
		b.Set(0, j, 0)
	}
	hb := New(n, 3)
	dense.Mul(hb.Data, h.Data, b.Data, n, n, 3)
	d.Set(0, 0, 1.5)
	_, err := Riccati(rotate(d), hb, Identity(n), Identity(3))
	var ns *NotStabilizableError
	if !errors.As(err, &ns) || abs(ns.Eigenvalue-1.5) > 1e-9 {
		t.Errorf("error %v, want 1.5 uncontrollable", err)
	}
	d.Set(0, 0, -1)
	q := Identity(n)
	q.Set(0, 0, 0)
	q = rotate(q)
	dense.Symmetrize(q.Data, n)
	for j := range 3 {
		b.Set(0, j, 1)
	}
	dense.Mul(hb.Data, h.Data, b.Data, n, n, 3)
	_, err = Riccati(rotate(d), hb, q, Identity(3))
	var uc *UnitCircleError
	if !errors.As(err, &uc) || abs(uc.Eigenvalue+1) > 1e-9 {
		t.Errorf("error %v, want -1 unseen", err)
	}
}
