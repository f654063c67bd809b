package matrixeq

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
)

func TestMatrix(t *testing.T) {
	m := rows(t, []float64{1, 2, 3}, []float64{4, 5, 6})
	if m.At(1, 0) != 4 || m.Row(0)[2] != 3 || m.T().At(2, 1) != 6 || m.T().Rows != 3 {
		t.Errorf("%v", m)
	}
	c := m.Clone()
	c.Set(0, 0, 7)
	if m.At(0, 0) != 1 || c.Equal(m) || !m.Equal(m.T().T()) {
		t.Error("Clone, Equal or T")
	}
	if !(Matrix{}).IsZero() || New(2, 2).IsZero() || !(Matrix{}).Clone().IsZero() {
		t.Error("IsZero")
	}
	if Scalar(0).Equal(Scalar(math.Copysign(0, -1))) || !Scalar(math.NaN()).Equal(Scalar(math.NaN())) {
		t.Error("Equal is not bitwise")
	}
	for _, bad := range [][][]float64{nil, {}, {{}}, {{1}, {1, 2}}} {
		if _, err := FromRows(bad); !errors.Is(err, ErrShape) {
			t.Errorf("FromRows(%v): %v", bad, err)
		}
	}
}

func TestMatrixJSON(t *testing.T) {
	m := rows(t, []float64{.1, 0, 1e-320}, []float64{math.MaxFloat64, 1. / 3, math.Copysign(0, -1)})
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Matrix
	if err := json.Unmarshal(text, &back); err != nil || !back.Equal(m) {
		t.Errorf("%s reads back as %v: %v", text, back, err)
	}
	if text, err = json.Marshal(struct{ A, B Matrix }{B: Scalar(2)}); err != nil || string(text) != `{"A":null,"B":[[2]]}` {
		t.Errorf("%s, %v", text, err)
	}
	for _, bad := range []string{`[[1],[1,2]]`, `[]`, `[[]]`, `5`, `[["1"]]`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
	if _, err := json.Marshal(Scalar(math.Inf(1))); err == nil {
		t.Error("infinity written")
	}
}

func TestChecks(t *testing.T) {
	hilbert := New(6, 6) // κ = 1.5e7: definite beyond doubt
	for i := range 6 {
		for j := range 6 {
			hilbert.Set(i, j, 1/float64(i+j+1))
		}
	}
	for _, tt := range []struct {
		name    string
		m       Matrix
		pd, psd error
	}{
		{"identity", Identity(3), nil, nil},
		{"scales", Diagonal(1e300, 1, 1e-300), nil, nil},
		{"hilbert", hilbert, nil, nil},
		{"zero", New(2, 2), ErrNotPositiveDefinite, nil},
		{"rank one", rows(t, []float64{1, 2}, []float64{2, 4}), ErrNotPositiveDefinite, nil},
		{"rank one, rounded", rows(t, []float64{.01, .03}, []float64{.03, .09}), ErrNotPositiveDefinite, nil},
		{"rounding below zero", Diagonal(1, -1e-17), ErrNotPositiveDefinite, nil},
		{"within Cholesky's rounding of singular", rows(t, []float64{1, 1 - 0x1p-53}, []float64{1 - 0x1p-53, 1}), ErrNotPositiveDefinite, nil},
		{"below zero by 10 times rounding", Diagonal(1, -2e-14), ErrNotPositiveDefinite, ErrNotPositiveSemidefinite},
		{"asymmetric by 1e-11", rows(t, []float64{1, 0}, []float64{1e-11, 1}), ErrNotSymmetric, ErrNotSymmetric},
		{"below zero", Diagonal(1, -1e-12), ErrNotPositiveDefinite, ErrNotPositiveSemidefinite},
		{"zero diagonal", rows(t, []float64{0, 1}, []float64{1, 5}), ErrNotPositiveDefinite, ErrNotPositiveSemidefinite},
		{"asymmetric", rows(t, []float64{1, 0}, []float64{1e-9, 1}), ErrNotSymmetric, ErrNotSymmetric},
		{"NaN", Diagonal(1, math.NaN()), ErrNotFinite, ErrNotFinite},
		{"wide", New(1, 2), ErrShape, ErrShape},
		{"absent", Matrix{}, ErrShape, ErrShape},
	} {
		if err := CheckPositiveDefinite("M", tt.m); !errors.Is(err, tt.pd) {
			t.Errorf("%s: definite: %v, want %v", tt.name, err, tt.pd)
		}
		if err := CheckPositiveSemidefinite("M", tt.m); !errors.Is(err, tt.psd) {
			t.Errorf("%s: semidefinite: %v, want %v", tt.name, err, tt.psd)
		}
	}
	// λ_min = 1 − (1 − 1e-15) scaled to unit diagonal, margin 2·2·6 ε.
	var e *NotPositiveDefiniteError
	m := rows(t, []float64{4, 2 - 2e-15}, []float64{2 - 2e-15, 1})
	if err := CheckPositiveDefinite("M", m); !errors.As(err, &e) || !e.Scaled || math.Abs(e.Eigenvalue-1e-15) > 2e-16 || e.Limit != 24*0x1p-53 {
		t.Errorf("%+v", e)
	}
	if err := CheckPositiveSemidefinite("M", Scalar(-1e-17)); !errors.Is(err, ErrNotPositiveSemidefinite) {
		t.Errorf("−1e-17 alone: %v", err)
	}
	if err := CheckPositiveSemidefiniteAt("M", Scalar(-1e-17), 1); err != nil {
		t.Errorf("−1e-17 beside 1: %v", err)
	}
}
