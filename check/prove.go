package check

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/interval"
)

// evaluations bounds the boxes that one piece may be cut into. A piece that a
// careful prover wrote needs a handful; near an end of the domain or beside a
// zero, where they halve towards it, some dozens.
const evaluations = 4000

// everywhere proves that test holds on b by cutting it into boxes on which test
// says so. what says what is to be proved.
func everywhere(b interval.Interval, what string, test func(interval.Interval) bool) error {
	stack := make([]interval.Interval, 1, 64)
	stack[0] = b
	for n := 0; len(stack) > 0; n++ {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if test(c) {
			continue
		}
		m := cut(c)
		if n >= evaluations || !(c.Lo() < m && m < c.Hi()) {
			return fmt.Errorf("%s: not found to hold on %v", what, c)
		}
		stack = append(stack, interval.New(m, c.Hi()), interval.New(c.Lo(), m))
	}
	return nil
}

// cut is where to cut a box: in the middle, or, of an unbounded one, as far again
// from 0 as its end is.
func cut(b interval.Interval) float64 {
	m := b.Mid()
	if math.Abs(m) >= math.MaxFloat64 {
		return math.NaN()
	}
	return m
}
