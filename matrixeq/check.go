package matrixeq

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/dense"
)

// asymmetry is the difference of two mirrored entries, relative to the largest
// entry, that passes as rounding: decimal files and products such as CᵀC are
// off by a few n·ε, a transposed block by its own size.
const asymmetry = 1e-12

// CheckShape returns a *ShapeError unless m is r×c with the data to match.
func CheckShape(name string, m Matrix, r, c int) error {
	if m.Rows != r || m.Cols != c || r <= 0 || c <= 0 || len(m.Data) != r*c {
		return &ShapeError{Name: name, Rows: m.Rows, Cols: m.Cols, WantRows: r, WantCols: c}
	}
	return nil
}

// CheckFinite returns a *NotFiniteError naming the first NaN or infinity.
func CheckFinite(name string, m Matrix) error {
	if dense.Finite(m.Data) {
		return nil
	}
	for i, x := range m.Data {
		if x-x != 0 {
			return &NotFiniteError{Name: name, Row: i / m.Cols, Col: i % m.Cols, Value: x}
		}
	}
	return nil
}

func checkSquare(name string, m Matrix) error {
	if err := CheckShape(name, m, max(m.Rows, 1), max(m.Rows, 1)); err != nil {
		return err
	}
	return CheckFinite(name, m)
}

// CheckSymmetric returns an error unless m is square, finite, and symmetric up
// to 1e-12 of its largest entry.
func CheckSymmetric(name string, m Matrix) error {
	if err := checkSquare(name, m); err != nil {
		return err
	}
	n := m.Rows
	limit := asymmetry * dense.MaxAbs(m.Data)
	worst := limit
	var found *NotSymmetricError
	for i := range n {
		for j := range i {
			x, y := m.Data[i*n+j], m.Data[j*n+i]
			if d := math.Abs(x - y); d > worst {
				worst = d
				found = &NotSymmetricError{Name: name, Row: i, Col: j, Value: x, Other: y, Limit: limit}
			}
		}
	}
	if found != nil {
		return found
	}
	return nil
}

// CheckPositiveDefinite returns an error unless m is symmetric and positive
// definite by more than rounding. The test is made on D m D with unit
// diagonal, so badly scaled units do not matter.
func CheckPositiveDefinite(name string, m Matrix) error {
	if err := CheckSymmetric(name, m); err != nil {
		return err
	}
	n := m.Rows
	w := make([]float64, n*n+n)
	if positiveDefinite(w[:n*n], w[n*n:], symmetrised(m).Data, nil, n) {
		return nil
	}
	return &NotPositiveDefiniteError{Name: name, Eigenvalue: leastEigenvalue(m), Limit: rounding(n) * dense.MaxAbs(m.Data)}
}

// CheckPositiveSemidefinite returns an error unless m is symmetric and its
// smallest eigenvalue is above −4nε times the largest entry.
func CheckPositiveSemidefinite(name string, m Matrix) error {
	return CheckPositiveSemidefiniteAt(name, m, 0)
}

// CheckPositiveSemidefiniteAt is CheckPositiveSemidefinite with rounding taken
// relative to the larger of m's largest entry and scale, for a matrix that may
// itself be nothing but rounding: −1e-17 is zero beside a scale of 1.
func CheckPositiveSemidefiniteAt(name string, m Matrix, scale float64) error {
	_, err := semidefinite(name, m, scale)
	return err
}

// CostScale is max|R| / max|B|², the size of R in units in which inputs move the
// state by as much as they are, and so the scale beside which an entry of Q may be
// rounding, whatever the units of the inputs. It is 0 where it has no finite value.
func CostScale(b, r Matrix) float64 {
	m := dense.MaxAbs(b.Data)
	s := dense.MaxAbs(r.Data) / m / m
	if !(s <= math.MaxFloat64) {
		return 0
	}
	return s
}

// rounding is the relative error allowed to the eigenvalues of an n×n matrix
// that was meant to be semidefinite.
func rounding(n int) float64 { return 8 * float64(n) * dense.Eps }

// semidefinite returns m symmetrised and, where rounding left it with negative
// eigenvalues, projected on the semidefinite cone. The result is a copy.
func semidefinite(name string, m Matrix, scale float64) (Matrix, error) {
	if err := CheckSymmetric(name, m); err != nil {
		return Matrix{}, err
	}
	n := m.Rows
	s := m.Clone()
	dense.Symmetrize(s.Data, n)
	size := dense.MaxAbs(s.Data)
	if size == 0 {
		return s, nil
	}
	limit := -rounding(n) * max(size, scale)
	if nonnegative(s.Data, n) {
		return s, nil
	}
	// Not obviously so: ask the eigenvalues, scaled away from overflow.
	_, e := math.Frexp(size)
	vals, vecs, ok := eigenSym(s.Data, n, -e)
	if !ok || math.Ldexp(vals[0], e) < limit {
		return Matrix{}, &NotPositiveSemidefiniteError{Name: name, Eigenvalue: math.Ldexp(vals[0], e), Limit: limit}
	}
	if vals[0] >= 0 {
		return s, nil
	}
	// Remove Σ λ v vᵀ over the negative λ.
	for k, l := range vals {
		if l >= 0 {
			break
		}
		for i := range n {
			for j := range n {
				s.Data[i*n+j] -= math.Ldexp(l*vecs.At(i, k)*vecs.At(j, k), e)
			}
		}
	}
	dense.Symmetrize(s.Data, n)
	return s, nil
}

// nonnegative says that a symmetric matrix is surely positive semidefinite: its
// zero diagonal entries have zero rows and the rest, scaled to unit diagonal,
// has a Cholesky factor.
func nonnegative(a []float64, n int) bool {
	idx := make([]int, 0, n)
	diagonal := true
	for i := range n {
		d := a[i*n+i]
		if d < 0 {
			return false
		}
		for j, v := range a[i*n : i*n+n] {
			if j != i && v != 0 {
				if d == 0 {
					return false
				}
				diagonal = false
			}
		}
		if d > 0 {
			idx = append(idx, i)
		}
	}
	if diagonal {
		return true
	}
	k := len(idx)
	w := make([]float64, 2*k*k+k)
	sub, l, d := w[:k*k], w[k*k:2*k*k], w[2*k*k:]
	for i, p := range idx {
		for j, q := range idx {
			sub[i*k+j] = a[p*n+q]
		}
	}
	return positiveDefinite(l, d, sub, nil, k)
}

// eigenSym returns the ascending eigenvalues of 2^shift A and its eigenvectors.
func eigenSym(a []float64, n, shift int) ([]float64, *mat.Dense, bool) {
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(i, j, math.Ldexp(a[i*n+j], shift))
		}
	}
	var e mat.EigenSym
	if !e.Factorize(s, true) {
		return []float64{math.NaN()}, nil, false
	}
	var v mat.Dense
	e.VectorsTo(&v)
	return e.Values(nil), &v, true
}

func leastEigenvalue(m Matrix) float64 {
	_, e := math.Frexp(dense.MaxAbs(m.Data))
	vals, _, _ := eigenSym(m.Data, m.Rows, -e)
	return math.Ldexp(vals[0], e)
}

// symmetrised returns a copy of m made exactly symmetric.
func symmetrised(m Matrix) Matrix {
	s := m.Clone()
	dense.Symmetrize(s.Data, s.Rows)
	return s
}
