package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// fill puts normal numbers everywhere, and in lane 5 infinities and NaN too.
func fill(random *rand.Rand, slab []Vec) {
	for i := range slab {
		for l := range slab[i] {
			slab[i][l] = random.NormFloat64()
		}
		if random.IntN(4) == 0 {
			slab[i][5] = []float64{math.NaN(), math.Inf(1), 0, math.Copysign(0, -1), 1e308}[random.IntN(5)]
		}
	}
}

// same compares bits; one NaN is like another.
func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

// onAll runs a program on every path from the same slab and compares all of it.
// The mask of a power loop is compared as the numbers it stands for.
func onAll(t *testing.T, name string, slab []Vec, p *Program) []Vec {
	t.Helper()
	var want []Vec
	for k, path := range Paths() {
		old := Use(k)
		got := make([]Vec, len(slab))
		copy(got, slab)
		Run(got, p)
		Use(old)
		if want == nil {
			want = got
			continue
		}
		for i := range got {
			for l := range got[i] {
				if !same(got[i][l], want[i][l]) {
					t.Fatalf("%s on %s: entry %d, lane %d is %v, want %v", name, path, i, l, got[i][l], want[i][l])
				}
			}
		}
	}
	return want
}

// Products of all shapes up to 9, in all modes, with every factor transposed or
// not, in place or not, symmetric or not: the same bits on all paths, and the
// numbers of a plain product up to rounding.
func TestProducts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	modes := []string{"set", "add", "sub", "fma", "scale"}
	for m := 1; m <= 9; m++ {
		for n := 1; n <= 9; n++ {
			for k := 1; k <= 9; k++ {
				for mode := range modes {
					for variant := range 8 {
						sym := variant&4 != 0
						if sym && m != n {
							continue
						}
						var l Layout
						l.Mat(1, 2)
						a, b := l.Mat(m, k), l.Mat(k, n)
						if variant&1 != 0 {
							a = l.Mat(k, m).T()
						}
						if variant&2 != 0 {
							b = l.Mat(n, k).T()
						}
						c := l.Mat(m, n)
						c0 := c
						if (m+n+k)%2 == 0 {
							c0 = l.Mat(m, n)
						}
						l.Mat(1, 2)
						p := new(Program)
						flags := 0
						if sym {
							flags = flagSym
						}
						p.mul(mode, flags, c, c0, a, b, 0.75)
						p.Done()
						slab := make([]Vec, l.Size())
						fill(random, slab)
						name := fmt.Sprintf("%d×%d×%d %s variant %d", m, k, n, modes[mode], variant)
						out := onAll(t, name, slab, p)
						for i := range slab {
							if i >= c.at && i < c.end() {
								continue
							}
							if slab[i] != out[i] && !same(slab[i][5], out[i][5]) {
								t.Fatalf("%s: entry %d outside C changed", name, i)
							}
						}
						const lane = 2
						at := func(s []Vec, x Mat, i, j int) float64 { return s[x.at+i*x.ri+j*x.ci][lane] }
						for i := range m {
							for j := range n {
								if sym && j > i {
									if at(out, c, i, j) != at(out, c, j, i) {
										t.Fatalf("%s: not symmetric", name)
									}
									continue
								}
								s := 0.0
								for q := range k {
									s += at(slab, a, i, q) * at(slab, b, q, j)
								}
								from := at(slab, c0, i, j)
								want := []float64{s, from + s, from - s, from + 0.75*s, 0.75 * s}[mode]
								if got := at(out, c, i, j); math.Abs(got-want) > 1e-13 {
									t.Fatalf("%s: (%d, %d) is %v, want %v", name, i, j, got, want)
								}
							}
						}
					}
				}
			}
		}
	}
}

