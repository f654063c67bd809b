package dense

import (
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/internal/simd"
)

// product is C = A B by its definition; entry (i, j) of A is at(i, j).
func product(m, k, n int, a, b func(i, j int) float64) (c, size []float64) {
	c, size = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			for p := range k {
				v := a(i, p) * b(p, j)
				c[i*n+j] += v
				size[i*n+j] += math.Abs(v)
			}
		}
	}
	return
}

// within checks each entry to k rounding errors of each of two sums of k
// products.
func within(t *testing.T, what string, got, want, size []float64, k int) {
	t.Helper()
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= float64(2*k+2)*Eps*size[i]) {
			t.Fatalf("%s: entry %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func poison(x []float64) []float64 {
	for i := range x {
		x[i] = math.NaN()
	}
	return x
}

// Every remainder of the 4×8 and 4×4 tiles, and the sizes of the stack panels.
var shapes = func() (s [][3]int) {
	for m := 1; m <= 13; m++ {
		for n := 1; n <= 21; n++ {
			for _, k := range []int{1, 2, 3, 4, 5, 8, 9} {
				s = append(s, [3]int{m, k, n})
			}
		}
	}
	return append(s, [][3]int{{5, 32, 9}, {5, 33, 9}, {6, 256, 6}, {6, 257, 6}, {50, 50, 50}, {33, 47, 51}}...)
}()

func TestProducts(t *testing.T) {
	for _, s := range shapes {
		m, k, n := s[0], s[1], s[2]
		a, b := random(m*k, 1), random(k*n, 2)
		at, bt := make([]float64, m*k), make([]float64, k*n)
		Transpose(at, a, m, k)
		Transpose(bt, b, k, n)
		want, size := product(m, k, n, func(i, j int) float64 { return a[i*k+j] }, func(i, j int) float64 { return b[i*n+j] })
		c := make([]float64, m*n)
		Mul(poison(c), a, b, m, k, n)
		within(t, fmt.Sprint("Mul ", s), c, want, size, k)
		MulTN(poison(c), at, b, m, k, n)
		within(t, fmt.Sprint("MulTN ", s), c, want, size, k)
		MulNT(poison(c), a, bt, m, k, n)
		within(t, fmt.Sprint("MulNT ", s), c, want, size, k)
	}
}

func TestCongruence(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 50} {
		a, x, tmp := random(n*n, 3), random(n*n, 4), make([]float64, n*n)
		Symmetrize(x, n)
		at := make([]float64, n*n)
		Transpose(at, a, n, n)
		for _, dir := range []string{"A X Aᵀ", "Aᵀ X A"} {
			l, f := a, Congruence
			if dir == "Aᵀ X A" {
				l, f = at, CongruenceT
			}
			y, size := product(n, n, n, func(i, j int) float64 { return l[i*n+j] }, func(i, j int) float64 { return x[i*n+j] })
			want, _ := product(n, n, n, func(i, j int) float64 { return y[i*n+j] }, func(i, j int) float64 { return l[j*n+i] })
			// Each of two computations rounds two sums of n products.
			_, limit := product(n, n, n, func(i, j int) float64 { return size[i*n+j] }, func(i, j int) float64 { return math.Abs(l[j*n+i]) })
			got := append([]float64(nil), x...)
			f(got, a, got, poison(tmp), n)
			for i := range n {
				for j := range n {
					if got[i*n+j] != got[j*n+i] {
						t.Fatalf("%s n=%d: not exactly symmetric", dir, n)
					}
					if d := math.Abs(got[i*n+j] - want[i*n+j]); !(d <= float64(4*n+4)*Eps*limit[i*n+j]) {
						t.Fatalf("%s n=%d: entry (%d,%d) off by %g", dir, n, i, j, d)
					}
				}
			}
		}
	}
}

// chain is entry (i, j) of A B as the kernels define it, from the last term in.
func chain(a, b []float64, k, n, i, j int) float64 {
	s := 0.0
	for p := range k {
		s = math.FMA(a[i*k+p], b[p*n+j], s)
	}
	return s
}

