package interval

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// operands are narrow intervals with both signs, as a solver meets them; wide
// ones contain zero now and then.
func operands(n int) []Interval {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]Interval, n)
	for i := range x {
		c := rng.NormFloat64()
		r := 0x1p-50
		if i%8 == 0 {
			r = 1
		}
		x[i] = New(c-r, c+r)
	}
	return x
}

func BenchmarkOps(b *testing.B) {
	x := operands(1024)
	var r Interval
	binary := func(name string, f func(a, b Interval) Interval) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				r = f(x[i&1023], x[(i*7+3)&1023])
			}
			if r.IsEmpty() {
				b.Fatal("empty")
			}
		})
	}
	unary := func(name string, f func(a Interval) Interval) {
		binary(name, func(a, _ Interval) Interval { return f(a) })
	}
	binary("None", func(a, b Interval) Interval { return Interval{a.lo, b.hi}.Hull(a) })
	binary("Add", Interval.Add)
	binary("Sub", Interval.Sub)
	binary("Mul", Interval.Mul)
	binary("MulPositive", func(a, b Interval) Interval { return a.Abs().Mul(b.Abs()) })
	binary("Div", Interval.Div)
	binary("Scale", func(a, b Interval) Interval { return a.Scale(b.lo) })
	binary("AddFloat", func(a, b Interval) Interval { return a.AddFloat(b.lo) })
	binary("MulZero", func(a, _ Interval) Interval { return a.Mul(Interval{}) })
	binary("AddUnbounded", func(a, _ Interval) Interval { return a.Add(Interval{0, inf}) })
	unary("Sqr", Interval.Sqr)
	unary("Inv", Interval.Inv)
	unary("Sqrt", func(a Interval) Interval { return a.Abs().Sqrt() })
	unary("Exp", Interval.Exp)
	unary("Pow5", func(a Interval) Interval { return a.Pow(5) })
	binary("MulDown", func(a, b Interval) Interval { return Interval{MulDown(a.lo, b.hi), inf} })
	binary("AddDown", func(a, b Interval) Interval { return Interval{AddDown(a.lo, b.hi), inf} })
	binary("DivDown", func(a, b Interval) Interval { return Interval{DivDown(a.lo, b.hi), inf} })
	// In line, as in a program.
	b.Run("Horner", func(b *testing.B) {
		for i := range b.N {
			y := x[i&1023]
			r = x[0].Mul(y).Add(x[1]).Mul(y).Add(x[2]).Mul(y).Add(x[3])
		}
	})
}

func BenchmarkMatrix(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{2, 4, 10, 20, 50} {
		x, y := NewMatrix(n, n), NewMatrix(n, n)
		p := NewMatrix(n, n)
		for i := range x.Data {
			c := rng.NormFloat64()
			x.Data[i] = New(c-0x1p-50, c+0x1p-50)
			p.Data[i] = Of(c)
			y.Data[i] = Of(rng.NormFloat64())
		}
		g := x.MulNT(x)
		for i := range n {
			g.Set(i, i, g.At(i, i).AddFloat(1))
		}
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		run("Mul", func() { x.Mul(y) })
		run("MulPoints", func() { p.Mul(y) })
		run("PositiveDefinite", func() {
			if !g.PositiveDefinite() {
				b.Fatal("not proved")
			}
		})
	}
}
