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
// definite by more than rounding. With D = diag(m)^(−1/2) the test is
//
//	λ_min(D m D) > 2n(n+4) ε,
//
// so badly scaled units do not matter.
func CheckPositiveDefinite(name string, m Matrix) error {
	if err := CheckSymmetric(name, m); err != nil {
		return err
	}
	n := m.Rows
	m = symmetrised(m)
	w := make([]float64, n*n+n)
	if positiveDefinite(w[:n*n], w[n*n:], m.Data, nil, n) {
		return nil
	}
	e := &NotPositiveDefiniteError{Name: name, Limit: cholesky(n)}
	// A diagonal entry that is not positive decides; else D m D does.
	for i := range n {
		v := m.Data[i*n+i]
		if !(v > 0) {
			e.Eigenvalue, e.Limit = leastEigenvalue(m), 0
			return e
		}
		w[i] = 1 / math.Sqrt(v)
	}
	for i := range n {
		for j := range n {
			m.Data[i*n+j] = m.Data[i*n+j] * w[i] * w[j]
		}
	}
	e.Eigenvalue, e.Scaled = leastEigenvalue(m), true
	return e
}

// CheckPositiveSemidefinite returns an error unless m is symmetric and its
// smallest eigenvalue is at least −8nε times the largest entry, ε = 2⁻⁵³.
func CheckPositiveSemidefinite(name string, m Matrix) error {
	return CheckPositiveSemidefiniteAt(name, m, 0)
}

// CheckPositiveSemidefiniteAt is CheckPositiveSemidefinite with rounding taken
// relative to the larger of m's largest entry and scale, for a matrix that may
// itself be nothing but rounding: −1e-17 is zero beside a scale of 1.
func CheckPositiveSemidefiniteAt(name string, m Matrix, scale float64) error {
	_, _, err := semidefinite(name, m, scale)
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

// semidefinite returns a copy of m symmetrised, a row with a negative diagonal
// being set to zero where all of it is rounding. Nothing else that rounding left
// negative is touched: a projection on the semidefinite cone by computed
// eigenvectors would let the matrix see, by rounding, modes that it does not.
// Where sure is set, m is semidefinite whatever the scale.
func semidefinite(name string, m Matrix, scale float64) (s Matrix, sure bool, err error) {
	if err := CheckSymmetric(name, m); err != nil {
		return Matrix{}, false, err
	}
	n := m.Rows
	s = m.Clone()
	dense.Symmetrize(s.Data, n)
	size := dense.MaxAbs(s.Data)
	if size == 0 || nonnegative(s.Data, n) {
		return s, true, nil
	}
	limit := -rounding(n) * max(size, scale)
	// Not obviously so: ask the eigenvalues, scaled away from overflow.
	_, e := math.Frexp(size)
	vals, ok := eigenSym(s.Data, n, -e)
	if !ok || math.Ldexp(vals[0], e) < limit {
		return Matrix{}, false, &NotPositiveSemidefiniteError{Name: name, Eigenvalue: math.Ldexp(vals[0], e), Limit: limit}
	}
	for i := range n {
		row := s.Data[i*n : i*n+n]
		if row[i] < 0 && dense.MaxAbs(row) <= -limit {
			for j := range n {
				row[j], s.Data[j*n+i] = 0, 0
			}
		}
	}
	return s, false, nil
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

// eigenSym returns the ascending eigenvalues of 2^shift A.
func eigenSym(a []float64, n, shift int) ([]float64, bool) {
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(i, j, math.Ldexp(a[i*n+j], shift))
		}
	}
	var e mat.EigenSym
	// With vectors: without them Gonum 0.17 panics in dsterf where it rescales a
	// block of a graded matrix.
	if !e.Factorize(s, true) {
		return []float64{math.NaN()}, false
	}
	return e.Values(nil), true
}

func leastEigenvalue(m Matrix) float64 {
	_, e := math.Frexp(dense.MaxAbs(m.Data))
	vals, _ := eigenSym(m.Data, m.Rows, -e)
	return math.Ldexp(vals[0], e)
}

// symmetrised returns a copy of m made exactly symmetric.
func symmetrised(m Matrix) Matrix {
	s := m.Clone()
	dense.Symmetrize(s.Data, s.Rows)
	return s
}