// onAll runs f on every path that this processor has and returns what it computed
// on the first, plain Go, after comparing the bits of the others with it.
func onAll(t *testing.T, what string, f func() []float64) []float64 {
	t.Helper()
	old := chosen
	defer func() { chosen = old }()
	var want []float64
	for _, chosen = range simd.Paths() {
		got := f()
		if want == nil {
			want = got
			continue
		}
		for i := range want {
			if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
				t.Fatalf("%s on %v: entry %d is %v, and %v in plain Go", what, chosen, i, got[i], want[i])
			}
		}
	}
	return want
}

// The kernels have, on every path, the bits of their definition, entry by entry.
func TestPanel(t *testing.T) {
	const m, n = 20, 11 // up to five tiles; C is wider than the panel
	for _, k := range []int{0, 1, 2, 3, 7, 64} {
		a, b, c0 := random(m*max(k, 1), 5), random(n*max(k, 1), 6), random(m*n, 7)
		for _, wide := range []int{4, 8} {
			for how := set; how <= sub; how++ {
				for tiles := range m/4 + 1 {
					what := fmt.Sprintf("panel k=%d width=%d mode=%d tiles=%d", k, wide, how, tiles)
					got := onAll(t, what, func() []float64 {
						c := append([]float64(nil), c0...)
						panel(c, n, a, k, 1, b, n, k, tiles, wide, how)
						// Aᵀ by its strides.
						at := make([]float64, len(a))
						Transpose(at, a[:m*k], m, k)
						d := append([]float64(nil), c0...)
						panel(d, n, at, 1, m, b, n, k, tiles, wide, how)
						return append(c, d...)
					})
					for i, v := range got {
						r, j := i%(m*n)/n, i%n
						want := c0[r*n+j]
						if r < 4*tiles && j < wide {
							if how == set {
								want = 0
							}
							for p := range k {
								x := a[r*k+p]
								if how == sub {
									x = -x
								}
								want = math.FMA(x, b[p*n+j], want)
							}
						}
						if math.Float64bits(v) != math.Float64bits(want) {
							t.Fatalf("%s: entry (%d,%d) is %v, want %v", what, r, j, v, want)
						}
					}
				}
			}
		}
		got := onAll(t, "pack4", func() []float64 {
			x := make([]float64, 4*k)
			pack4(x, 4, a, k, k)
			return x
		})
		rows := onAll(t, "move8", func() []float64 {
			x := make([]float64, 9*k)
			move8(x, 9, b, n, k)
			return x
		})
		for i, v := range rows {
			if j := i % 9; j < 8 && v != b[i/9*n+j] || j == 8 && v != 0 {
				t.Fatalf("move8 k=%d: entry %d", k, i)
			}
		}
		want := make([]float64, 4*k)
		Transpose(want, a[:4*k], 4, k)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("pack4 k=%d: entry %d", k, i)
			}
		}
	}
}

// Triangles of every kind that the factorisations use, times their solution, give
// the right-hand side back to the rounding that substitution allows.
func TestTriangle(t *testing.T) {
	for n := 0; n <= 21; n++ {
		tri, b, d := random(n*n, 11), random(n*width, 12), random(n, 13)
		for i := range d {
			d[i] = 1 / (1 + d[i]*d[i])
		}
		for variant := range 8 {
			li, lp, back := n, 1, variant&1 != 0
			if variant&2 != 0 {
				li, lp = 1, n
			}
			factors := d
			if variant&4 != 0 {
				factors = nil
			}
			what := fmt.Sprintf("triangle n=%d variant %d", n, variant)
			got := onAll(t, what, func() []float64 {
				x := append([]float64(nil), b...)
				triangle(x, tri, li, lp, n, factors, back)
				return x
			})
			for i := range n {
				for j := range width {
					s, size := 0.0, 0.0
					for p := range n {
						e := tri[i*li+p*lp]
						switch {
						case p == i && factors == nil:
							e = 1
						case p == i:
							e = 1 / d[i]
						case (p > i) != back:
							e = 0
						}
						s += e * got[p*width+j]
						size += math.Abs(e * got[p*width+j])
					}
					// Higham, Theorem 8.5, and as much for the sum here.
					if off := math.Abs(s - b[i*width+j]); !(off <= float64(2*n+4)*Eps*size) {
						t.Fatalf("%s: row %d off by %g", what, i, off)
					}
				}
			}
		}
	}
}

