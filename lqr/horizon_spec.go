package lqr

import (
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Series is a matrix that may vary with time: one matrix, the same at all
// times, or one for each of the times 0 … T−1. An empty Series is an absent
// matrix.
type Series []matrixeq.Matrix

// A HorizonSpec describes a task of T steps on a plant that may vary with time,
//
//	sₜ₊₁ = Aₜ sₜ + Bₜ aₜ + vₜ,   E[vₜvₜᵀ] = Vₜ,   t = 0 … T−1,
//	C = E[ Σₜ γᵗ (sₜᵀQₜsₜ + 2 sₜᵀNₜaₜ + aₜᵀRₜaₜ) + γᵀ s_TᵀQ_Ts_T ].
//
// Absent matrices are zero values. [NewHorizon] checks it. In errors about
// matrices A[3] is the matrix A at time 3, and A one that does not vary.
//
// The weights need not be positive definite: Q, R and Q_T are semidefinite, N
// is any. What makes the problem one with a best gain at every time is that
// Rₜ + γ Bₜᵀ Pₜ₊₁ Bₜ ≻ 0 along the Riccati recursion; it is checked there.
// Noise needs no discount, since the horizon is finite.
type HorizonSpec struct {
	Name     string
	Horizon  int             // T ≥ 1
	A        Series          // d×d
	B        Series          // d×r
	Q        Series          // d×d, positive semidefinite; times 0 … T−1
	R        Series          // r×r, positive semidefinite
	N        Series          // d×r cross term 2 sᵀN a; absent: 0
	Noise    Series          // d×d covariance Vₜ of the noise that enters sₜ₊₁; absent: 0
	Terminal matrixeq.Matrix // Q_T, d×d, positive semidefinite; absent: 0
	Sigma0   matrixeq.Matrix // d×d covariance of s₀; absent: X0 X0ᵀ, or I
	X0       []float64       // d, a known initial state; not with Sigma0
	Discount float64         // γ in (0, 1], per step; 0 means 1
}

// ScaleCost returns the spec with every weight of the cost multiplied by c > 0,
// and with them every cost, gradient and higher derivative. The optimal gains do
// not change.
func (s HorizonSpec) ScaleCost(c float64) HorizonSpec {
	s = s.clone()
	for _, m := range [][]matrixeq.Matrix{s.Q, s.R, s.N, {s.Terminal}} {
		for _, x := range m {
			dense.Scale(x.Data, c, x.Data)
		}
	}
	return s
}

// horizonLimit bounds the float64s of one evaluated point, about
// (T+1)(3d² + 2rd + r²): two gigabytes.
const horizonLimit = 1 << 28

// stages is a checked HorizonSpec, time by time, flat and row-major, with the
// discount inside: a and b carry √γ, and the noise that enters sₜ₊₁ weighs
// γᵗ⁺¹. The state is then √γᵗ sₜ, its correlation γᵗ E[sₜsₜᵀ], and Pₜ is the
// cost to go from sₜ discounted to time t. A matrix that does not vary is
// shared by all times. Nothing is ever modified.
type stages struct {
	n, r, T           int
	a, b, q, rr       [][]float64
	cross             [][]float64 // Nᵀ, r×n; nil: 0
	noise             [][]float64 // nil: 0
	noiseWeight       []float64   // γᵗ⁺¹
	terminal, initial []float64   // Q_T and Σ₀, n×n
}

// stages checks the spec and brings it to that form.
func (s HorizonSpec) stages() (*stages, error) {
	if s.Horizon < 1 {
		return nil, &SpecError{Field: "horizon", Problem: "must be at least 1", Value: float64(s.Horizon), HasValue: true}
	}
	for _, m := range []struct {
		name string
		s    Series
	}{{"A", s.A}, {"B", s.B}, {"Q", s.Q}, {"R", s.R}} {
		if len(m.s) == 0 || m.s[0].IsZero() {
			return nil, &SpecError{Field: m.name, Problem: "is missing"}
		}
	}
	n, r := s.A[0].Rows, s.B[0].Cols
	for _, m := range []struct {
		name       string
		s          Series
		rows, cols int
	}{{"A", s.A, n, n}, {"B", s.B, n, r}, {"Q", s.Q, n, n}, {"R", s.R, r, r}, {"N", s.N, n, r}, {"noise", s.Noise, n, n}} {
		if err := m.s.check(m.name, m.rows, m.cols, s.Horizon); err != nil {
			return nil, err
		}
	}
	for _, m := range []struct {
		name       string
		m          matrixeq.Matrix
		rows, cols int
	}{{"terminal", s.Terminal, n, n}, {"Sigma0", s.Sigma0, n, n}, {"x0", matrixeq.Matrix{Rows: len(s.X0), Cols: 1, Data: s.X0}, n, 1}} {
		if m.name == "x0" && s.X0 == nil || m.name != "x0" && m.m.IsZero() {
			continue
		}
		if err := matrixeq.CheckShape(m.name, m.m, m.rows, m.cols); err != nil {
			return nil, err
		}
		if err := matrixeq.CheckFinite(m.name, m.m); err != nil {
			return nil, err
		}
	}
	switch γ := s.Discount; {
	case math.IsNaN(γ) || γ < 0 || γ > 1:
		return nil, &SpecError{Field: "discount", Problem: "must lie in (0, 1]", Value: γ, HasValue: true}
	case !s.Sigma0.IsZero() && s.X0 != nil:
		return nil, &SpecError{Field: "x0", Problem: "contradicts Sigma0: give the initial state or its covariance, not both"}
	}
	if size := (float64(s.Horizon) + 1) * (3*float64(n)*float64(n) + 2*float64(r)*float64(n) + float64(r)*float64(r)); size > horizonLimit {
		return nil, &SpecError{Field: "horizon", Problem: fmt.Sprintf("is so long that one evaluation would fill %.3g GB", 8e-9*size), Value: float64(s.Horizon), HasValue: true}
	}
	if err := s.definite(); err != nil {
		return nil, err
	}
	return s.assemble(n, r)
}

// check looks at the length of a series, and at the shape and entries of its
// matrices.
func (s Series) check(name string, rows, cols, horizon int) error {
	if len(s) > 1 && len(s) != horizon {
		return &SpecError{Field: name, Problem: fmt.Sprintf("must be one matrix or %d, one for each time 0 … %d", horizon, horizon-1), Value: float64(len(s)), HasValue: true}
	}
	for t, m := range s {
		name := s.label(name, t)
		if err := matrixeq.CheckShape(name, m, rows, cols); err != nil {
			return err
		}
		if err := matrixeq.CheckFinite(name, m); err != nil {
			return err
		}
	}
	return nil
}

// label is the name of matrix t of the series.
func (s Series) label(name string, t int) string {
	if len(s) == 1 {
		return name
	}
	return fmt.Sprintf("%s[%d]", name, t)
}

// at is the matrix at time t.
func (s Series) at(t int) matrixeq.Matrix {
	if len(s) == 1 {
		return s[0]
	}
	return s[t]
}

// definite checks signs.
func (s HorizonSpec) definite() error {
	for t, m := range s.R {
		if err := matrixeq.CheckPositiveSemidefinite(s.R.label("R", t), m); err != nil {
			return err
		}
	}
	// Rounding in Q is judged beside R of the same time, as for a Spec.
	for t, m := range s.Q {
		if err := matrixeq.CheckPositiveSemidefiniteAt(s.Q.label("Q", t), m, matrixeq.CostScale(s.B.at(t), s.R.at(t))); err != nil {
			return err
		}
	}
	for t, m := range s.Noise {
		if err := matrixeq.CheckPositiveSemidefinite(s.Noise.label("noise", t), m); err != nil {
			return err
		}
	}
	if !s.Terminal.IsZero() {
		last := s.Horizon - 1
		if err := matrixeq.CheckPositiveSemidefiniteAt("terminal", s.Terminal, matrixeq.CostScale(s.B.at(last), s.R.at(last))); err != nil {
			return err
		}
	}
	if !s.Sigma0.IsZero() {
		return matrixeq.CheckPositiveSemidefinite("Sigma0", s.Sigma0)
	}
	return nil
}

// assemble copies a checked spec.
func (s HorizonSpec) assemble(n, r int) (*stages, error) {
	f := &stages{n: n, r: r, T: s.Horizon}
	γ := s.Discount
	if γ == 0 {
		γ = 1
	}
	c := math.Sqrt(γ)
	f.a = s.A.spread(f.T, func(x []float64) { dense.Scale(x, c, x) })
	f.b = s.B.spread(f.T, func(x []float64) { dense.Scale(x, c, x) })
	f.q = s.Q.spread(f.T, func(x []float64) { dense.Symmetrize(x, n) })
	f.rr = s.R.spread(f.T, func(x []float64) { dense.Symmetrize(x, r) })
	f.noise = s.Noise.spread(f.T, func(x []float64) { dense.Symmetrize(x, n) })
	f.cross = s.N.spread(f.T, func(x []float64) { dense.Transpose(x, slices.Clone(x), n, r) })
	if f.noise != nil {
		f.noiseWeight = make([]float64, f.T)
		for t := range f.noiseWeight {
			f.noiseWeight[t] = math.Pow(γ, float64(t+1))
		}
	}
	f.terminal = make([]float64, n*n)
	copy(f.terminal, s.Terminal.Data)
	dense.Symmetrize(f.terminal, n)
	f.initial = make([]float64, n*n)
	switch {
	case !s.Sigma0.IsZero():
		copy(f.initial, s.Sigma0.Data)
	case s.X0 != nil:
		dense.MulNT(f.initial, s.X0, s.X0, n, 1, n)
	default:
		dense.Identity(f.initial, n)
	}
	dense.Symmetrize(f.initial, n)
	if !dense.Finite(f.initial) {
		return nil, &SpecError{Field: "x0", Problem: "overflows float64 when squared"}
	}
	moved := dense.MaxAbs(f.initial) > 0
	for _, v := range f.noise {
		moved = moved || dense.MaxAbs(v) > 0
	}
	if !moved {
		return nil, &SpecError{Field: "Sigma0", Problem: "(with x0 and noise) is zero: every gain would cost nothing"}
	}
	return f, nil
}

// spread returns copies of the series' entries, prepared, for each of T times;
// nil for an absent series.
func (s Series) spread(T int, prepare func([]float64)) [][]float64 {
	if len(s) == 0 {
		return nil
	}
	out := make([][]float64, T)
	for t := range out {
		if t > 0 && len(s) == 1 {
			out[t] = out[0]
			continue
		}
		out[t] = slices.Clone(s[t].Data)
		prepare(out[t])
	}
	return out
}

func (s Series) clone() Series {
	c := slices.Clone(s)
	for t := range c {
		c[t] = c[t].Clone()
	}
	return c
}

func (s HorizonSpec) clone() HorizonSpec {
	for _, m := range []*Series{&s.A, &s.B, &s.Q, &s.R, &s.N, &s.Noise} {
		*m = m.clone()
	}
	for _, m := range []*matrixeq.Matrix{&s.Terminal, &s.Sigma0} {
		if !m.IsZero() {
			*m = m.Clone()
		}
	}
	s.X0 = slices.Clone(s.X0)
	return s
}
