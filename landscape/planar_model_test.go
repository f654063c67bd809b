package landscape

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactAt is Σ cᵢⱼ xⁱyʲ in rationals.
func exactAt(p *model, x, y *big.Rat) *big.Rat {
	sum, t := new(big.Rat), new(big.Rat)
	for n := 0; n <= p.deg; n++ {
		for j := 0; j <= n; j++ {
			t.SetFloat64(p.c[firstOf(n)+j])
			for range n - j {
				t.Mul(t, x)
			}
			for range j {
				t.Mul(t, y)
			}
			sum.Add(sum, t)
		}
	}
	return sum
}

// Models hold exact rational functions: products, combinations and inverses of
// random models, at random points, with e used to the full on both sides.
func TestModelHoldsRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(deg int) (m model, f func(x, y *big.Rat) *big.Rat) {
		m.deg = deg
		for i := range firstOf(deg + 1) {
			m.c[i] = r.NormFloat64() / float64(1+i)
		}
		m.c[0] = 4 + r.Float64()
		if r.IntN(2) == 0 {
			m.e = r.Float64() / 1e3
		}
		p, shift := m, new(big.Rat).SetFloat64(m.e*float64(r.IntN(3)-1))
		return m, func(x, y *big.Rat) *big.Rat { return new(big.Rat).Add(exactAt(&p, x, y), shift) }
	}
	for range 80 {
		a, fa := draw(r.IntN(modelDegree + 1))
		b, fb := draw(r.IntN(modelDegree + 1))
		var p, q, s model
		p.product(&a, &b)
		s = a
		k := real{r.NormFloat64(), 0x1p-20}
		s.addScaled(k, &b)
		ok := q.inverse(&a)
		for range 20 {
			x, y := new(big.Rat).SetFloat64(2*r.Float64()-1), new(big.Rat).SetFloat64(2*r.Float64()-1)
			u, v := fa(x, y), fb(x, y)
			holds := func(what string, m *model, want *big.Rat) {
				t.Helper()
				d := new(big.Rat).Sub(want, exactAt(m, x, y))
				if d.Abs(d).Cmp(new(big.Rat).SetFloat64(m.e)) > 0 {
					f, _ := d.Float64()
					t.Fatalf("%s: off by %v, e = %v", what, f, m.e)
				}
				if f, _ := want.Float64(); !m.span().Contains(f) {
					t.Fatalf("%s: %v is not in %v", what, f, m.span())
				}
			}
			holds("product", &p, new(big.Rat).Mul(u, v))
			c := new(big.Rat).SetFloat64(k.m)
			c.Add(c, new(big.Rat).SetFloat64(k.r*float64(r.IntN(3)-1)))
			holds("sum", &s, new(big.Rat).Add(u, c.Mul(c, v)))
			if ok {
				holds("inverse", &q, new(big.Rat).Inv(u))
			}
		}
	}
}

// What overflows or is undefined says nothing, and says so.
func TestModelOverflow(t *testing.T) {
	var a, b, p model
	a.linear(real{m: 1e300}, real{m: 1e300}, real{}, real{})
	b.linear(real{m: 1e300}, real{m: -1e300}, real{}, real{})
	p.product(&a, &b)
	if p.span().IsBounded() {
		t.Fatalf("a product of 1e600 is in %v", p.span())
	}
	if p.inverse(&p) {
		t.Fatal("it has an inverse")
	}
	a.linear(real{m: 1}, real{m: 1}, real{}, real{})
	if p.inverse(&a) {
		t.Fatal("1 + x has an inverse on [-1, 1]")
	}
	a.constant(real{r: infinity})
	p.product(&a, &b)
	if p.span().IsBounded() {
		t.Fatalf("unknown times something is in %v", p.span())
	}
}