func TestEliminate(t *testing.T) {
	for rows := range 10 {
		x, v := random((rows+1)*width, 14), random(width, 15)
		u := *(*[width]float64)(v)
		for col := range width {
			got := onAll(t, "eliminate", func() []float64 {
				y := append([]float64(nil), x...)
				eliminate(y, rows, &u, 0.3, col)
				return y
			})
			for i := range got {
				r, j := i/width, i%width
				f := x[r*width+col] * 0.3
				want := math.FMA(-f, u[j], x[i])
				if j == col {
					want = f
				}
				if r == rows {
					want = x[i]
				}
				if got[i] != want {
					t.Fatalf("rows=%d col=%d: entry %d is %v, want %v", rows, col, i, got[i], want)
				}
			}
		}
	}
}

// What is built on the kernels has the same bits on every path, and products have
// those of one chain of fused multiply-adds an entry, blocks of k included.
func TestSameBits(t *testing.T) {
	for _, n := range []int{4, 5, 8, 9, 15, 24, 31, 50, 67, blockRows + 2, blockRows + 9} {
		depths := []int{n, 3, 300}
		if n > blockRows {
			depths = []int{340} // more than wholeA: by blocks of rows and of k
		}
		for _, k := range depths {
			a, b := random(n*k, 16), random(k*n, 17)
			bt := make([]float64, n*k)
			Transpose(bt, b, k, n)
			got := onAll(t, fmt.Sprint("products ", n, k), func() []float64 {
				c, d, s, u := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
				Mul(poison(c), a, b, n, k, n)
				MulNT(poison(d), a, bt, n, k, n)
				SymmetricNT(poison(s), a, a, k, n)
				SymmetricTN(poison(u), b, b, k, n)
				return append(append(append(c, d...), s...), u...)
			})
			at := make([]float64, n*k)
			Transpose(at, a, n, k)
			for i := range n {
				for j := range n {
					want := chain(a, b, k, n, i, j)
					if x, y := got[i*n+j], got[n*n+i*n+j]; x != want || y != want {
						t.Fatalf("n=%d k=%d: entry (%d,%d) is %v and %v, want %v", n, k, i, j, x, y, want)
					}
					p, q := max(i, j), min(i, j) // the lower triangle, mirrored
					if x, want := got[2*n*n+i*n+j], chain(a, at, k, n, p, q); x != want {
						t.Fatalf("n=%d k=%d: entry (%d,%d) of A Aᵀ is %v, want %v", n, k, i, j, x, want)
					}
					if x, want := got[3*n*n+i*n+j], chain(bt, b, k, n, p, q); x != want {
						t.Fatalf("n=%d k=%d: entry (%d,%d) of BᵀB is %v, want %v", n, k, i, j, x, want)
					}
				}
			}
		}
		a, b := random(n*n, 18), random(n*(n+3), 19)
		onAll(t, fmt.Sprint("factors ", n), func() []float64 {
			lu, piv, x := append([]float64(nil), a...), make([]int, n), append([]float64(nil), b...)
			LU(lu, piv, n)
			LUSolve(lu, piv, x, n, n+3)
			s := make([]float64, n*n)
			SymmetricTN(s, a, a, n, n)
			for i := range n {
				s[i*n+i]++
			}
			Congruence(lu, a, s, make([]float64, n*n), n)
			Cholesky(s, s, n)
			CholeskySolve(s, x, n, n+3)
			return append(append(x, s...), lu...)
		})
	}
}

