package matrixeq

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// digits is a matrix given as decimal strings.
type digits [][]string

func (d digits) matrix(t testing.TB) Matrix {
	t.Helper()
	m := New(len(d), len(d[0]))
	for i, row := range d {
		for j, s := range row {
			x, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			m.Set(i, j, x)
		}
	}
	return m
}

type lqrCase struct {
	Name               string
	A, B, Q, R, Sigma0 Matrix
	W                  Matrix
	Optimal            struct{ P, W, Sigma digits }
	AtW                struct{ P, Sigma digits } `json:"at_W"`
}

// lqr.json: values computed in 60-digit arithmetic, 25 digits printed.
func lqrCases(t testing.TB) []lqrCase {
	text, err := os.ReadFile("testdata/lqr.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []lqrCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	return cases
}

func closedLoop(c lqrCase, w Matrix) Matrix {
	n, r := c.B.Rows, c.B.Cols
	f := New(n, n)
	dense.Mul(f.Data, c.B.Data, w.Data, n, r, n)
	dense.Sub(f.Data, c.A.Data, f.Data)
	return f
}

func TestReferenceValues(t *testing.T) {
	for _, c := range lqrCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			n, r := c.B.Rows, c.B.Cols
			s, err := Riccati(c.A, c.B, c.Q, c.R)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "P*", s.P, c.Optimal.P.matrix(t), 1e-13)
			near(t, "W*", s.Gain, c.Optimal.W.matrix(t), 1e-13)

			f := closedLoop(c, c.W)
			sigma, err := Stein(f, c.Sigma0)
			if err != nil {
				t.Fatal(err)
			}
			// F = A − B W is formed in double precision here, and Σ is as
			// sensitive to it as the operator says.
			o, err := Prepare(f)
			if err != nil {
				t.Fatal(err)
			}
			tol := 8 * dense.Eps * max(1, o.InverseNorm())
			t.Logf("‖L⁻¹‖ = %.3g", o.InverseNorm())
			near(t, "Σ at W", sigma.X, c.AtW.Sigma.matrix(t), tol)
			rw, m := make([]float64, r*n), New(n, n)
			dense.Mul(rw, c.R.Data, c.W.Data, r, r, n)
			dense.MulTN(m.Data, c.W.Data, rw, n, r, n)
			dense.Add(m.Data, m.Data, c.Q.Data)
			cost, err := SteinT(f, m)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "P at W", cost.X, c.AtW.P.matrix(t), tol)
		})
	}
}

func TestSteinAgainstKronecker(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for n := 1; n <= 6; n++ {
		for _, radius := range []float64{0, .1, .5, .9, .99, .9999} {
			a, m := randomMatrix(rng, n, n, 1), randomMatrix(rng, n, n, 1)
			dense.Symmetrize(m.Data, n)
			r, err := SpectralRadius(a)
			if err != nil {
				t.Fatal(err)
			}
			dense.Scale(a.Data, radius/r, a.Data)
			o, err := Prepare(a)
			if err != nil {
				t.Fatalf("n=%d ρ=%g: %v", n, radius, err)
			}
			aCopy, mCopy := a.Clone(), m.Clone()
			x, err := Stein(a, m)
			if err != nil {
				t.Fatal(err)
			}
			xt, err := SteinT(a, m)
			if err != nil {
				t.Fatal(err)
			}
			if !a.Equal(aCopy) || !m.Equal(mCopy) {
				t.Fatal("an input was modified")
			}
			// Residual of a few roundings, amplified by at most ‖L⁻¹‖.
			tol := 8 * float64(n) * dense.Eps * o.InverseNorm()
			what := fmt.Sprintf("n=%d ρ=%g", n, radius)
			near(t, what, x.X, bigStein(t, a, m), tol)
			near(t, what+" transposed", xt.X, bigStein(t, a.T(), m), tol)
			if x.Residual > 1e-15*float64(n) || xt.Residual > 1e-15*float64(n) {
				t.Errorf("%s: residuals %g, %g", what, x.Residual, xt.Residual)
			}
		}
	}
}

