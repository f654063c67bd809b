package family

import (
	"fmt"

	"github.com/metalqr/metalqr/internal/npy"
	"github.com/metalqr/metalqr/matrixeq"
)

// parseNPY reads a matrix; a vector is one row, or where inputs > 1 states
// that a gain has several rows, one column.
func parseNPY(data []byte, inputs int) (m matrixeq.Matrix, err *GainError) {
	a, failed := npy.Parse(data)
	if failed != nil {
		return m, &GainError{Message: failed.Error()}
	}
	m.Rows, m.Cols, m.Data = 1, 1, a.Data
	switch len(a.Shape) {
	case 0:
	case 1:
		if inputs > 1 {
			m.Rows = a.Shape[0]
		} else {
			m.Cols = a.Shape[0]
		}
	case 2:
		m.Rows, m.Cols = a.Shape[0], a.Shape[1]
	default:
		return matrixeq.Matrix{}, &GainError{Message: fmt.Sprintf("NPY: %d dimensions, want 2", len(a.Shape))}
	}
	return m, nil
}

// GainNPY writes a gain as a NumPy array of shape (r, d).
func GainNPY(m matrixeq.Matrix) []byte { return NPY(m.Data, m.Rows, m.Cols) }

// NPY writes numbers as NumPy's numpy.save writes an array of this shape:
// format 1.0, little-endian float64 in C order, len(data) being the product of
// the shape.
func NPY(data []float64, shape ...int) []byte { return npy.Encode(data, shape...) }
