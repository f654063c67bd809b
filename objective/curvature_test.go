package objective

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// linear is a point, and a step, whose derivative is the matrix a.
type linear struct {
	a   []float64
	dim int
}

func (p linear) Value() float64     { return 0 }
func (p linear) Grad(dst []float64) { clear(dst) }
func (p linear) HessVec(dst, v []float64) {
	for i := range dst {
		dst[i] = dense.Dot(p.a[i*p.dim:(i+1)*p.dim], v)
	}
}
func (p linear) To() []float64                 { return make([]float64, p.dim) }
func (p linear) Push(dst, z []float64)         { p.HessVec(dst, z) }
func (p linear) PullDeriv(dst, z, v []float64) { clear(dst) }
func (p linear) Pull(dst, v []float64) {
	clear(dst)
	for i, x := range v {
		dense.AddScaled(dst, x, p.a[i*p.dim:(i+1)*p.dim])
	}
}

// path is the n×n second-difference matrix, whose eigenvalues are
// 2 − 2cos(kπ/(n+1)) = 4 sin²(kπ/(2n+2)), k = 1 … n, minus shift.
func path(n int, shift float64) linear {
	p := linear{a: make([]float64, n*n), dim: n}
	for i := range n {
		p.a[i*n+i] = 2 - shift
		if i > 0 {
			p.a[i*n+i-1], p.a[(i-1)*n+i] = -1, -1
		}
	}
	return p
}

func pathEigenvalue(n, k int, shift float64) float64 {
	s := math.Sin(float64(k) * math.Pi / float64(2*n+2))
	return 4*s*s - shift
}

// The tolerance is the backward error of a symmetric eigensolver, n ε ‖H‖.
func TestSpectrumClosedForm(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8, 50, 100} {
		for _, shift := range []float64{0, 1, 5} {
			p := path(n, shift)
			x := Spectrum(p, n, 0)
			tol := float64(n) * 0x1p-52 * 9
			lo, hi := pathEigenvalue(n, 1, shift), pathEigenvalue(n, n, shift)
			if !x.Exact || x.Asymmetry != 0 {
				t.Errorf("n=%d: exact %v, asymmetry %g", n, x.Exact, x.Asymmetry)
			}
			if math.Abs(x.Min-lo) > tol || math.Abs(x.Max-hi) > tol || math.Abs(x.Norm-math.Max(math.Abs(lo), math.Abs(hi))) > tol {
				t.Errorf("n=%d shift %g: %+v, want %g … %g", n, shift, x, lo, hi)
			}
			image := make([]float64, n)
			p.HessVec(image, x.MinVec)
			dense.AddScaled(image, -lo, x.MinVec)
			if math.Abs(dense.Norm(x.MinVec)-1) > tol || dense.Norm(image) > 10*tol {
				t.Errorf("n=%d: eigenvector of length %g, residual %g", n, dense.Norm(x.MinVec), dense.Norm(image))
			}
		}
	}
}

// The dense route and Lanczos straddle the limit; Ritz values lie inside the
// spectrum, and on a spectrum with separated ends they are accurate.
func TestLanczosIsALowerBound(t *testing.T) {
	const n = 200
	d := linear{a: make([]float64, n*n), dim: n}
	for i := range n {
		d.a[i*n+i] = float64(i) / n
	}
	d.a[0], d.a[n*n-1] = -3, 7
	exact, below := Spectrum(d, n, n), Spectrum(d, n, n-1)
	if !exact.Exact || below.Exact {
		t.Fatalf("exact %v at the limit, %v above", exact.Exact, below.Exact)
	}
	for _, x := range []Extremes{exact, below} {
		if math.Abs(x.Min+3) > 1e-12 || math.Abs(x.Max-7) > 1e-12 || math.Abs(math.Abs(x.MinVec[0])-1) > 1e-9 {
			t.Errorf("%g … %g, want −3 … 7; vector %g", x.Min, x.Max, x.MinVec[0])
		}
	}
	// The path graph's ends are crowded: the bound is strict or rounding.
	p := path(700, 0)
	x := Spectrum(p, 700, 0)
	hi := pathEigenvalue(700, 700, 0)
	if x.Exact || x.Max > hi+1e-12 || x.Norm > hi+1e-12 || x.Min < -1e-12 || x.Max < 0.9999*hi || x.Min > 3e-4 {
		t.Errorf("%g … %g, want within 0 … %g and near", x.Min, x.Max, hi)
	}
	// The search goes on until both ends are found, the crowded one too.
	d.a[0], d.a[n*n-1] = 0, 1.05
	if x := Spectrum(d, n, 1); math.Abs(x.Min) > 1e-12 || math.Abs(x.Max-1.05) > 1e-12 {
		t.Errorf("%g … %g, want 0 … 1.05", x.Min, x.Max)
	}
	if x := Spectrum(path(400, 0), 400, 0); !x.Exact {
		t.Error("400 parameters are not exact by default")
	}
	if again := Spectrum(p, 700, 0); again.Min != x.Min || again.Max != x.Max {
		t.Error("not repeatable")
	}
	if zero := Spectrum(linear{a: make([]float64, 9), dim: 3}, 3, 1); zero.Norm != 0 || zero.Exact {
		t.Errorf("zero Hessian: %+v", zero)
	}
}

