package lqr

import (
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
)

// standard is the form every spec is reduced to: flat, row-major, the discount
// inside a and b. It is never modified.
type standard struct {
	n, r         int
	a, b, q, rr  []float64 // n×n, n×r, n×n, r×r
	s0           []float64 // n×n
	definite     bool      // Σ₀ ≻ 0, shown by Cholesky
	shift        []float64 // R⁻¹Nᵀ, r×n, or nil: the gain here is the caller's minus shift
	sqrtDiscount float64
	loopA        []float64 // √γ A before the cross term is taken out: √γ (A − B W) of the caller's W
	absB         []float64 // |B|, entry by entry
	constant     float64   // part of the cost that no gain changes

	plantA, plantB []float64 // sampled, in the caller's coordinates and undiscounted
}

// sampledLoss is the largest relative rounding that eliminating the cross term
// of a sampled cost may leave: an unstable plant held for long makes Q and
// N R⁻¹Nᵀ nearly equal.
const sampledLoss = 1e-9

// reduce applies the substitutions of Spec's documentation to a checked spec.
func (s Spec) reduce(n, r int) (*standard, error) {
	f := &standard{n: n, r: r, sqrtDiscount: 1}
	f.a, f.b = slices.Clone(s.A.Data), slices.Clone(s.B.Data)
	f.q, f.rr = slices.Clone(s.Q.Data), slices.Clone(s.R.Data)
	dense.Symmetrize(f.q, n)
	dense.Symmetrize(f.rr, r)
	cross, noise := slices.Clone(s.N.Data), slices.Clone(s.Noise.Data)
	if noise != nil {
		dense.Symmetrize(noise, n)
	}

	if h := s.SampleTime; h > 0 {
		d, err := sample(f.a, f.b, f.q, f.rr, cross, noise, n, r, h)
		if err != nil {
			return nil, err
		}
		f.a, f.b, f.q, f.rr, cross, noise, f.constant = d.a, d.b, d.q, d.r, d.cross, d.noise, d.between
		if err := matrixeq.CheckPositiveDefinite("R, sampled,", matrixeq.Matrix{Rows: r, Cols: r, Data: f.rr}); err != nil {
			return nil, err
		}
	}
	f.plantA, f.plantB = slices.Clone(f.a), slices.Clone(f.b)
	f.loopA = f.a
	if dense.MaxAbs(cross) > 0 {
		f.loopA = slices.Clone(f.a)
		q, a := dense.MaxAbs(f.q), dense.MaxAbs(f.a)
		if err := f.absorb(cross); err != nil {
			return nil, err
		}
		if lost := dense.Eps * max(q/dense.MaxAbs(f.q), a/max(dense.MaxAbs(f.a), 1)); s.SampleTime > 0 && q > 0 && lost > sampledLoss {
			return nil, &SpecError{Field: "sample_time", Problem: fmt.Sprintf("is so long that the plant grows by %.3g between samples, and float64 would keep the sampled cost to %.1g only, worse than %.1g", a, lost, float64(sampledLoss)), Value: s.SampleTime, HasValue: true}
		}
	}
	if γ := s.Discount; γ != 0 && γ != 1 {
		f.sqrtDiscount = math.Sqrt(γ)
		if f.shift != nil {
			dense.Scale(f.loopA, f.sqrtDiscount, f.loopA)
		}
		dense.Scale(f.a, f.sqrtDiscount, f.a)
		dense.Scale(f.b, f.sqrtDiscount, f.b)
	}

	f.s0 = make([]float64, n*n)
	switch {
	case s.AverageCost:
		copy(f.s0, noise)
	case !s.Sigma0.IsZero():
		copy(f.s0, s.Sigma0.Data)
	case s.X0 != nil:
		dense.MulNT(f.s0, s.X0, s.X0, n, 1, n)
	default:
		for i := range n {
			f.s0[i*n+i] = 1
		}
	}
	if noise != nil && !s.AverageCost {
		f.constant /= 1 - s.Discount
		c := s.Discount / (1 - s.Discount)
		for i := range f.s0 {
			f.s0[i] += c * noise[i]
		}
	}
	dense.Symmetrize(f.s0, n)
	if dense.MaxAbs(f.s0) == 0 {
		return nil, &SpecError{Field: "Sigma0", Problem: "(with x0 and noise) is zero: every stabilising gain would cost nothing"}
	}
	f.definite = matrixeq.CheckPositiveDefinite("Sigma0", matrixeq.Matrix{Rows: n, Cols: n, Data: f.s0}) == nil
	for _, m := range []struct {
		name string
		data []float64
	}{{"A", f.a}, {"B", f.b}, {"Q", f.q}, {"Sigma0", f.s0}} {
		if x := dense.MaxAbs(m.data); math.IsInf(x, 0) || math.IsNaN(x) {
			return nil, &SpecError{Field: m.name, Problem: "overflows float64 after the substitutions for N, discount and noise"}
		}
	}
	return f, nil
}

// absorb removes the cross term N (n×r): W ← W − R⁻¹Nᵀ, A ← A − B R⁻¹Nᵀ,
// Q ← Q − N R⁻¹Nᵀ. The cost is bounded below for every plant only where that Q
// is positive semidefinite, that is, where [Q N; Nᵀ R] is.
func (f *standard) absorb(cross []float64) error {
	n, r := f.n, f.r
	l := slices.Clone(f.rr)
	if !dense.Cholesky(l, l, r) {
		return &SpecError{Field: "R", Problem: "is too ill-conditioned to eliminate the cross term N"}
	}
	f.shift = make([]float64, r*n)
	dense.Transpose(f.shift, cross, n, r)
	dense.CholeskySolve(l, f.shift, r, n)
	t := make([]float64, n*n)
	dense.Mul(t, f.b, f.shift, n, r, n)
	for i := range t {
		f.a[i] -= t[i]
	}
	dense.Mul(t, cross, f.shift, n, r, n)
	qScale := dense.MaxAbs(f.q) // what N cancels leaves rounding of this size
	for i := range t {
		q := f.q[i] - t[i]
		if math.Abs(q) <= 4*float64(r)*0x1p-52*(math.Abs(f.q[i])+math.Abs(t[i])) {
			q = 0 // what is left of an entry that N cancels is rounding
		}
		f.q[i] = q
	}
	dense.Symmetrize(f.q, n)
	return matrixeq.CheckPositiveSemidefiniteAt("Q - N R⁻¹ Nᵀ", matrixeq.Matrix{Rows: n, Cols: n, Data: f.q}, max(qScale, matrixeq.CostScale(matrixeq.Matrix{Rows: n, Cols: r, Data: f.b}, matrixeq.Matrix{Rows: r, Cols: r, Data: f.rr})))
}