// Transient growth ‖Aᵏ‖ up to 1e7 before decay: unit couplings of size 5 above a
// stable diagonal.
func TestSteinFarFromNormal(t *testing.T) {
	for n := 2; n <= 8; n++ {
		a := New(n, n)
		for i := range n {
			a.Set(i, i, .9-.1*float64(i))
			if i+1 < n {
				a.Set(i, i+1, 5)
			}
		}
		x, err := Stein(a, Identity(n))
		if err != nil {
			t.Fatalf("n=%d: %v", n, err)
		}
		want := bigStein(t, a, Identity(n))
		t.Logf("n=%d: error %.2g, size %.2g", n, relative(x.X, want), dense.Norm(want.Data))
		near(t, fmt.Sprint("n=", n), x.X, want, 1e-13)
	}
}

func TestBadlyScaledCoordinates(t *testing.T) {
	// [[.9, 1e8], [0, .8]] is [[.9, 1], [0, .8]] in other units.
	a := rows(t, []float64{.9, 0x1p27}, []float64{0, .8})
	x, err := Stein(a, Identity(2))
	if err != nil {
		t.Fatal(err)
	}
	want := bigStein(t, a, Identity(2))
	for i := range want.Data {
		if d := math.Abs(x.X.Data[i]/want.Data[i] - 1); d > 1e-13 {
			t.Errorf("entry %d: relative error %g", i, d)
		}
	}
}

func TestUnstable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		a      Matrix
		proved bool // by the trace of a power
	}{
		{"scalar", Scalar(1.5), true},
		{"barely", Scalar(1 + 1e-9), true},
		{"negative", Scalar(-1.5), true},
		{"one", Scalar(1), false},
		{"identity", Identity(3), false},
		{"pair", rows(t, []float64{.6, .8}, []float64{-.8, .6}), false},
		{"mixed", Diagonal(1.1, .1), true},
		{"defective on the circle", rows(t, []float64{1, 1}, []float64{0, 1}), false},
		{"huge", Scalar(1e300), true},
		{"overflow", rows(t, []float64{0, 1e300}, []float64{1e300, 0}), false},
	} {
		_, err := Prepare(tt.a)
		var e *UnstableError
		if !errors.As(err, &e) || !errors.Is(err, ErrUnstable) {
			t.Errorf("%s: error %v", tt.name, err)
			continue
		}
		if (e.Lower > 1) != tt.proved {
			t.Errorf("%s: %v; want proof %v", tt.name, err, tt.proved)
		}
		if !(e.Radius >= .99) || e.Lower > e.Upper*(1+1e-9) {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}

func TestNearTheBoundary(t *testing.T) {
	for _, gap := range []float64{1e-3, 1e-6, 1e-9, 1e-12} {
		a := Scalar(1 - gap)
		x, err := Stein(a, Scalar(1))
		if err != nil {
			t.Errorf("ρ = 1 − %g: %v", gap, err)
			continue
		}
		near(t, fmt.Sprint("1 − ρ = ", gap), x.X, bigStein(t, a, Scalar(1)), 1e-16/gap)
	}
}

// Nilpotent of order 100: computed eigenvalues of similar matrices reach 0.69.
func TestNilpotent(t *testing.T) {
	const n = 100
	a, want := New(n, n), New(n, n)
	for i := range n {
		if i+1 < n {
			a.Set(i, i+1, 1)
		}
		want.Set(i, i, float64(n-i))
	}
	x, err := Stein(a, Identity(n))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "X", x.X, want, 0)
	o, err := Prepare(a)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.InverseNorm(); math.Abs(got-n) > 1e-12 {
		t.Errorf("InverseNorm = %v, want %d", got, n)
	}
}

