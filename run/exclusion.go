package run

import (
	"math/big"
	"math/bits"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

// common is the open interval of the gains that stabilise every task of a
// problem with one scalar gain. Task i is stabilised exactly where
//
//	√γ |a − b w| < 1,   w strictly between (a ± 1/√γ)/b,
//
// (everywhere when b = 0, as a task that exists is then stable). Ends are
// compared exactly. Where every b is 0, low and high are nil.
type common struct{ low, high *end }

// An end is p + q√m, of the interval of a task.
type end struct {
	p, q, m *big.Rat
	of      *stabilising
}

// stabilising is the open interval of a scalar task's stabilising gains.
type stabilising struct {
	task      string
	low, high end
}

func (p *Problem) common() common {
	var c common
	for _, t := range p.Tasks {
		for _, o := range []objective.Objective{t.Outer, t.Inner} {
			task := plant(o)
			if task == nil {
				continue
			}
			s := stabilisingInterval(t.Name, task)
			if s == nil {
				continue
			}
			if c.low == nil || s.low.compare(c.low) > 0 {
				c.low = &s.low
			}
			if c.high == nil || s.high.compare(c.high) < 0 {
				c.high = &s.high
			}
		}
	}
	return c
}

// excluded decides whether tasks with one scalar gain have a common
// stabilising gain: open intervals of the line have a common point if and only
// if every two have, the greatest lower end below the least upper end. It
// returns nil for gains that are not scalar.
func (p *Problem) excluded() error {
	if p.Dim() != 1 {
		return nil
	}
	c := p.common()
	if c.low == nil || c.low.compare(c.high) < 0 {
		return nil
	}
	first, second := c.high.of, c.low.of
	return &ExclusionError{
		First: first.task, Low1: first.low.float(), High1: first.high.float(),
		Second: second.task, Low2: second.low.float(), High2: second.high.float(),
	}
}

// commonGains are count points of the common interval of a scalar problem, the
// midpoint first, then those of van der Corput's sequence in base 2; none for
// gains that are not scalar.
func (p *Problem) commonGains(count int) []float64 {
	if p.Dim() != 1 {
		return nil
	}
	c := p.common()
	if c.low == nil {
		return nil
	}
	low, high := c.low.float(), c.high.float()
	var points []float64
	for k := 1; k <= count; k++ {
		u := float64(bits.Reverse32(uint32(k))) / (1 << 32)
		if w := low + u*(high-low); w > low && w < high {
			points = append(points, w)
		}
	}
	return points
}

func stabilisingInterval(name string, t *lqr.Task) *stabilising {
	ma, mb := t.Plant()
	if mb.Data[0] == 0 {
		return nil
	}
	rational := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
	inverse := new(big.Rat).Inv(rational(mb.Data[0])) // 1/b
	middle := new(big.Rat).Mul(rational(ma.Data[0]), inverse)
	reach := new(big.Rat).Abs(inverse)
	m := new(big.Rat).Inv(rational(t.Discount()))
	s := &stabilising{task: name}
	s.low = end{middle, new(big.Rat).Neg(reach), m, s}
	s.high = end{middle, reach, m, s}
	return s
}

// compare is the sign of a − b.
func (a *end) compare(b *end) int {
	return signOfTwoRoots(new(big.Rat).Sub(a.p, b.p), a.q, a.m, new(big.Rat).Neg(b.q), b.m)
}

// signOfRoot is the sign of u + v√m, m > 0: that of the summand whose square is
// the greater.
func signOfRoot(u, v, m *big.Rat) int {
	su, sv := u.Sign(), v.Sign()
	if su == sv || sv == 0 {
		return su
	}
	u2 := new(big.Rat).Mul(u, u)
	v2 := new(big.Rat).Mul(v, v)
	return larger(u2.Cmp(v2.Mul(v2, m)), su, sv)
}

// signOfTwoRoots is the sign of x + w√n, x = u + v√m, in the same way:
// x² − w²n = u² + v²m − w²n + 2uv√m.
func signOfTwoRoots(u, v, m, w, n *big.Rat) int {
	sx, sw := signOfRoot(u, v, m), w.Sign()
	if sx == sw || sw == 0 {
		return sx
	}
	product := func(x ...*big.Rat) *big.Rat {
		p := big.NewRat(1, 1)
		for _, f := range x {
			p.Mul(p, f)
		}
		return p
	}
	rational := product(u, u)
	rational.Add(rational, product(v, v, m))
	rational.Sub(rational, product(w, w, n))
	return larger(signOfRoot(rational, product(big.NewRat(2, 1), u, v), m), sx, sw)
}

// larger is the sign of a sum of two terms of different signs a and b, squares
// the sign of a's square less b's.
func larger(squares, a, b int) int {
	switch {
	case squares > 0:
		return a
	case squares < 0:
		return b
	}
	return 0
}

// float is the end, rounded.
func (e *end) float() float64 {
	const precision = 200
	f := func(x *big.Rat) *big.Float { return new(big.Float).SetPrec(precision).SetRat(x) }
	root := f(e.m)
	root.Sqrt(root)
	root.Mul(root, f(e.q))
	v, _ := root.Add(root, f(e.p)).Float64()
	return v
}
