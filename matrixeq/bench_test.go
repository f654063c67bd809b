package matrixeq

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

var sizes = []int{1, 2, 4, 12, 20, 50, 100, 200}

// randomMatrix has independent normal entries of standard deviation s.
func randomMatrix(rng *rand.Rand, r, c int, s float64) Matrix {
	m := New(r, c)
	for i := range m.Data {
		m.Data[i] = s * rng.NormFloat64()
	}
	return m
}

// plant is a random unstable system, ρ(A) ≈ 1.2, with r = max(1, n/2) inputs.
func plant(n int) (a, b, q, r Matrix) {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	k := max(1, n/2)
	a = randomMatrix(rng, n, n, 1)
	radius, _ := SpectralRadius(a)
	dense.Scale(a.Data, 1.2/radius, a.Data)
	return a, randomMatrix(rng, n, k, 1), Identity(n), Identity(k)
}

func stable(n int, radius float64) Matrix {
	a := randomMatrix(rand.New(rand.NewPCG(2, uint64(n))), n, n, 1)
	r, _ := SpectralRadius(a)
	dense.Scale(a.Data, radius/r, a.Data)
	return a
}

func BenchmarkPrepare(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a := stable(n, .9)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Prepare(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o, err := Prepare(stable(n, .9))
			if err != nil {
				b.Fatal(err)
			}
			m, x := Identity(n).Data, make([]float64, n*n)
			b.ReportAllocs()
			for b.Loop() {
				o.Solve(x, m)
			}
			if r := o.Residual(x, m); r > 1e-14 {
				b.Fatal(r)
			}
		})
	}
}

// One operator and both equations of a policy.
func BenchmarkPolicy(b *testing.B) {
	for _, n := range []int{1, 2, 4, 12} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a, m := stable(n, .7), Identity(n)
			x := make([]float64, n*n)
			b.ReportAllocs()
			for b.Loop() {
				o, _, err := PrepareWithin(a, Matrix{}, m)
				if err != nil {
					b.Fatal(err)
				}
				o.SolveT(x, m.Data)
			}
		})
	}
}

func BenchmarkRiccati(bench *testing.B) {
	for _, n := range sizes {
		bench.Run(fmt.Sprint(n), func(bench *testing.B) {
			a, b, q, r := plant(n)
			bench.ReportAllocs()
			var s *RiccatiSolution
			for bench.Loop() {
				var err error
				if s, err = Riccati(a, b, q, r); err != nil {
					bench.Fatal(err)
				}
			}
			bench.ReportMetric(float64(s.Doublings), "doublings")
			bench.ReportMetric(float64(s.Refinements), "refinements")
			bench.ReportMetric(s.Residual/dense.Eps, "residual/ε")
		})
	}
}

func BenchmarkStein(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a, m := stable(n, .9), Identity(n)
			b.ReportAllocs()
			var s Solution
			for b.Loop() {
				var err error
				if s, err = Stein(a, m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(s.Residual/dense.Eps, "residual/ε")
		})
	}
}
