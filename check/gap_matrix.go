package check

import (
	"math"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// The approximations that the enclosures start from are computed by the short
// loops of this file. Nothing that is claimed depends on them: a bad one ends
// in an enclosure that is wide, or in none.

// product is a b.
func product(a, b matrixeq.Matrix) matrixeq.Matrix {
	c := matrixeq.New(a.Rows, b.Cols)
	for i := range a.Rows {
		row := c.Row(i)
		for k := range a.Cols {
			x := a.Data[i*a.Cols+k]
			for j, y := range b.Row(k) {
				row[j] += float64(x * y)
			}
		}
	}
	return c
}

// plus is a + c b.
func plus(a matrixeq.Matrix, c float64, b matrixeq.Matrix) matrixeq.Matrix {
	s := a.Clone()
	for i, x := range b.Data {
		s.Data[i] += float64(c * x)
	}
	return s
}

// symmetric is (a + aᵀ)/2.
func symmetric(a matrixeq.Matrix) matrixeq.Matrix {
	s := a.Clone()
	for i := range a.Rows {
		for j := range i {
			x := a.Data[i*a.Cols+j]/2 + a.Data[j*a.Cols+i]/2
			s.Data[i*a.Cols+j], s.Data[j*a.Cols+i] = x, x
		}
	}
	return s
}

// norm is ‖a‖_F; NaN if an entry is NaN or infinite.
func norm(a matrixeq.Matrix) float64 {
	s := 0.0
	for _, x := range a.Data {
		s = math.Hypot(s, x)
	}
	for _, x := range a.Data {
		s += x - x // NaN unless x is finite
	}
	return s
}

func isFinite(a matrixeq.Matrix) bool {
	for _, x := range a.Data {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// inverse is a⁻¹ by Gauss–Jordan elimination with row exchanges, or false.
func inverse(a matrixeq.Matrix) (matrixeq.Matrix, bool) {
	n := a.Rows
	a, inv := a.Clone(), matrixeq.Identity(n)
	for k := range n {
		p := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a.At(i, k)) > math.Abs(a.At(p, k)) {
				p = i
			}
		}
		pivot := a.At(p, k)
		if pivot == 0 || pivot-pivot != 0 {
			return matrixeq.Matrix{}, false
		}
		for _, m := range []matrixeq.Matrix{a, inv} {
			x, y := m.Row(p), m.Row(k)
			for j := range n {
				x[j], y[j] = y[j], x[j]/pivot // p = k: the second counts
			}
		}
		for i := range n {
			if i == k {
				continue
			}
			c := a.At(i, k)
			for _, m := range []matrixeq.Matrix{a, inv} {
				x, y := m.Row(i), m.Row(k)
				for j := range n {
					x[j] -= float64(c * y[j])
				}
			}
		}
	}
	return inv, isFinite(inv)
}

// mid is the matrix of midpoints.
func mid(m interval.Matrix) matrixeq.Matrix {
	c := matrixeq.New(m.Rows, m.Cols)
	for i, x := range m.Data {
		c.Data[i] = x.Mid()
	}
	return c
}

// thin is the real matrix m, which must be finite.
func thin(m matrixeq.Matrix) interval.Matrix {
	return interval.FromFloats(m.Rows, m.Cols, m.Data)
}

// bounded reports whether every entry of m is a bounded interval and not empty.
func bounded(m interval.Matrix) bool {
	for _, x := range m.Data {
		if x.IsEmpty() || !x.IsBounded() {
			return false
		}
	}
	return true
}

// within is x ± r, for r ≥ 0.
func within(x interval.Interval, r float64) interval.Interval {
	return x.Add(interval.New(-r, r))
}

// units returns the sizes √|xᵢᵢ| of the coordinates in which x is a quadratic
// form: 1 where x is zero.
func units(x matrixeq.Matrix) []float64 {
	u, top := make([]float64, x.Rows), 0.0
	for i := range u {
		u[i] = math.Sqrt(math.Abs(x.At(i, i)))
		top = max(top, u[i])
	}
	if top == 0 {
		top = 1
	}
	for i := range u {
		if u[i] < 0x1p-200*top {
			u[i] = top
		}
	}
	return u
}

// dominate returns dᵢ ≥ uᵢ Σⱼ |mᵢⱼ|/uⱼ, for positive u. Then −diag(d) ⪯ M ⪯ diag(d)
// for every symmetric M in m, because
//
//	|xᵀM x| ≤ Σ |mᵢⱼ| |xᵢ xⱼ| ≤ Σ |mᵢⱼ| (xᵢ² uᵢ/uⱼ + xⱼ² uⱼ/uᵢ)/2 = Σ xᵢ² uᵢ Σⱼ |mᵢⱼ|/uⱼ.
//
// With u the units of the coordinates, changing them changes nothing.
func dominate(m interval.Matrix, u []float64) []float64 {
	d := make([]float64, m.Rows)
	for i := range d {
		for j := range m.Cols {
			d[i] = interval.AddUp(d[i], interval.DivUp(m.At(i, j).Mag(), u[j]))
		}
		d[i] = interval.MulUp(d[i], u[i])
	}
	return d
}

// minusDiagonal is m − diag(d).
func minusDiagonal(m interval.Matrix, d []float64) interval.Matrix {
	r := interval.NewMatrix(m.Rows, m.Cols)
	copy(r.Data, m.Data)
	for i, x := range d {
		r.Set(i, i, m.At(i, i).AddFloat(-x))
	}
	return r
}

// solveSymmetric encloses S⁻¹ b for every symmetric S of s, or says that S
// could not be shown to be invertible.
//
// With C ≈ S⁻¹, M = I − C S, x = S⁻¹b and any x̂,
//
//	x − x̂ = C (b − S x̂) + M (x − x̂),
//
// so that ‖x − x̂‖_∞ ≤ ‖C(b − S x̂)‖_∞/(1 − ‖M‖_∞) where ‖M‖_∞ < 1. Rows and
// columns are scaled first, by powers of two, to make the diagonal of S about 1:
// inputs may have units of very different size.
func solveSymmetric(s, b interval.Matrix) (interval.Matrix, bool) {
	n := s.Rows
	scale := make([]float64, n)
	for i := range n {
		x := s.At(i, i).Mid()
		if !(x > 0) {
			return interval.Matrix{}, false
		}
		_, e := math.Frexp(x)
		scale[i] = math.Ldexp(1, -e/2)
	}
	scaled, rhs := interval.NewMatrix(n, n), interval.NewMatrix(n, b.Cols)
	for i := range n {
		for j := range n {
			scaled.Set(i, j, s.At(i, j).Scale(scale[i]).Scale(scale[j]))
		}
		for j := range b.Cols {
			rhs.Set(i, j, b.At(i, j).Scale(scale[i]))
		}
	}
	if !bounded(scaled) || !bounded(rhs) {
		return interval.Matrix{}, false
	}
	inv, ok := inverse(mid(scaled))
	if !ok {
		return interval.Matrix{}, false
	}
	near := product(inv, mid(rhs))
	if !isFinite(near) {
		return interval.Matrix{}, false
	}
	c, x := thin(inv), thin(near)
	α := thin(matrixeq.Identity(n)).Sub(c.Mul(scaled)).NormInf()
	if !(α < 1) {
		return interval.Matrix{}, false
	}
	δ := c.Mul(rhs.Sub(scaled.Mul(x)))
	for j := range b.Cols {
		size := 0.0
		for i := range n {
			size = max(size, δ.At(i, j).Mag())
		}
		r := interval.DivUp(interval.MulUp(α, size), interval.SubDown(1, α))
		for i := range n {
			x.Set(i, j, within(x.At(i, j).Add(δ.At(i, j)), r).Scale(scale[i]))
		}
	}
	return x, bounded(x)
}
