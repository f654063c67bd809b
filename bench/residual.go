package main

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// residual returns how far x is from solving the case's equation, in twice the
// working precision so that the rounding of the measurement (about 1e-30) does
// not hide the rounding of the solver (about 1e-16):
//
//	stein    ‖X − A X Aᵀ − M‖ / ‖X‖
//	riccati  ‖P − Q − KᵀRK − (A−BK)ᵀ P (A−BK)‖ / ‖P‖,  K = (R + BᵀPB)⁻¹BᵀPA
//
// in Frobenius norms. The second is the Riccati residual itself at the exact
// K; an error δ in K adds δᵀ(R + BᵀPB)δ to it, so K in working precision
// disturbs it by about 1e-32 · cond. A meta-gradient is no equation: NaN.
func (c problem) residual(x []float64) float64 {
	n, r := c.n, c.r
	switch c.kind {
	case stein:
		a, xx := double(c.a, n, n), double(x, n, n)
		return norm(sub(sub(xx, mul(mul(a, xx), a.t())), double(c.m, n, n))) / norm(xx)
	case riccati:
		w := gain(mat.NewDense(n, n, c.a), mat.NewDense(n, r, c.b), mat.NewDense(r, r, c.rr), mat.NewDense(n, n, x))
		k, p := double(w.RawMatrix().Data, r, n), double(x, n, n)
		closed := sub(double(c.a, n, n), mul(double(c.b, n, r), k))
		res := sub(p, double(c.q, n, n))
		res = sub(res, mul(k.t(), mul(double(c.rr, r, r), k)))
		res = sub(res, mul(closed.t(), mul(p, closed)))
		return norm(res) / norm(p)
	}
	return math.NaN()
}

// distance returns ‖y − x‖ / ‖x‖ in Frobenius norms, NaN when a number is.
func distance(x, y []float64) float64 {
	var d, s float64
	for i := range x {
		d += (y[i] - x[i]) * (y[i] - x[i])
		s += x[i] * x[i]
	}
	return math.Sqrt(d / s)
}

// A dd is the unevaluated sum hi + lo, |lo| ≤ ulp(hi)/2: about 32 digits.
// T. J. Dekker, Numer. Math. 18 (1971), 224–242.
type dd struct{ hi, lo float64 }

// add returns x + y, relative error about 2⁻¹⁰⁴ barring cancellation of x and
// y to that level.
func (x dd) add(y dd) dd {
	s := x.hi + y.hi
	t := s - x.hi
	e := (x.hi - (s - t)) + (y.hi - t) // TwoSum
	e += x.lo + y.lo
	hi := s + e
	return dd{hi, e - (hi - s)}
}

func (x dd) neg() dd { return dd{-x.hi, -x.lo} }

func (x dd) times(y dd) dd {
	p := float64(x.hi * y.hi)
	e := math.FMA(x.hi, y.hi, -p)
	e += float64(x.hi*y.lo) + float64(x.lo*y.hi)
	hi := p + e
	return dd{hi, e - (hi - p)}
}

// A ddMatrix is dense, row by row.
type ddMatrix struct {
	rows, cols int
	data       []dd
}

func double(x []float64, rows, cols int) ddMatrix {
	m := ddMatrix{rows, cols, make([]dd, rows*cols)}
	for i, v := range x {
		m.data[i].hi = v
	}
	return m
}

func (m ddMatrix) t() ddMatrix {
	out := ddMatrix{m.cols, m.rows, make([]dd, len(m.data))}
	for i := range m.rows {
		for j := range m.cols {
			out.data[j*m.rows+i] = m.data[i*m.cols+j]
		}
	}
	return out
}

func sub(a, b ddMatrix) ddMatrix {
	out := ddMatrix{a.rows, a.cols, make([]dd, len(a.data))}
	for i := range out.data {
		out.data[i] = a.data[i].add(b.data[i].neg())
	}
	return out
}

func mul(a, b ddMatrix) ddMatrix {
	out := ddMatrix{a.rows, b.cols, make([]dd, a.rows*b.cols)}
	for i := range a.rows {
		row := out.data[i*b.cols : (i+1)*b.cols]
		for k := range a.cols {
			x := a.data[i*a.cols+k]
			for j := range row {
				row[j] = row[j].add(x.times(b.data[k*b.cols+j]))
			}
		}
	}
	return out
}

func norm(m ddMatrix) float64 {
	s := 0.0
	for _, v := range m.data {
		s += v.hi * v.hi
	}
	return math.Sqrt(s)
}