func TestLU(t *testing.T) {
	for n := 1; n <= 41; n++ {
		for _, m := range []int{1, 3, 8, 9, 17} {
			a, x := random(n*n, uint64(7+m)), random(n*m, 8)
			b := make([]float64, n*m)
			Mul(b, a, x, n, n, m)
			lu, piv := append([]float64(nil), a...), make([]int, n)
			if !LU(lu, piv, n) {
				t.Fatal("singular")
			}
			LUSolve(lu, piv, b, n, m)
			// Backward stable: A X̂ = B to rounding, whatever the condition.
			back, want := make([]float64, n*m), make([]float64, n*m)
			Mul(back, a, b, n, n, m)
			Mul(want, a, x, n, n, m)
			Sub(back, back, want)
			if r := Norm(back) / (Norm(a) * Norm(b)); r > 1e-15*float64(n) {
				t.Fatalf("n=%d m=%d: residual %g", n, m, r)
			}
		}
	}
	if LU(make([]float64, 9), make([]int, 3), 3) {
		t.Error("zero matrix has an LU")
	}
	if LU([]float64{1, 2, 3, 4, 5, 6, 7, 8, math.NaN()}, make([]int, 3), 3) {
		t.Error("NaN has an LU")
	}
	// A pivot is refused, or LUSolve copes with it: 2⁻¹⁰²⁴ has no reciprocal.
	for n := 1; n <= 20; n++ {
		for _, tiny := range []float64{0x1p-1022, 0x1p-1024} {
			a, b, piv := make([]float64, n*n), make([]float64, n), make([]int, n)
			Identity(a, n)
			a[n*n-1], b[n-1] = tiny, tiny
			ok := LU(a, piv, n)
			if ok != (tiny > 0x1p-1024) {
				t.Fatalf("n=%d: pivot %g: %v", n, tiny, ok)
			}
			if LUSolve(a, piv, b, n, 1); ok && b[n-1] != 1 {
				t.Errorf("n=%d: %g/%[2]g is %g", n, tiny, b[n-1])
			}
		}
	}
}

func TestCholesky(t *testing.T) {
	for n := 1; n <= 33; n++ {
		g := random(n*n, 9)
		a := make([]float64, n*n)
		SymmetricNT(a, g, g, n, n)
		for i := range n {
			a[i*n+i]++
		}
		l, back := make([]float64, n*n), make([]float64, n*n)
		if !Cholesky(l, a, n) {
			t.Fatal("not positive definite")
		}
		above := append([]float64(nil), a...)
		for i := range n {
			for j := i + 1; j < n; j++ {
				above[i*n+j] = math.NaN()
			}
		}
		if !Cholesky(above, above, n) {
			t.Fatal("not positive definite with NaN above the diagonal")
		}
		for i, v := range l {
			if above[i] != v {
				t.Fatalf("n=%d: entry %d is %v with NaN above the diagonal, and %v", n, i, above[i], v)
			}
		}
		MulNT(back, l, l, n, n, n)
		Sub(back, back, a)
		if r := Norm(back) / Norm(a); r > 1e-15*float64(n) {
			t.Fatalf("n=%d: ‖LLᵀ − A‖ = %g", n, r)
		}
		x := random(n*3, 10)
		b := make([]float64, n*3)
		Mul(b, a, x, n, n, 3)
		CholeskySolve(l, b, n, 3)
		Sub(b, b, x)
		// λ_min ≥ 1, so κ ≤ ‖A‖, and the error is below 4n(3n+1) ε κ (N. J.
		// Higham, Accuracy and Stability of Numerical Algorithms, Theorem
		// 10.4), the rounding of B included.
		if r := Norm(b) / Norm(x); r > float64(4*n*(3*n+1))*Eps*Norm(a) {
			t.Fatalf("n=%d: solve off by %g", n, r)
		}
		a[n*n-1] -= 2 * Norm(a)
		if Cholesky(a, a, n) {
			t.Fatal("indefinite matrix has a Cholesky factor")
		}
	}
}

func TestNorm(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{3, 4}, 5},
		{[]float64{3e200, 4e200}, 5e200},
		{[]float64{3e-200, -4e-200}, 5e-200},
		{[]float64{3e-160, -4e-160}, 5e-160}, // squares subnormal
		{[]float64{3 * 0x1p-1070, 4 * 0x1p-1070}, 5 * 0x1p-1070},
		{[]float64{0, 0}, 0},
		{[]float64{1, math.Inf(-1)}, math.Inf(1)},
		{nil, 0},
	} {
		if got := Norm(tt.x); math.Abs(got-tt.want) > 2*Eps*tt.want {
			t.Errorf("Norm(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
	if got := Norm([]float64{1e300, math.NaN(), math.Inf(1)}); !math.IsNaN(got) {
		t.Errorf("Norm with NaN = %v", got)
	}
}
