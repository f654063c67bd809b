package matrixeq

import (
	"math/big"
	"testing"
)

// Reference computations in 300-bit arithmetic, by methods the package does not
// use: Gaussian elimination on the Kronecker form, and value iteration.

const precision = 300

type bigMatrix struct {
	r, c int
	x    []*big.Float
}

func bigNew(r, c int) bigMatrix {
	m := bigMatrix{r, c, make([]*big.Float, r*c)}
	for i := range m.x {
		m.x[i] = new(big.Float).SetPrec(precision)
	}
	return m
}

func toBig(m Matrix) bigMatrix {
	b := bigNew(m.Rows, m.Cols)
	for i, v := range m.Data {
		b.x[i].SetFloat64(v)
	}
	return b
}

func (m bigMatrix) round() Matrix {
	f := New(m.r, m.c)
	for i, v := range m.x {
		f.Data[i], _ = v.Float64()
	}
	return f
}

func (m bigMatrix) at(i, j int) *big.Float { return m.x[i*m.c+j] }

func (m bigMatrix) t() bigMatrix {
	s := bigNew(m.c, m.r)
	for i := range m.r {
		for j := range m.c {
			s.at(j, i).Set(m.at(i, j))
		}
	}
	return s
}

func (m bigMatrix) mul(b bigMatrix) bigMatrix {
	c := bigNew(m.r, b.c)
	t := new(big.Float).SetPrec(precision)
	for i := range m.r {
		for j := range b.c {
			for k := range m.c {
				c.at(i, j).Add(c.at(i, j), t.Mul(m.at(i, k), b.at(k, j)))
			}
		}
	}
	return c
}

func (m bigMatrix) add(b bigMatrix) bigMatrix {
	c := bigNew(m.r, m.c)
	for i := range c.x {
		c.x[i].Add(m.x[i], b.x[i])
	}
	return c
}

func (m bigMatrix) sub(b bigMatrix) bigMatrix {
	c := bigNew(m.r, m.c)
	for i := range c.x {
		c.x[i].Sub(m.x[i], b.x[i])
	}
	return c
}

// solve is m⁻¹ b by Gaussian elimination with partial pivoting.
func (m bigMatrix) solve(t testing.TB, b bigMatrix) bigMatrix {
	n := m.r
	a, x := m.add(bigNew(n, n)), b.add(bigNew(n, b.c))
	f, p := new(big.Float).SetPrec(precision), new(big.Float).SetPrec(precision)
	for k := range n {
		best := k
		for i := k + 1; i < n; i++ {
			if new(big.Float).Abs(a.at(i, k)).Cmp(new(big.Float).Abs(a.at(best, k))) > 0 {
				best = i
			}
		}
		if a.at(best, k).Sign() == 0 {
			t.Fatal("singular reference system")
		}
		for j := range n {
			a.x[k*n+j], a.x[best*n+j] = a.x[best*n+j], a.x[k*n+j]
		}
		for j := range b.c {
			x.x[k*b.c+j], x.x[best*b.c+j] = x.x[best*b.c+j], x.x[k*b.c+j]
		}
		for i := range n {
			if i == k || a.at(i, k).Sign() == 0 {
				continue
			}
			f.Quo(a.at(i, k), a.at(k, k))
			for j := k; j < n; j++ {
				a.at(i, j).Sub(a.at(i, j), p.Mul(f, a.at(k, j)))
			}
			for j := range b.c {
				x.at(i, j).Sub(x.at(i, j), p.Mul(f, x.at(k, j)))
			}
		}
	}
	for i := range n {
		for j := range b.c {
			x.at(i, j).Quo(x.at(i, j), a.at(i, i))
		}
	}
	return x
}

// bigStein solves X = A X Aᵀ + M from (I − A ⊗ A) vec X = vec M.
func bigStein(t testing.TB, am, mm Matrix) Matrix {
	n := am.Rows
	a, m := toBig(am), toBig(mm)
	k := bigNew(n*n, n*n)
	one := big.NewFloat(1)
	for i := range n {
		for j := range n {
			for p := range n {
				for q := range n {
					v := k.at(i*n+j, p*n+q)
					v.Mul(a.at(i, p), a.at(j, q))
					v.Neg(v)
				}
			}
			v := k.at(i*n+j, i*n+j)
			v.Add(v, one)
		}
	}
	x := k.solve(t, bigMatrix{n * n, 1, m.x})
	return bigMatrix{n, n, x.x}.round()
}

// bigRiccati runs value iteration from a multiple of the identity, which
// converges to the stabilising solution from any positive definite start (C. E.
// de Souza, M. R. Gevers, G. C. Goodwin, IEEE Trans. Automat. Control 31 (1986),
// 831–838). ok is false when steps were not enough.
func bigRiccati(t testing.TB, am, bm, qm, rm Matrix, steps int) (p, w Matrix, ok bool) {
	a, b, q, r := toBig(am), toBig(bm), toBig(qm), toBig(rm)
	x := toBig(Identity(am.Rows))
	small := new(big.Float).SetMantExp(big.NewFloat(1), -80)
	for range steps {
		bx := b.t().mul(x)
		g := r.add(bx.mul(b)).solve(t, bx.mul(a))
		f := a.sub(b.mul(g))
		y := q.add(a.t().mul(x).mul(f))
		d, size := new(big.Float), new(big.Float)
		for i, v := range y.sub(x).x {
			d.Add(d, v.Abs(v))
			size.Add(size, new(big.Float).Abs(y.x[i]))
		}
		x = y
		if d.Cmp(size.Mul(size, small)) <= 0 {
			return x.round(), g.round(), true
		}
	}
	return Matrix{}, Matrix{}, false
}
