package check

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// A lyapunov encloses solutions of
//
//	X = A X Aᵀ + V
//
// for every A of an interval matrix, and proves that all of them are stable.
//
// # Method
//
// Let Y be any symmetric matrix, D a positive diagonal, and suppose Cholesky
// factorisation in intervals shows
//
//	Y ≻ 0   and   c (Y − A Y Aᵀ) ≻ D   for every A.
//
// Then every A is stable, by Lyapunov's theorem. Let X̂ be any symmetric matrix,
// and Z = X − X̂ the error of it as a solution for one A and V:
//
//	Z − A Z Aᵀ = A X̂ Aᵀ + V − X̂ =: T.
//
// If −tD ⪯ T ⪯ tD, then tcY ± Z have a positive semidefinite right-hand side
// and so are positive semidefinite themselves: −tcY ⪯ Z ⪯ tcY, and therefore
// |Zᵢⱼ| ≤ t c √(Yᵢᵢ Yⱼⱼ). t comes from diagonal dominance over T.
//
// X̂ and Y are found by Smith's doubling in floating point. With D near
// what dominates T the bound is what the residual can really cause, whatever the
// units of the states.
type lyapunov struct {
	a      interval.Matrix
	powers []matrixeq.Matrix // about A^(2^k)
	cert   *stability        // the last one found
	unit   []float64         // of the states, by the first solution: later ones need not be definite
}

// A stability certificate: c (Y − A Y Aᵀ) ≻ diag(d) with size_i ≥ √(c Yᵢᵢ).
type stability struct {
	d, size []float64
}

var errUnstable = errors.New("the closed loop cannot be shown to be stable")

// stabilityError says that a closed loop could not be shown to be stable.
type stabilityError struct {
	Radius float64 // of its midpoint, estimated from a power of it
}

func (e *stabilityError) Error() string {
	return fmt.Sprintf("%v: its spectral radius is about %.6g", errUnstable, e.Radius)
}

func (e *stabilityError) Unwrap() error { return errUnstable }

// newLyapunov prepares for A; it proves nothing yet.
func newLyapunov(a interval.Matrix) (*lyapunov, error) {
	if !bounded(a) {
		return nil, errUnbounded
	}
	powers, radius := doublings(mid(a))
	if powers == nil {
		return nil, &stabilityError{radius}
	}
	return &lyapunov{a: a, powers: powers}, nil
}

var errUnbounded = errors.New("a number leaves the range of float64")

// doublings returns A, A², A⁴, … until the square of the last is negligible, or
// nil if they do not become small; and ‖Aᵐ‖^(1/m) for the last.
func doublings(a matrixeq.Matrix) (powers []matrixeq.Matrix, radius float64) {
	const most = 50 // 2⁵⁰ steps: 1 − ρ is about 1e-14
	m := 1.0
	for range most {
		size := norm(a)
		radius = math.Pow(size, 1/m)
		if !(size < 1e140) {
			return nil, radius
		}
		powers = append(powers, a)
		if size < 1e-12 {
			return powers, radius
		}
		a, m = product(a, a), 2*m
	}
	return nil, radius
}

// approximate is about the solution for a symmetric V.
func approximate(powers []matrixeq.Matrix, v matrixeq.Matrix) matrixeq.Matrix {
	x := v
	for _, a := range powers {
		x = plus(x, 1, product(product(a, x), a.T()))
	}
	return symmetric(x)
}

// solve encloses X for every symmetric V of v.
func (l *lyapunov) solve(v interval.Matrix) (interval.Matrix, error) {
	x, d, err := l.residual(v, true)
	if err != nil {
		return interval.Matrix{}, err
	}
	for _, d := range weights(d, l.unit) {
		if c := l.certify(d); c != nil {
			l.cert = c
			break
		}
	}
	if l.cert == nil {
		return interval.Matrix{}, &stabilityError{math.Pow(norm(l.powers[len(l.powers)-1]), math.Ldexp(1, 1-len(l.powers)))}
	}
	return l.cert.around(x, d)
}

