package matrixeq

import (
	"encoding/json"
	"errors"
	"math"
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
