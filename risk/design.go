package risk

import (
	"sync"

	"github.com/metalqr/metalqr/internal/dense"
)

// A design is the matrix X̃, n×p with the bias column, and the two products
// with it that linear models are made of, taken over blocks of rows that stay
// in the cache between one product and the other.
type design struct {
	x       []float64
	n, p    int
	columns int // of Θ and of every n×columns matrix
	step    int // rows of a block
	pool    sync.Pool
}

// blockNumbers is about how many numbers of X̃ a block has: half of a first-level
// cache of 32 KiB.
const blockNumbers = 2048

func newDesign(d Data, b Bias, columns int) *design {
	g := &design{n: d.Rows, p: b.columns(d.Cols), columns: columns}
	g.step = min(max(blockNumbers/g.p, 16), 256)
	g.x = make([]float64, g.n*g.p)
	for i := range g.n {
		row := g.row(i)
		if copy(row, d.Row(i)) < g.p {
			row[g.p-1] = 1
		}
	}
	g.pool.New = func() any {
		s := make([]float64, 2*g.step*columns+g.p*columns+4*columns)
		return &s
	}
	return g
}

func (g *design) row(i int) []float64 { return g.x[i*g.p : (i+1)*g.p : (i+1)*g.p] }

// scratch is working space of one call: a and b are step×columns, sum is
// p×columns, and c, d, e, f are columns long.
type scratch struct {
	a, b, sum, c, d, e, f []float64
	whole                 *[]float64
}

func (g *design) take() scratch {
	whole := g.pool.Get().(*[]float64)
	rest := *whole
	cut := func(k int) []float64 {
		s := rest[:k:k]
		rest = rest[k:]
		return s
	}
	m, c := g.step*g.columns, g.columns
	return scratch{cut(m), cut(m), cut(g.p * c), cut(c), cut(c), cut(c), cut(c), whole}
}

func (g *design) give(s scratch) { g.pool.Put(s.whole) }

// forward sets u ← X̃ Θ for the m rows from lo, u m×columns, Θ p×columns.
func (g *design) forward(u []float64, lo, m int, theta []float64) {
	x := g.x[lo*g.p : (lo+m)*g.p]
	if g.columns > 1 {
		dense.Mul(u, x, theta, m, g.p, g.columns)
		return
	}
	for i := range m {
		u[i] = dense.Dot(x[i*g.p:(i+1)*g.p], theta)
	}
}

// gather sets dst ← dst + X̃ᵀ r for the m rows from lo, r m×columns, dst
// p×columns. sum is working space of the size of dst.
func (g *design) gather(dst []float64, lo, m int, r, sum []float64) {
	x := g.x[lo*g.p : (lo+m)*g.p]
	if g.columns > 1 {
		dense.MulTN(sum, x, r, g.p, m, g.columns)
		dense.Add(dst, dst, sum)
		return
	}
	p := g.p
	sum = sum[:p]
	clear(sum)
	i := 0
	for ; i+4 <= m; i += 4 {
		r0, r1, r2, r3 := r[i], r[i+1], r[i+2], r[i+3]
		x0, x1 := x[i*p:i*p+p], x[(i+1)*p:(i+1)*p+p]
		x2, x3 := x[(i+2)*p:(i+2)*p+p], x[(i+3)*p:(i+3)*p+p]
		x0, x1, x2, x3 = x0[:len(sum)], x1[:len(sum)], x2[:len(sum)], x3[:len(sum)]
		for j := range sum {
			sum[j] += (float64(r0*x0[j]) + float64(r1*x1[j])) + (float64(r2*x2[j]) + float64(r3*x3[j]))
		}
	}
	for ; i < m; i++ {
		dense.AddScaled(sum, r[i], x[i*p:i*p+p])
	}
	dense.Add(dst, dst, sum)
}

// penalty is λ‖Dθ‖²; the first penalised rows of Θ are seen.
type penalty struct {
	l2   float64
	seen int // entries of Θ
}

func (q penalty) value(theta []float64) float64 {
	return q.l2 * dense.Dot(theta[:q.seen], theta[:q.seen])
}

// add sets dst ← scale·dst + 2λ D v.
func (q penalty) add(dst []float64, scale float64, v []float64) {
	for j := range dst {
		dst[j] *= scale
	}
	dense.AddScaled(dst[:q.seen], 2*q.l2, v[:q.seen])
}
