package landscape

import (
	"math"

	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// A contraction proves that every loop of a set is stable, by one norm in which
// all of them contract, and encloses the solutions of
//
//	X = LᵀXL + V,   L in the set, V symmetric.
//
// # Method
//
// Let Y ≻ 0 and a diagonal D ≻ 0 be such that c(Y − LᵀYL) ≻ D for every L. By
// Lyapunov's theorem each is stable. The error Z = X − X̂ of any X̂ is
// Z − LᵀZL = T := LᵀX̂L + V − X̂, so that
//
//	−tD ⪯ T ⪯ tD   ⟹   −tcY ⪯ Z ⪯ tcY   ⟹   |Zᵢⱼ| ≤ tc √(Yᵢᵢ Yⱼⱼ).
//
// Y − LᵀYL is a concave function of L. Of a set of loops that is the image of a
// box under an affine map, or under one of a set of affine maps, it is therefore
// enough to look at the corners of the box, each with all of the maps: there the
// intervals are narrow, whatever the size of the box.
//
// Y and X̂ come from package matrixeq; nothing depends on how good they are but
// the width.
type contraction struct {
	hull  interval.Matrix // holds every L
	solve func(v matrixeq.Matrix) matrixeq.Matrix
	d     []float64
	size  []float64 // √(c Yᵢᵢ) or more
}

// contractionSlacks are tried in turn for c, as wide boxes need.
var contractionSlacks = []float64{1 + 0x1p-6, 1.25, 2, 8, 64}

// contract proves that the loops contract, of which corners are those that count and
// hull holds all. units are the sizes of the states in which X is measured: those
// of the diagonal of X, say. It reports false where that is not shown.
func contract(corners []interval.Matrix, hull interval.Matrix, units []float64) (*contraction, bool) {
	n := hull.Rows
	if !boundedMatrix(hull) {
		return nil, false
	}
	op, err := matrixeq.Prepare(matrixeq.Matrix{Rows: n, Cols: n, Data: hull.Mid()})
	if err != nil {
		return nil, false
	}
	c := &contraction{hull: hull, d: make([]float64, n), size: make([]float64, n)}
	c.solve = func(v matrixeq.Matrix) matrixeq.Matrix {
		x := matrixeq.New(n, n)
		op.SolveT(x.Data, v.Data)
		return x
	}
	weights := make([]float64, n)
	for i, u := range units {
		weights[i] = u * u
		if !(weights[i] > 0) || math.IsInf(weights[i], 1) {
			return nil, false
		}
	}
	y := c.solve(matrixeq.Diagonal(weights...))
	mirror(y)
	for _, x := range y.Data {
		if x-x != 0 {
			return nil, false
		}
	}
	yy := interval.FromFloats(n, n, y.Data)
	if !yy.PositiveDefinite() {
		return nil, false
	}
	least := 0
	for _, l := range corners {
		falls := yy.Sub(l.MulTN(yy.Mul(l))).Symmetrize()
		for ; ; least++ {
			if least == len(contractionSlacks) {
				return nil, false
			}
			rest := falls.Scale(interval.Of(contractionSlacks[least]))
			for i, w := range weights {
				rest.Set(i, i, rest.At(i, i).AddFloat(-w))
			}
			if rest.PositiveDefinite() {
				break
			}
		}
	}
	copy(c.d, weights)
	for i := range n {
		c.size[i] = interval.SqrtUp(interval.MulUp(contractionSlacks[least], y.At(i, i)))
	}
	return c, true
}

// enclose encloses X for every L and every symmetric V of v.
func (c *contraction) enclose(v interval.Matrix) (interval.Matrix, bool) {
	n := v.Rows
	if !boundedMatrix(v) {
		return v, false
	}
	// X̂, and what the equation leaves, solved for once more: rounding is then that
	// of X̂ itself.
	near := matrixeq.New(n, n)
	x, rest := interval.NewMatrix(n, n), v
	for range 2 {
		middle := matrixeq.Matrix{Rows: n, Cols: n, Data: rest.Mid()}
		mirror(middle)
		more := c.solve(middle)
		mirror(more)
		still := true
		for k, y := range more.Data {
			still = still && y == 0
			if near.Data[k] += y; near.Data[k]-near.Data[k] != 0 {
				return v, false
			}
		}
		if still {
			break
		}
		x = interval.FromFloats(n, n, near.Data)
		rest = c.hull.MulTN(x.Mul(c.hull)).Add(v).Sub(x).Symmetrize()
	}
	t := c.weigh(rest)
	if !(t < infinity) {
		return v, false
	}
	if t == 0 {
		return x, true
	}
	for i := range n {
		for j := range n {
			r := interval.MulUp(t, interval.MulUp(c.size[i], c.size[j]))
			if math.IsInf(r, 1) {
				return v, false
			}
			x.Set(i, j, x.At(i, j).Add(interval.New(-r, r)))
		}
	}
	return x, true
}

// weigh is a t with −tD ⪯ M ⪯ tD for every symmetric M of m: a bound of the
// spectral norm of D^(−1/2) M D^(−1/2), by its row sums or by its Frobenius norm.
func (c *contraction) weigh(m interval.Matrix) float64 {
	u := make([]float64, len(c.d))
	for i, d := range c.d {
		u[i] = interval.SqrtDown(d)
	}
	rows, square := 0.0, 0.0
	for i := range u {
		row := 0.0
		for j := range u {
			x := interval.DivUp(interval.DivUp(m.At(i, j).Mag(), u[i]), u[j])
			row = interval.AddUp(row, x)
			square = interval.AddUp(square, interval.MulUp(x, x))
		}
		rows = max(rows, row)
	}
	if t := interval.SqrtUp(square); t < rows {
		return t
	}
	return rows
}

// mirror makes m symmetric, by its lower triangle.
func mirror(m matrixeq.Matrix) {
	for i := range m.Rows {
		for j := range i {
			m.Data[j*m.Cols+i] = m.Data[i*m.Cols+j]
		}
	}
}

// boundedMatrix reports whether every entry is a bounded interval, not empty.
func boundedMatrix(m interval.Matrix) bool {
	for _, x := range m.Data {
		if x.IsEmpty() || !x.IsBounded() {
			return false
		}
	}
	return true
}
