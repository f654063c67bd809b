package risk

import (
	"math"
	"math/big"
)

// Objectives once more, straight from their definitions, in 400 bits.

// precision is in bits; a test that cancels more raises it and puts it back.
var precision uint = 400

func num(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }
func zero() *big.Float         { return new(big.Float).SetPrec(precision) }
func toFloat(x *big.Float) float64 {
	f, _ := x.Float64()
	return f
}

// bigExp is exp x: a Taylor series at x/2^k, squared k times.
func bigExp(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return num(1)
	}
	k := max(x.MantExp(nil)+20, 0)
	r := zero().SetMantExp(x, -k)
	sum, term := num(1), num(1)
	for i := 1; i < int(precision/20)+10; i++ {
		term.Mul(term, r)
		term.Quo(term, num(float64(i)))
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLog solves exp y = x, x > 0, by Halley's iteration y += 2(x − e^y)/(x + e^y).
func bigLog(x *big.Float) *big.Float {
	m := zero()
	e := x.MantExp(m)
	f, _ := m.Float64()
	y := num(math.Log(f) + float64(e)*math.Ln2)
	for range 5 {
		z := bigExp(y)
		d := zero().Sub(x, z)
		y.Add(y, d.Mul(d, num(2)).Quo(d, zero().Add(x, z)))
	}
	return y
}

// bigLogSum is log Σ exp u.
func bigLogSum(u []*big.Float) *big.Float {
	s := zero()
	for _, x := range u {
		s.Add(s, bigExp(x))
	}
	return bigLog(s)
}

func bigDot(x []float64, y []*big.Float) *big.Float {
	s := zero()
	for i := range x {
		s.Add(s, zero().Mul(num(x[i]), y[i]))
	}
	return s
}

func nums(x []float64) []*big.Float {
	y := make([]*big.Float, len(x))
	for i := range x {
		y[i] = num(x[i])
	}
	return y
}

// bigRow is x̃.
func bigRow(d Data, b Bias, i int) []float64 {
	row := append([]float64(nil), d.Row(i)...)
	if b != NoBias {
		row = append(row, 1)
	}
	return row
}

func bigPenalty(l2 float64, theta []*big.Float, seen int) *big.Float {
	s := zero()
	for _, t := range theta[:seen] {
		s.Add(s, zero().Mul(t, t))
	}
	return s.Mul(s, num(l2))
}

func bigSquares(m Regression, d Data, theta []*big.Float) *big.Float {
	s := zero()
	for i := range d.Rows {
		r := bigDot(bigRow(d, m.Bias, i), theta)
		r.Sub(r, num(d.Y[i]))
		s.Add(s, r.Mul(r, r))
	}
	s.Quo(s, num(float64(d.Rows)))
	return s.Add(s, bigPenalty(m.L2, theta, m.Bias.penalised(d.Cols)))
}

func bigLogistic(m Logistic, d Data, theta []*big.Float) *big.Float {
	s := zero()
	for i := range d.Rows {
		u := bigDot(bigRow(d, m.Bias, i), theta)
		if d.Y[i] == 1 {
			u.Neg(u)
		}
		s.Add(s, bigLogSum([]*big.Float{zero(), u}))
	}
	s.Quo(s, num(float64(d.Rows)))
	return s.Add(s, bigPenalty(m.L2, theta, m.Bias.penalised(d.Cols)))
}

func bigSoftmax(m Softmax, d Data, theta []*big.Float) *big.Float {
	s := zero()
	for i := range d.Rows {
		row := bigRow(d, m.Bias, i)
		u := make([]*big.Float, m.Classes)
		for c := range u {
			column := make([]*big.Float, len(row))
			for j := range column {
				column[j] = theta[j*m.Classes+c]
			}
			u[c] = bigDot(row, column)
		}
		s.Add(s, bigLogSum(u))
		s.Sub(s, u[int(d.Y[i])])
	}
	s.Quo(s, num(float64(d.Rows)))
	return s.Add(s, bigPenalty(m.L2, theta, m.Bias.penalised(d.Cols)*m.Classes))
}

func bigClusters(m KMeans, d Data, c []*big.Float) *big.Float {
	s := zero()
	for i := range d.Rows {
		a := make([]*big.Float, m.Centers)
		for k := range a {
			a[k] = zero()
			for j, x := range d.Row(i) {
				e := zero().Sub(num(x), c[k*d.Cols+j])
				a[k].Sub(a[k], e.Mul(e, e))
			}
			a[k].Quo(a[k], num(m.Temperature))
		}
		l := bigLogSum(a)
		s.Sub(s, l.Sub(l, bigLog(num(float64(m.Centers)))))
	}
	s.Mul(s, num(m.Temperature))
	return s.Quo(s, num(float64(d.Rows)))
}

// bigValue is the objective of a model over data at θ.
func bigValue(m Model, d Data, theta []*big.Float) *big.Float {
	switch m := m.(type) {
	case Regression:
		return bigSquares(m, d, theta)
	case Logistic:
		return bigLogistic(m, d, theta)
	case Softmax:
		return bigSoftmax(m, d, theta)
	case KMeans:
		return bigClusters(m, d, theta)
	}
	panic("no such model")
}

// bigAlong is the derivatives of order 1, 2 and 3 of t ↦ f(x + t v) at 0: with
// h = 2⁻⁶⁰ central differences err by h² ≈ 1e-36, and rounding in 400 bits,
// divided by h³, by 1e-66.
func bigAlong(m Model, d Data, x, v []float64) [4]float64 {
	h := zero().SetMantExp(num(1), -60)
	var f [5]*big.Float
	for i := range f {
		t := zero().Mul(h, num(float64(i-2)))
		at := nums(x)
		for j := range at {
			at[j].Add(at[j], zero().Mul(t, num(v[j])))
		}
		f[i] = bigValue(m, d, at)
	}
	combine := func(order int, c ...float64) float64 {
		s := zero()
		for i, k := range c {
			s.Add(s, zero().Mul(num(k), f[i]))
		}
		for range order {
			s.Quo(s, h)
		}
		return toFloat(s)
	}
	return [4]float64{
		toFloat(f[2]),
		combine(1, 0, -0.5, 0, 0.5, 0),
		combine(2, 0, 1, -2, 1, 0),
		combine(3, -0.5, 1, 0, -1, 0.5),
	}
}

// solveRat solves A x = b exactly, row by row, by Gauss–Jordan elimination.
func solveRat(a [][]*big.Rat, b []*big.Rat) []float64 {
	n := len(b)
	for k := range n {
		p := k
		for a[p][k].Sign() == 0 {
			p++
		}
		a[k], a[p], b[k], b[p] = a[p], a[k], b[p], b[k]
		for i := range n {
			if i == k || a[i][k].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Quo(a[i][k], a[k][k])
			for j := k; j < n; j++ {
				a[i][j] = new(big.Rat).Sub(a[i][j], new(big.Rat).Mul(f, a[k][j]))
			}
			b[i] = new(big.Rat).Sub(b[i], new(big.Rat).Mul(f, b[k]))
		}
	}
	x := make([]float64, n)
	for k := range n {
		x[k], _ = new(big.Rat).Quo(b[k], a[k][k]).Float64()
	}
	return x
}

func rat(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// normalRat is X̃ᵀX̃/n + λD and X̃ᵀy/n, exactly.
func normalRat(m Regression, d Data) (a [][]*big.Rat, b []*big.Rat) {
	p := m.Bias.columns(d.Cols)
	n := big.NewRat(1, int64(d.Rows))
	for range p {
		row := make([]*big.Rat, p)
		for j := range row {
			row[j] = new(big.Rat)
		}
		a, b = append(a, row), append(b, new(big.Rat))
	}
	for r := range d.Rows {
		x := bigRow(d, m.Bias, r)
		for i := range p {
			for j := range p {
				a[i][j].Add(a[i][j], new(big.Rat).Mul(rat(x[i]), rat(x[j])))
			}
			b[i].Add(b[i], new(big.Rat).Mul(rat(x[i]), rat(d.Y[r])))
		}
	}
	for i := range p {
		for j := range p {
			a[i][j].Mul(a[i][j], n)
		}
		if i < m.Bias.penalised(d.Cols) {
			a[i][i].Add(a[i][i], rat(m.L2))
		}
		b[i].Mul(b[i], n)
	}
	return a, b
}
