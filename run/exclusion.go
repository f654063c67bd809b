package run

import (
	"math/big"

	"github.com/metalqr/metalqr/lqr"
)

// excluded decides whether tasks with one scalar gain have a common
// stabilising gain. Task i is stabilised exactly where
//
//	√γ |a − b w| < 1,   w strictly between (a ± 1/√γ)/b,
//
// (everywhere when b = 0, as a task that exists is then stable), and open
// intervals of the line have a common point if and only if every two have:
// the greatest lower end lies below the least upper end. The ends are compared
// as rationals; with a discount, whose root is irrational, to 2500 bits, more
// than any two float64 expressions of this kind need to differ.
//
// It returns nil for gains that are not scalar.
func (p *Problem) excluded() error {
	if p.Dim() != 1 {
		return nil
	}
	var low, high *stabilising
	for _, t := range p.Tasks {
		for _, task := range []*lqr.Task{t.Outer, t.Inner} {
			s := stabilisingInterval(t.Name, task)
			if s == nil {
				continue
			}
			if low == nil || s.low.Cmp(low.low) > 0 {
				low = s
			}
			if high == nil || s.high.Cmp(high.high) < 0 {
				high = s
			}
		}
	}
	if low == nil || low.low.Cmp(high.high) < 0 {
		return nil
	}
	f := func(x *big.Rat) float64 { v, _ := x.Float64(); return v }
	return &ExclusionError{
		First: high.task, Low1: f(high.low), High1: f(high.high),
		Second: low.task, Low2: f(low.low), High2: f(low.high),
	}
}

// stabilising is the open interval of a scalar task's stabilising gains.
type stabilising struct {
	task      string
	low, high *big.Rat
}

func stabilisingInterval(name string, t *lqr.Task) *stabilising {
	ma, mb := t.Plant()
	if mb.Data[0] == 0 {
		return nil
	}
	a, b := new(big.Rat).SetFloat64(ma.Data[0]), new(big.Rat).SetFloat64(mb.Data[0])
	one := big.NewRat(1, 1)
	if γ := t.Discount(); γ != 1 {
		root := new(big.Float).SetPrec(2500).SetFloat64(γ)
		root.Sqrt(root)
		one, _ = new(big.Float).SetPrec(2500).Quo(big.NewFloat(1), root).Rat(nil)
	}
	s := &stabilising{task: name}
	s.low = new(big.Rat).Sub(a, one)
	s.low.Quo(s.low, b)
	s.high = new(big.Rat).Add(a, one)
	s.high.Quo(s.high, b)
	if b.Sign() < 0 {
		s.low, s.high = s.high, s.low
	}
	return s
}