// The certificate refuses what is wrong: X that is only positive definite, X
// whose inequality holds but which is indefinite, and inequalities that hold by
// less than the rounding of forming them.
func TestCertificateCatches(t *testing.T) {
	check := func(a, x Matrix, blur float64) bool {
		n := a.Rows
		var g []float64
		if blur > 0 {
			g = make([]float64, n*n)
			for i := range g {
				g[i] = blur
			}
		}
		s, tmp := make([]float64, n*n), make([]float64, n*n)
		dense.Congruence(s, a.Data, x.Data, tmp, n)
		dense.Sub(s, x.Data, s)
		return lyapunov(a.Data, g, x.Data, s, make([]float64, n*n+4*n), n, false)
	}
	for _, tt := range []struct {
		name string
		a, x Matrix
		blur float64
		want bool
	}{
		{"true", Scalar(.5), Scalar(1), 0, true},
		{"true all around", Scalar(.5), Scalar(1), .1, true},
		{"not all around", Scalar(.5), Scalar(1), .6, false},
		{"zero all around", Scalar(0), Scalar(1), .9, true},
		{"zero not all around", Scalar(0), Scalar(1), 1.1, false},
		{"unstable, X ≻ 0", Scalar(2), Scalar(1), 0, false},
		{"unstable, X − AXAᵀ ≻ 0", Scalar(2), Scalar(-1), 0, false},
		{"one unstable mode", Diagonal(.5, 2), Diagonal(1, 1), 0, false},
		{"on the boundary", Identity(2), Identity(2), 0, false},
		{"just not all around", Scalar(.9), Scalar(1), .11, false},
		// X = 3 on (1, 1), −1 on (1, −1); A = 0 and 2 there: X − AXAᵀ = 3I.
		{"unstable, X indefinite, X − AXAᵀ ≻ 0", rows(t, []float64{1, -1}, []float64{-1, 1}), rows(t, []float64{1, 2}, []float64{2, 1}), 0, false},
		{"within rounding", Scalar(1 - dense.Eps), Scalar(1), 0, false},
		{"scales 2^±300", Diagonal(.5, .5), Diagonal(0x1p300, 0x1p-300), 0, true},
	} {
		if got := check(tt.a, tt.x, tt.blur); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestPrepareWithin(t *testing.T) {
	a := rows(t, []float64{.5, 1}, []float64{0, -.7})
	m := rows(t, []float64{2, 1}, []float64{1, 3})
	o, x, err := PrepareWithin(a, Matrix{}, m)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "X", x, bigStein(t, a, m), 1e-15)
	y := make([]float64, 4)
	o.Solve(y, m.Data)
	near(t, "Solve", Matrix{2, 2, y}, x, 0)
	// A witness that proves nothing still gets its solution.
	_, x, err = PrepareWithin(a, Matrix{}, Diagonal(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "X", x, bigStein(t, a, Diagonal(1, 0)), 1e-15)
	if _, _, err = PrepareWithin(Diagonal(1.5, .5), Matrix{}, m); !errors.Is(err, ErrUnstable) {
		t.Errorf("error %v", err)
	}
	if _, _, err = PrepareWithin(a, Matrix{}, Scalar(1)); !errors.Is(err, ErrShape) {
		t.Errorf("error %v", err)
	}
}

// All Ã within the bound are certified or none.
func TestPrepareWithinABound(t *testing.T) {
	for _, witness := range []Matrix{{}, Scalar(2), Scalar(0)} {
		for bound, want := range map[float64]bool{0: true, .01: true, .1: false, 1: false} {
			_, x, err := PrepareWithin(Scalar(.9), Scalar(bound), witness)
			if (err == nil) != want || err != nil && !errors.Is(err, ErrUnstable) {
				t.Errorf("bound %g, witness %v: %v", bound, witness, err)
			}
			if err == nil && x.IsZero() != witness.IsZero() {
				t.Errorf("bound %g, witness %v: X %v", bound, witness, x)
			}
		}
	}
	a := Diagonal(.5, .5)
	for name, tt := range map[string]struct {
		bound, witness Matrix
		want           error
	}{
		"bound of another shape": {Scalar(1), Matrix{}, ErrShape},
		"bound NaN":              {Diagonal(math.NaN(), 0), Matrix{}, ErrNotFinite},
		"witness Inf":            {Matrix{}, Diagonal(math.Inf(1), 1), ErrNotFinite},
		"witness off by one bit": {Matrix{}, rows(t, []float64{1, .5}, []float64{.5 + 0x1p-53, 1}), ErrNotSymmetric},
	} {
		if _, _, err := PrepareWithin(a, tt.bound, tt.witness); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The powers go on until what is left out is rounding: with no correction, every
// scalar is right.
func TestPowersGoFarEnough(t *testing.T) {
	for i := range 990 {
		a := float64(i) / 1000
		o, err := Prepare(Scalar(a))
		if err != nil {
			t.Fatal(err)
		}
		x := []float64{1}
		o.Solve(x, x)
		if want := 1 / ((1 - a) * (1 + a)); o.refine || math.Abs(x[0]/want-1) > 8*dense.Eps/(1-a) {
			t.Errorf("a = %g: %v, want %v (refined %v)", a, x[0], want, o.refine)
		}
	}
}

// Refinement never leaves a larger residual than plain doubling.
func TestRefinementDoesNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	refined, harmful := 0, 0
	for range 3000 {
		a := randomMatrix(rng, 3, 3, math.Ldexp(1, rng.IntN(24)))
		for i := range 3 {
			for j := range i {
				a.Set(i, j, 0)
			}
			a.Set(i, i, 1.98*rng.Float64()-.99)
		}
		h, tmp := reflection(rng, 3), make([]float64, 9)
		dense.Mul(tmp, h.Data, a.Data, 3, 3, 3)
		dense.MulNT(a.Data, tmp, h.Data, 3, 3, 3)
		o, err := Prepare(a)
		if err != nil || !o.refine {
			continue
		}
		refined++
		m := randomMatrix(rng, 3, 3, 1)
		dense.Symmetrize(m.Data, 3)
		x, plain := New(3, 3), New(3, 3)
		o.Solve(x.Data, m.Data)
		o.refine = false
		o.Solve(plain.Data, m.Data)
		// The measure differs from solve's by rounding.
		if o.Residual(x.Data, m.Data) > 1.01*o.Residual(plain.Data, m.Data)+1e-15 {
			harmful++
		}
	}
	if refined < 100 || harmful > 0 {
		t.Errorf("%d of %d made worse", harmful, refined)
	}
}

func TestResidualSeesErrors(t *testing.T) {
	o, err := Prepare(Scalar(.5))
	if err != nil {
		t.Fatal(err)
	}
	if r := o.Residual([]float64{4}, []float64{3}); r != 0 {
		t.Errorf("residual of the exact solution %g", r)
	}
	// x = 4.04: 4.04 − 1.01 − 3 = .03 over 4.04 + 1.01 + 3.
	if r := o.ResidualT([]float64{4.04}, []float64{3}); math.Abs(r-.03/8.05) > 1e-15 {
		t.Errorf("residual %g, want %g", r, .03/8.05)
	}
}

// reflection is the orthogonal H = I − 2vvᵀ of a random unit v.
func reflection(rng *rand.Rand, n int) Matrix {
	v := randomMatrix(rng, n, 1, 1)
	dense.Scale(v.Data, 1/dense.Norm(v.Data), v.Data)
	h := Identity(n)
	for i := range n {
		for j := range n {
			h.Data[i*n+j] -= 2 * v.Data[i] * v.Data[j]
		}
	}
	return h
}

// The same growth in coordinates that show no structure: now every power
// carries rounding of the size of the transient. What comes out is as accurate
// as the certificate can vouch for, or refused.
func TestSteinFarFromNormalRotated(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	refused, refined := 0, false
	for n := 2; n <= 6; n++ {
		for _, coupling := range []float64{1, 5, 25, 125} {
			d := New(n, n)
			for i := range n {
				d.Set(i, i, .9-.1*float64(i))
				if i+1 < n {
					d.Set(i, i+1, coupling)
				}
			}
			h, a, tmp := reflection(rng, n), New(n, n), make([]float64, n*n)
			dense.Mul(tmp, h.Data, d.Data, n, n, n)
			dense.MulNT(a.Data, tmp, h.Data, n, n, n)
			o, err := Prepare(a)
			if err != nil {
				var e *UnstableError
				if !errors.As(err, &e) || e.Lower > 1 || e.Upper < .9 {
					t.Errorf("n=%d coupling %g: %v, but ρ = 0.9", n, coupling, err)
				}
				refused++
				continue
			}
			x, want := New(n, n), bigStein(t, a, Identity(n))
			o.Solve(x.Data, Identity(n).Data)
			// A relative change ε of A moves X by ε ‖A‖² ‖L⁻¹‖.
			norm := dense.Norm(a.Data)
			near(t, fmt.Sprintf("n=%d coupling %g", n, coupling), x, want, 4*dense.Eps*(1+norm*norm)*dense.Norm(want.Data))
			if refined = refined || o.refine; o.refine {
				if r := o.Residual(x.Data, Identity(n).Data); r > 8*dense.Eps*(1+norm*norm) {
					t.Errorf("n=%d coupling %g: refined residual %g", n, coupling, r)
				}
			}
		}
	}
	if refused == 0 || !refined {
		t.Errorf("%d refused, refinement used: %v; both should happen", refused, refined)
	}
}

// The bound on the error of a power holds for the powers of every matrix within G
// of A as 300 bits give them, and rounding is seen in it: a power of norm below ½
// is a proof only because of that.
func TestPowersAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	for n := 1; n <= 6; n++ {
		for _, size := range []float64{0, 1e-17, 1e-9, 1e-3} {
			a, moved, g := stable(n, 0.9), New(n, n), make([]float64, n*n)
			for i, v := range a.Data {
				if i%n > i/n {
					a.Data[i] *= 100 // far from normal
					v *= 100
				}
				g[i] = size * math.Abs(v)
				moved.Data[i] = v
			}
			exact := toBig(moved)
			for i, v := range exact.x {
				v.Add(v, big.NewFloat(g[i]*(2*rng.Float64()-1)))
			}
			o, err := newOperator("A", a, g)
			if err != nil {
				continue // made unstable by the large entries
			}
			far := dense.Norm(g)
			for k := range o.count() {
				off := dense.Norm(exact.sub(toBig(Matrix{n, n, o.power(k)})).round().Data)
				if !(off <= far) {
					t.Errorf("n=%d size=%g: power %d is off by %g, bound %g", n, size, k, off, far)
				}
				far = squareBlur(far, dense.Norm(o.power(k)), n)
				exact = exact.mul(exact)
			}
		}
	}
	// The same A, as it is and with a neighbour of radius 1 in reach.
	a := rows(t, []float64{0.75, 0}, []float64{0, 0.5})
	for _, tt := range []struct {
		g    float64
		want bool
	}{{0, true}, {0.125, true}, {0.25, false}} {
		o, err := newOperator("A", a, []float64{tt.g, 0, 0, 0})
		if err != nil {
			t.Fatal(err)
		}
		if o.contracts != tt.want {
			t.Errorf("within %g: proved %v, want %v", tt.g, o.contracts, tt.want)
		}
	}
}

// One equation without stored powers has the bits of the prepared operator, and
// leaves to it what no power proves and what doubling spoils.
func TestSteinIsTheOperator(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	for _, n := range []int{1, 2, 3, 5, 12, 20} {
		a, m := stable(n, 0.95), randomMatrix(rng, n, n, 1)
		dense.Symmetrize(m.Data, n)
		o, err := Prepare(a)
		if err != nil || o.refine {
			t.Fatal(err, o.refine)
		}
		for _, transposed := range []bool{false, true} {
			x, norm, size, ok := smith(a, m, transposed)
			want := New(n, n)
			o.solve(want.Data, m.Data, transposed)
			wantNorm, wantSize := o.residual(want.Data, m.Data, transposed)
			if !ok || !x.Equal(want) || norm != wantNorm || size != wantSize {
				t.Errorf("n=%d transposed=%v: ok=%v, residual %g of %g, want %g of %g", n, transposed, ok, norm, size, wantNorm, wantSize)
			}
		}
	}
	// Nilpotent, and so proved, but in coordinates in which doubling loses digits.
	d, h := New(4, 4), reflection(rng, 4)
	for i := range 3 {
		d.Set(i, i+1, 30)
	}
	a, tmp := New(4, 4), make([]float64, 16)
	dense.Mul(tmp, h.Data, d.Data, 4, 4, 4)
	dense.MulNT(a.Data, tmp, h.Data, 4, 4, 4)
	if o, err := Prepare(a); err != nil || !o.contracts || !o.refine {
		t.Fatalf("%v: the test is to have a proof by a power, and a refinement", err)
	}
	if _, _, _, ok := smith(a, Identity(4), false); ok {
		t.Error("what doubling spoils: ok")
	}
	for _, a := range []Matrix{
		rows(t, []float64{1}), rows(t, []float64{-1.5}), rows(t, []float64{0.5, 1e200}, []float64{0, 0.5}),
		rows(t, []float64{0, 1}, []float64{-1, 0}),
		// Its square is 0 as computed, and unknown but for 1e8 to what bounds it.
		rows(t, []float64{0, 1e12}, []float64{0, 0}),
	} {
		if _, _, _, ok := smith(a, Identity(a.Rows), false); ok {
			t.Errorf("%v: ok", a.Data)
		}
	}
}