// An asymmetric product is measured, not hidden.
func TestDenseHessianMeasuresAsymmetry(t *testing.T) {
	p := linear{a: []float64{1, 2, 3, 4}, dim: 2}
	h, asymmetry := DenseHessian(p, 2)
	// ‖[[0,−1],[1,0]]‖_F / ‖[[1,2],[3,4]]‖_F = √2/√30
	if want := math.Sqrt(2. / 30); math.Abs(asymmetry-want) > 1e-15 {
		t.Errorf("asymmetry %g, want %g", asymmetry, want)
	}
	for i, want := range []float64{1, 2.5, 2.5, 4} {
		if h[i] != want {
			t.Errorf("entry %d = %g, want %g", i, h[i], want)
		}
	}
}

func TestSpectrumOfNonsense(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		p := linear{a: []float64{1, bad, bad, 4}, dim: 2}
		for limit := range 3 {
			if x := Spectrum(p, 2, limit); !math.IsNaN(x.Min) || !math.IsNaN(x.Max) || !math.IsNaN(x.Norm) {
				t.Errorf("limit %d: %+v", limit, x)
			}
		}
		if lo, hi := SingularValues(p.a, 2); !math.IsNaN(lo) || !math.IsNaN(hi) {
			t.Errorf("%g %g", lo, hi)
		}
	}
}

// A 2×2 Jacobian's singular values solve s⁴ − ‖J‖_F² s² + det² = 0; their
// product is |det J| in every dimension.
func TestSingularValues(t *testing.T) {
	j := DenseJacobian(linear{a: []float64{1, 2, 3, 4}, dim: 2}, 2)
	for i, want := range []float64{1, 2, 3, 4} {
		if j[i] != want {
			t.Fatalf("Jacobian %v", j)
		}
	}
	lo, hi := SingularValues(j, 2)
	root := math.Sqrt(15*15 - 4)
	if math.Abs(hi-math.Sqrt(15+root)) > 1e-14 || math.Abs(lo-2/math.Sqrt(15+root)) > 1e-14 {
		t.Errorf("%.17g, %.17g", lo, hi)
	}
	if lo, hi := SingularValues([]float64{-3}, 1); lo != 3 || hi != 3 {
		t.Errorf("%g, %g", lo, hi)
	}
	// Orthogonal times a known diagonal, by a Householder reflection.
	const n = 12
	random := rand.New(rand.NewPCG(3, 3))
	u := make([]float64, n)
	for i := range u {
		u[i] = random.NormFloat64()
	}
	dense.Scale(u, 1/dense.Norm(u), u)
	a := make([]float64, n*n)
	for i := range n {
		for k := range n {
			if i == k {
				a[i*n+k] = 1
			}
			a[i*n+k] = (a[i*n+k] - 2*u[i]*u[k]) * float64(k+1)
		}
	}
	before := append([]float64(nil), a...)
	lo, hi = SingularValues(a, n)
	if math.Abs(lo-1) > 1e-13 || math.Abs(hi-n) > 1e-13 {
		t.Errorf("%g … %g, want 1 … %d", lo, hi, n)
	}
	for i := range a {
		if a[i] != before[i] {
			t.Fatal("input modified")
		}
	}
}

// The sum is exact to one rounding where a plain one loses everything, and the
// same however the terms are reached.
func TestSumAgainstExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 10, 1000} {
		terms := make([]float64, n)
		exact := new(big.Rat)
		for i := range terms {
			terms[i] = math.Ldexp(random.NormFloat64(), random.IntN(40)-20)
			if i%2 == 1 && random.IntN(2) == 0 {
				terms[i] = -terms[i-1]
			}
			exact.Add(exact, new(big.Rat).SetFloat64(terms[i]))
		}
		want, _ := exact.Float64()
		got := Sum(n, func(i int) float64 { return terms[i] })
		if math.Abs(got-want) > 0x1p-52*math.Abs(want) {
			t.Errorf("n=%d: %.17g, want %.17g", n, got, want)
		}
	}
}

func TestSumOfInfinity(t *testing.T) {
	for _, inf := range []float64{math.Inf(1), math.Inf(-1)} {
		if got := Sum(3, func(i int) float64 { return []float64{1, inf, 2}[i] }); got != inf {
			t.Errorf("got %g, want %g", got, inf)
		}
	}
}

func TestNormAtTheEnds(t *testing.T) {
	for _, c := range []float64{1, 0x1p-1060, 0x1p1000, 0x1p-600} {
		if got := dense.Norm([]float64{3 * c, 4 * c}); math.Abs(got-5*c) > 0x1p-50*5*c {
			t.Errorf("%g, want %g", got, 5*c)
		}
	}
	if dense.Norm(nil) != 0 || !math.IsInf(dense.Norm([]float64{1, math.Inf(-1)}), 1) || !math.IsNaN(dense.Norm([]float64{1, math.NaN()})) {
		t.Error("norm of nothing, infinity or NaN")
	}
}

func BenchmarkSpectrum(b *testing.B) {
	for _, n := range []int{1, 8, 48} {
		b.Run(string('0'+rune(n/10))+string('0'+rune(n%10)), func(b *testing.B) {
			p := path(n, 0)
			b.ReportAllocs()
			for b.Loop() {
				if x := Spectrum(p, n, 0); !x.Exact {
					b.Fatal("not exact")
				}
			}
		})
	}
}
