package risk

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Regression is linear regression by least squares, with L2 > 0 ridge
// regression:
//
//	f(θ) = 1/n Σ (x̃ᵢᵀθ − yᵢ)² + λ ‖Dθ‖²
type Regression struct {
	L2   float64 // λ ≥ 0
	Bias Bias
}

// On is LeastSquares, as a Model has it.
func (m Regression) On(d Data) (objective.Objective, error) {
	o, err := m.LeastSquares(d)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// LeastSquares is Regression over data: the quadratic
//
//	f(θ) = f* + ‖S(θ − θ*)‖²,   ∇f = H(θ − θ*),   H = 2SᵀS,   ∇³f = 0.
//
// S and θ* come from one orthogonal reduction of the data, whose rows are not
// kept: an evaluation costs p² whatever n is. The gap is ‖S(θ − θ*)‖², never
// negative, relatively as accurate as θ − θ*.
type LeastSquares struct {
	dim     int
	rank    int
	s       []float64 // rank×dim, upper triangular where rank = dim
	h       []float64 // 2SᵀS
	minimum []float64 // θ*
	value   float64   // f*
}

// LeastSquares makes the objective: a Householder reduction of X̃ (never of
// X̃ᵀX̃, whose condition is the square), about 2 n p² operations.
//
// Where X̃, with the rows of the penalty, has not full rank to a relative
// max(n, p) 2⁻⁵² (columns scaled to length one), θ* is not unique: it is that
// of least norm after the scaling, and Rank says so.
func (m Regression) LeastSquares(d Data) (*LeastSquares, error) {
	if err := checkLinear("regression", m.L2, m.Bias); err != nil {
		return nil, err
	}
	if err := d.checkTargets("regression"); err != nil {
		return nil, err
	}
	p := m.Bias.columns(d.Cols)
	// R is the triangle of [X̃ y]/√n with √λ D below it; its last column is
	// Qᵀy, and the last entry the distance of y from the columns.
	w := p + 1
	t := newTriangle(w)
	scale := 1 / math.Sqrt(float64(d.Rows))
	for i := range d.Rows {
		row := t.next()
		for j, x := range d.Row(i) {
			row[j] = x * scale
		}
		if p > d.Cols {
			row[p-1] = scale
		}
		row[p] = d.Y[i] * scale
	}
	if m.L2 > 0 {
		for j := range m.Bias.penalised(d.Cols) {
			row := t.next()
			clear(row)
			row[j] = math.Sqrt(m.L2)
		}
	}
	t.reduce()
	if !dense.Finite(t.r) {
		return nil, &DataError{Message: "least squares: the numbers are too large to be squared", Kind: ErrNotFinite}
	}
	o := &LeastSquares{dim: p, minimum: make([]float64, p)}
	miss := t.r[p*w+p]
	if err := o.solve(t.r, w, max(d.Rows, p)); err != nil {
		return nil, err
	}
	o.value = miss * miss
	if o.rank < p {
		// What the truncated columns leave: y's component outside their span.
		rest := make([]float64, p)
		for i := range p {
			rest[i] = t.r[i*w+p] - dense.Dot(t.r[i*w:i*w+p], o.minimum)
		}
		o.value += dense.Dot(rest, rest)
	}
	o.h = make([]float64, p*p)
	dense.SymmetricTN(o.h, o.s, o.s, o.rank, p)
	dense.Scale(o.h, 2, o.h)
	if !isFinite(o.value) || !dense.Finite(o.h) || !dense.Finite(o.minimum) {
		return nil, &DataError{Message: "least squares: the numbers are too large to be squared", Kind: ErrNotFinite}
	}
	return o, nil
}

// solve finds θ*, the rank and S from the triangle r, of w columns.
func (o *LeastSquares) solve(r []float64, w, size int) error {
	p := o.dim
	length := make([]float64, p) // of the columns
	scaled := make([]float64, p*p)
	column := make([]float64, p)
	for j := range p {
		for i := range p {
			column[i] = r[i*w+j]
		}
		if length[j] = dense.Norm(column); length[j] == 0 {
			length[j] = 1
		}
		for i := range p {
			scaled[i*p+j] = column[i] / length[j]
		}
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(p, p, append([]float64(nil), scaled...)), mat.SVDFull) {
		return &DataError{Message: "least squares: the singular values of the data could not be found"}
	}
	sigma := svd.Values(nil)
	tol := float64(size) * 0x1p-52 * sigma[0]
	for o.rank < p && sigma[o.rank] > tol {
		o.rank++
	}
	if o.rank == p {
		o.s = make([]float64, p*p)
		for i := p - 1; i >= 0; i-- {
			copy(o.s[i*p+i:(i+1)*p], r[i*w+i:i*w+p])
			v := r[i*w+p] - dense.Dot(o.s[i*p+i+1:(i+1)*p], o.minimum[i+1:])
			o.minimum[i] = v / r[i*w+i]
		}
		return nil
	}
	// θ* = L⁻¹ V Σ⁺ Uᵀ q and S = Σ Vᵀ L, L = diag(length), to the rank.
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	o.s = make([]float64, o.rank*p)
	for k := range o.rank {
		var c float64
		for i := range p {
			c += u.At(i, k) * r[i*w+p]
		}
		for j := range p {
			o.minimum[j] += v.At(j, k) * (c / sigma[k]) / length[j]
			o.s[k*p+j] = sigma[k] * v.At(j, k) * length[j]
		}
	}
	return nil
}

// Dim is the number of parameters.
func (o *LeastSquares) Dim() int { return o.dim }

// Minimizer is θ*.
func (o *LeastSquares) Minimizer() []float64 { return append([]float64(nil), o.minimum...) }

// Rank is how many of the parameters the data and the penalty determine; θ* is
// the only minimiser when it is Dim.
func (o *LeastSquares) Rank() int { return o.rank }

// LowerBound is f*, which θ* attains.
func (o *LeastSquares) LowerBound() float64 { return o.value }

// Epsilon is 0: f is convex.
func (o *LeastSquares) Epsilon() (float64, bool) { return 0, true }

// At evaluates at θ. The error is a *objective.LengthError or a *ValueError.
func (o *LeastSquares) At(theta []float64) (objective.Point, error) {
	if err := checkLength(theta, o.dim); err != nil {
		return nil, err
	}
	p := &squaresPoint{o: o, from: make([]float64, o.dim)}
	dense.Sub(p.from, theta, o.minimum)
	for k := range o.rank {
		s := dense.Dot(o.s[k*o.dim:(k+1)*o.dim], p.from)
		p.gap += s * s
	}
	if v := p.Value(); !isFinite(v) {
		return nil, &ValueError{Of: "least squares", Value: v}
	}
	return p, nil
}

// squaresPoint is a LeastSquares at one θ.
type squaresPoint struct {
	o    *LeastSquares
	from []float64 // θ − θ*
	gap  float64
}

func (p *squaresPoint) Value() float64            { return p.o.value + p.gap }
func (p *squaresPoint) Gap() float64              { return p.gap }
func (p *squaresPoint) Grad(dst []float64)        { p.HessVec(dst, p.from) }
func (p *squaresPoint) Third(dst, _, _ []float64) { clear(dst) }

func (p *squaresPoint) HessVec(dst, v []float64) {
	n := p.o.dim
	for i := range dst {
		dst[i] = dense.Dot(p.o.h[i*n:(i+1)*n], v)
	}
}

// A triangle is the upper triangular R of a QR factorisation to which rows are
// appended, a block at a time. Each Householder reflection I − τ v vᵀ touches
// one row of R and the block: v = (v₀, column of the block), v₀ = r_jj − β,
// β = −sign(r_jj) ‖(r_jj, column)‖.
// G. H. Golub, C. F. Van Loan, Matrix Computations, §5.1 and §12.5.
type triangle struct {
	w    int       // columns
	r    []float64 // w×w
	rows []float64 // the block
	used int       // rows of it
	sum  []float64
	one  []float64 // a column of the block, then its entry in R
}

// triangleRows is the number of rows of a block.
const triangleRows = 64

func newTriangle(w int) *triangle {
	return &triangle{w: w, r: make([]float64, w*w), rows: make([]float64, triangleRows*w), sum: make([]float64, w), one: make([]float64, triangleRows+1)}
}

// next is where the next row is to be written.
func (t *triangle) next() []float64 {
	if t.used == triangleRows {
		t.reduce()
	}
	t.used++
	return t.rows[(t.used-1)*t.w : t.used*t.w : t.used*t.w]
}

// reduce brings the block into R.
func (t *triangle) reduce() {
	w, m := t.w, t.used
	t.used = 0
	column := t.one[:m+1]
	for j := range w {
		top := t.r[j*w : (j+1)*w]
		for i := range m {
			column[i] = t.rows[i*w+j]
		}
		column[m] = top[j]
		size := dense.Norm(column)
		if size == 0 || dense.MaxAbs(column[:m]) == 0 {
			continue
		}
		beta := -math.Copysign(size, top[j])
		v0 := top[j] - beta
		// ‖v‖² = 2β² − 2β r_jj = −2β v₀, and τ = 2/‖v‖².
		sum := t.sum[j+1 : w]
		dense.Scale(sum, v0, top[j+1:])
		for i := range m {
			dense.AddScaled(sum, column[i], t.rows[i*w+j+1:(i+1)*w])
		}
		tau := -1 / beta / v0
		dense.Scale(sum, tau, sum)
		dense.AddScaled(top[j+1:], -v0, sum)
		for i := range m {
			dense.AddScaled(t.rows[i*w+j+1:(i+1)*w], -column[i], sum)
		}
		top[j] = beta
	}
}