// bound is solve with the certificate of the last solve: quicker, and wider.
func (l *lyapunov) bound(v interval.Matrix) (interval.Matrix, error) {
	x, d, err := l.residual(v, false)
	if err != nil {
		return interval.Matrix{}, err
	}
	return l.cert.around(x, d)
}

// residual returns X̂, refined once or not, and d with
// −diag(d) ⪯ T ⪯ diag(d).
func (l *lyapunov) residual(v interval.Matrix, refine bool) (x matrixeq.Matrix, d []float64, err error) {
	if !bounded(v) {
		return x, nil, errUnbounded
	}
	a, vm := l.powers[0], symmetric(mid(v))
	x = approximate(l.powers, vm)
	if refine {
		x = plus(x, 1, approximate(l.powers, symmetric(plus(plus(product(product(a, x), a.T()), 1, vm), -1, x))))
	}
	if !isFinite(x) {
		return x, nil, errUnbounded
	}
	xx := thin(x)
	if l.unit == nil {
		l.unit = units(x)
	}
	d = dominate(l.a.Mul(xx).MulNT(l.a).Add(v).Sub(xx).Symmetrize(), l.unit)
	for _, s := range d {
		if math.IsInf(s, 1) {
			return x, nil, errUnbounded
		}
	}
	return x, d, nil
}

// around is the set of matrices near x̂ that a residual within ±diag(d) allows.
func (c *stability) around(x matrixeq.Matrix, d []float64) (interval.Matrix, error) {
	t := 0.0
	for i, s := range d {
		t = max(t, interval.DivUp(s, c.d[i]))
	}
	m := thin(x)
	if t == 0 {
		return m, nil
	}
	for i := range m.Rows {
		for j := range m.Cols {
			r := interval.MulUp(t, interval.MulUp(c.size[i], c.size[j]))
			if math.IsInf(r, 1) {
				return m, errUnbounded
			}
			m.Set(i, j, within(m.At(i, j), r))
		}
	}
	return m, nil
}

// certify tries to prove stability with a Y that solves Y = A Y Aᵀ + D.
func (l *lyapunov) certify(d []float64) *stability {
	y := approximate(l.powers, matrixeq.Diagonal(d...))
	if !isFinite(y) {
		return nil
	}
	yy := thin(y)
	if !yy.PositiveDefinite() {
		return nil
	}
	g := yy.Sub(l.a.Mul(yy).MulNT(l.a)).Symmetrize()
	for _, c := range slacks {
		if minusDiagonal(g.Scale(interval.Of(c)), d).PositiveDefinite() {
			s := &stability{d: d, size: make([]float64, len(d))}
			for i := range d {
				s.size[i] = interval.SqrtUp(interval.MulUp(c, y.At(i, i)))
			}
			return s
		}
	}
	return nil
}

// slacks are tried in turn for the factor by which rounding, or the width of
// A, makes c (Y − A Y Aᵀ) ≻ D weaker than the equation that Y solves nearly.
var slacks = []float64{1 + 0x1p-6, 1.25, 2, 16, 256}

// weights proposes diagonals D ≥ d > 0 for a residual dominated by d of a
// solution in which the states have the units u: d itself where it is not far smaller, in that of its
// state, than elsewhere; then one that follows the units alone, and one that
// ignores them.
func weights(d, u []float64) [][]float64 {
	relative, largest := 0x1p-60, 0.0
	for i, s := range d {
		relative = max(relative, s/(u[i]*u[i]))
		largest = max(largest, s, 0x1p-60*u[i]*u[i])
	}
	ds := [][]float64{make([]float64, len(d)), make([]float64, len(d)), make([]float64, len(d))}
	for i, s := range d {
		ds[0][i] = max(s, 0x1p-20*relative*u[i]*u[i])
		ds[1][i] = max(s, relative*u[i]*u[i])
		ds[2][i] = largest
	}
	return ds
}