// The other operations, of all lengths up to 21.
func TestElements(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= 21; n++ {
		var l Layout
		l.Mat(1, 1)
		x, y, z, w, d := l.Mat(1, n), l.Mat(1, n), l.Mat(1, n), l.Mat(1, 1), l.Mat(1, 1)
		s, u := l.Mat(2, n), l.Mat(2, n)
		l.Mat(1, 1)
		slab := make([]Vec, l.Size())
		fill(random, slab)
		for name, build := range map[string]func(p *Program){
			"copy": func(p *Program) { p.Copy(z, x) }, "add": func(p *Program) { p.Add(z, x, y) },
			"sub": func(p *Program) { p.Sub(z, x, y) }, "fma": func(p *Program) { p.FMA(z, x, 0.3, y) },
			"fma in place": func(p *Program) { p.FMA(x, x, 0.3, y) }, "scale": func(p *Program) { p.Scale(z, -0.3, x) },
			"times": func(p *Program) { p.Times(z, x, w) }, "dot": func(p *Program) { p.Dot(d, x, y) },
			"twosum": func(p *Program) { p.TwoSum(s, u, s) },
		} {
			p := new(Program)
			build(p)
			out := onAll(t, fmt.Sprint(name, n), slab, p.Done())
			const lane = 6
			switch name {
			case "dot":
				want := 0.0
				for i := range n {
					want += slab[x.at+i][lane] * slab[y.at+i][lane]
				}
				if math.Abs(out[d.at][lane]-want) > 1e-13 {
					t.Errorf("dot %d: %v, want %v", n, out[d.at][lane], want)
				}
			case "twosum":
				for i := range n {
					a, b := slab[u.at+i][lane], slab[s.at+i][lane]
					carried := slab[u.at+n+i][lane] + slab[s.at+n+i][lane]
					if got := out[s.at+i][lane]; got != a+b {
						t.Errorf("sum %v, want %v", got, a+b)
					}
					// Knuth's error is exact: e = a − (s − b') …, here by
					// comparing with the carried part alone.
					if got := out[s.at+n+i][lane] - carried; math.Abs(got) > 0x1p-52*math.Abs(a+b) {
						t.Errorf("error %v of a sum %v", got, a+b)
					}
				}
			case "times":
				if out[z.at][lane] != slab[x.at][lane]*slab[w.at][lane] {
					t.Error("times")
				}
			}
		}
	}
}

// Cholesky and the solution with it: A times the solution is the right-hand
// side; a lane with a negative pivot ends in no positive number, and the rest do
// not notice.
func TestCholesky(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for n := 1; n <= 9; n++ {
		for m := 1; m <= 9; m += 2 {
			var l Layout
			g, a, lo, b, r := l.Mat(n, n), l.Mat(n, n), l.Mat(n, n), l.Mat(n, m), l.Mat(n, m)
			slab := make([]Vec, l.Size())
			fill(random, slab)
			for i := range slab {
				slab[i][5] = slab[i][4]
			}
			p := new(Program)
			p.SymMul(a, g, g.T())
			out := onAll(t, "A", slab, p.Done())
			for i := range n {
				for lane := range Lanes {
					out[a.Entry(i, i).at][lane] += 1
				}
			}
			out[a.Entry(n/2, n/2).at][3] = -1
			p = new(Program)
			p.Copy(r, b)
			p.Cholesky(lo, a, 1)
			p.Solve(lo, r)
			out = onAll(t, fmt.Sprint("cholesky", n, m), out, p.Done())
			last := out[lo.Entry(n-1, n-1).at]
			for lane, v := range last {
				if good := v > 0 && v <= math.MaxFloat64; good != (lane != 3) {
					t.Errorf("n=%d: last pivot of lane %d is %v", n, lane, v)
				}
			}
			p = new(Program)
			p.MulSub(b, b, a, r)
			out = onAll(t, "residual", out, p.Done())
			for _, v := range b.Of(out) {
				for lane, x := range v {
					if lane != 3 && !(math.Abs(x) < 1e-12) {
						t.Errorf("n=%d m=%d lane %d: residual %v", n, m, lane, x)
					}
				}
			}
		}
	}
}

