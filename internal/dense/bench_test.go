package dense

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var sizes = []int{1, 2, 4, 8, 12, 16, 20, 32, 50, 100, 200}

func random(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func BenchmarkMul(b *testing.B) {
	for _, n := range sizes {
		a, x, c, tmp := random(n*n, 1), random(n*n, 2), make([]float64, n*n), make([]float64, n*n)
		Symmetrize(x, n)
		flops := 2e-9 * float64(n) * float64(n) * float64(n)
		run := func(name string, count float64, f func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
				b.ReportMetric(count*flops*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
			})
		}
		run("NN", 1, func() { Mul(c, a, x, n, n, n) })
		run("TN", 1, func() { MulTN(c, a, x, n, n, n) })
		run("NT", 1, func() { MulNT(c, a, x, n, n, n) })
		run("Congruence", 1.5, func() { Congruence(c, a, x, tmp, n) })
		run("CongruenceT", 1.5, func() { CongruenceT(c, a, x, tmp, n) })
	}
}

func BenchmarkFactor(b *testing.B) {
	for _, n := range sizes {
		a, x, piv := random(n*n, 3), random(n*n, 4), make([]int, n)
		s, f, y := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
		SymmetricTN(s, a, a, n, n)
		for i := range n {
			s[i*n+i]++
		}
		flops := 1e-9 * float64(n) * float64(n) * float64(n)
		run := func(name string, count float64, step func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
				b.ReportMetric(count*flops*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
			})
		}
		run("LU", 2./3, func() { copy(f, a); LU(f, piv, n) })
		run("LUSolve", 2, func() { copy(y, x); LUSolve(f, piv, y, n, n) })
		run("Cholesky", 1./3, func() { Cholesky(f, s, n) })
		run("CholeskySolve", 2, func() { copy(y, x); CholeskySolve(f, y, n, n) })
	}
}