// Powers and doubling with lanes of every kind at once: contractions fast and
// slow, an unstable one, NaN, zero, and one that ends nowhere near the limit.
// Every lane gives what it gives in a block of its own kind.
func TestPowersLaneByLane(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	radii := [Lanes]float64{0, 0.1, 0.5, 0.9, 0.999, 1.5, 0.999999, 0.7}
	for n := 1; n <= 9; n++ {
		var l Layout
		w := l.Powers(n, 16)
		x, tmp := l.Mat(n, n), l.Mat(n, n)
		y := l.Mat(n, n)
		p := new(Program)
		p.Powers(w)
		both, u := l.Mat(n, n), l.Mat(n, n)
		z, v := l.Mat(n, n), l.Mat(n, n)
		p.Copy(both, x)
		p.Copy(z, y)
		p.Double(w, x, tmp)
		p.DoubleT(w, y, tmp)
		p.DoubleBoth(w, both, u, z, v)
		for _, spoilt := range []Mat{tmp, u, v} { // to no agreed numbers
			p.Copy(spoilt, x)
		}
		p.Done()
		slab := make([]Vec, l.Size())
		for lane, ρ := range radii {
			for i := range n {
				for j := range i + 1 {
					w.First.Of(slab)[i*n+j][lane] = 0.3 * random.NormFloat64() * ρ
				}
				w.First.Of(slab)[i*n+i][lane] = ρ * float64(n-i) / float64(n)
				x.Of(slab)[i*n+i][lane], y.Of(slab)[i*n+i][lane] = 1, 2
			}
		}
		w.First.Of(slab)[0][7] = math.NaN()
		out := onAll(t, fmt.Sprint("powers", n), slab, p)
		for i := range x.Of(out) {
			for lane := range Lanes {
				if !same(x.Of(out)[i][lane], both.Of(out)[i][lane]) || !same(y.Of(out)[i][lane], z.Of(out)[i][lane]) {
					t.Errorf("n=%d: both at once differ from one after the other in lane %d", n, lane)
				}
			}
		}
		if c := w.Count(out); c != 16 {
			t.Errorf("n=%d: %d powers", n, c)
		}
		for lane := range radii {
			bad := math.Float64bits(w.Bad.Of(out)[0][lane]) != 0
			if bad != (lane >= 5) {
				t.Errorf("n=%d: lane %d bad: %v", n, lane, bad)
			}
			alone := make([]Vec, len(slab))
			for i := range alone {
				for k := range alone[i] {
					alone[i][k] = slab[i][lane]
				}
			}
			alone = onAll(t, "alone", alone, p)
			if bad {
				continue
			}
			for _, m := range []Mat{x, y, w.Sum, w.Bad} {
				for i := range m.Of(out) {
					if a, b := m.Of(alone)[i][0], m.Of(out)[i][lane]; !same(a, b) {
						t.Fatalf("n=%d lane %d: %v alone, %v among others", n, lane, a, b)
					}
				}
			}
		}
		// X = A X Aᵀ + I in the lanes that ended.
		q := new(Program)
		q.Mul(tmp, w.First, x)
		q.MulSub(y, x, tmp, w.First.T())
		out = onAll(t, "residual", out, q.Done())
		for i := range n {
			for lane := range 5 {
				size := x.Of(out)[0][lane]
				if v := y.Of(out)[i*n+i][lane]; math.Abs(v-1) > 1e-13*(1+math.Abs(size))*float64(n) {
					t.Errorf("n=%d lane %d: %v, want 1", n, lane, v)
				}
			}
		}
	}
}

// The assembly has the layout of op by numbers.
func TestOpLayout(t *testing.T) {
	var o op
	for name, at := range map[string][2]uintptr{
		"kind": {unsafe.Offsetof(o.kind), 0}, "mode": {unsafe.Offsetof(o.mode), 4}, "m": {unsafe.Offsetof(o.m), 8},
		"k": {unsafe.Offsetof(o.k), 12}, "n": {unsafe.Offsetof(o.n), 16}, "c": {unsafe.Offsetof(o.c), 20},
		"c0": {unsafe.Offsetof(o.c0), 24}, "a": {unsafe.Offsetof(o.a), 28}, "b": {unsafe.Offsetof(o.b), 32},
		"ci": {unsafe.Offsetof(o.ci), 36}, "cj": {unsafe.Offsetof(o.cj), 40}, "ai": {unsafe.Offsetof(o.ai), 44},
		"ap": {unsafe.Offsetof(o.ap), 48}, "bp": {unsafe.Offsetof(o.bp), 52}, "bj": {unsafe.Offsetof(o.bj), 56},
		"flags": {unsafe.Offsetof(o.flags), 60}, "s": {unsafe.Offsetof(o.s), 64}, "size": {unsafe.Sizeof(o), 72},
	} {
		if at[0] != at[1] {
			t.Errorf("%s at %d, not %d", name, at[0], at[1])
		}
	}
}

// BenchmarkProduct is the batched product C ← A B of n×n matrices, eight tasks
// at once, on every path: what the whole algorithm is measured against.
func BenchmarkProduct(b *testing.B) {
	for _, n := range []int{2, 4, 8, 12, 16, 32} {
		for k, path := range Paths() {
			b.Run(fmt.Sprintf("n=%d/%s", n, path), func(b *testing.B) {
				var l Layout
				x, y, z := l.Mat(n, n), l.Mat(n, n), l.Mat(n, n)
				const times = 100
				p := new(Program)
				for range times / 2 {
					p.Mul(z, x, y)
					p.Mul(y, x, z)
				}
				p.Done()
				slab := make([]Vec, max(l.Size(), 1024))
				for i := range n {
					for l := range Lanes {
						x.Of(slab)[i*n+i][l], y.Of(slab)[i*n+i][l] = 1, 1
					}
				}
				defer Use(Use(k))
				for b.Loop() {
					Run(slab, p)
				}
				flops := 2 * float64(Lanes*n*n*n) * times
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
