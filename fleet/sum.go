package fleet

import (
	"github.com/metalqr/metalqr/fleet/internal/kernel"
)

// Sums over tasks: each lane along the binary tree over the block index whose
// node of level k and number j covers blocks j·2ᵏ … (j+1)·2ᵏ − 1, what is left
// over at the end joined from the smallest to the largest; then the eight lanes.
// Every addition carries its rounding error. Whoever computes a run of 2ᵏ
// aligned blocks computes a node, so that neither the number of workers, nor the
// length of the runs, nor whether the tasks are held or streamed shows in the
// bits.

// A node is a partial sum: n sums and n errors, in lanes.
type node []kernel.Vec

// A tree takes nodes of equal size in order.
type tree struct {
	levels []node
	free   []node // done with
}

// node is one of n numbers in each lane, of any contents.
func (t *tree) node(n int) node {
	if k := len(t.free) - 1; k >= 0 {
		x := t.free[k]
		t.free = t.free[:k]
		return x
	}
	return make(node, 2*n)
}

// add takes the next node, which it keeps and overwrites.
func (t *tree) add(x node) {
	for k := 0; ; k++ {
		if k == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		if t.levels[k] == nil {
			t.levels[k] = x
			return
		}
		kernel.AddSums(x, t.levels[k], x)
		t.free = append(t.free, t.levels[k])
		t.levels[k] = nil
	}
}

// total joins what is there, after rest, which may be nil and comes last in
// order. It returns nil for nothing.
func (t *tree) total(rest node) []float64 {
	x := rest
	for _, l := range t.levels {
		switch {
		case l == nil:
		case x == nil:
			x = append(node(nil), l...)
		default:
			kernel.AddSums(x, l, x)
		}
	}
	if x == nil {
		return nil
	}
	return fold(x)
}

// fold joins the lanes and rounds.
func fold(x node) []float64 {
	n := len(x) / 2
	sums := make([]float64, n)
	for j := range sums {
		s, e := x[j], x[n+j]
		for w := kernel.Lanes / 2; w > 0; w /= 2 {
			for l := range w {
				a, b := s[2*l], s[2*l+1]
				c := float64(a + b)
				t := float64(c - a)
				err := float64(float64(a-float64(c-t)) + float64(b-t))
				s[l], e[l] = c, err+float64(e[2*l]+e[2*l+1])
			}
		}
		sums[j] = s[0] + e[0]
	}
	return sums
}

// maxRun is the largest level of what one worker computes at a time: 64 blocks.
const maxRun = 6

// summer is the part of an engine that sums over a run of blocks.
type summer struct {
	levels []kernel.Mat
	now    kernel.Mat
	add    []*kernel.Program // add[k]: a leaf whose index has k trailing ones
	join   []*kernel.Program // join[k]: level k before now
	first  []*kernel.Program // first[k]: level k is now
}

// newSummer sums the entries of out, each times the weight.
func newSummer(l *kernel.Layout, out, weight kernel.Mat) summer {
	n := out.Len()
	s := summer{now: l.Mat(2, n)}
	zero := l.Mat(1, n)
	for range maxRun + 1 {
		s.levels = append(s.levels, l.Mat(2, n))
	}
	for k := range maxRun + 1 {
		p := new(kernel.Program)
		p.Times(s.now.Row(0), out.Tail(0, 1, n), weight)
		p.Copy(s.now.Row(1), zero)
		for j := range k {
			p.TwoSum(s.now, s.levels[j], s.now)
		}
		p.Copy(s.levels[k], s.now)
		s.add = append(s.add, p.Done())

		p = new(kernel.Program)
		p.TwoSum(s.now, s.levels[k], s.now)
		s.join = append(s.join, p.Done())
		p = new(kernel.Program)
		p.Copy(s.now, s.levels[k])
		s.first = append(s.first, p.Done())
	}
	return s
}

// leaf adds block i of a run.
func (s *summer) leaf(slab []kernel.Vec, i int) {
	k := 0
	for ; i>>k&1 == 1; k++ {
	}
	kernel.Run(slab, s.add[k])
}

// total is the node of a run of n blocks.
func (s *summer) total(slab []kernel.Vec, n int) node {
	first := true
	for k := 0; n>>k != 0; k++ {
		if n>>k&1 == 0 {
			continue
		}
		if first {
			kernel.Run(slab, s.first[k])
			first = false
			continue
		}
		kernel.Run(slab, s.join[k])
	}
	return append(node(nil), s.now.Of(slab)...)
}

// run is the level of what a worker computes at a time: long enough to be worth
// handing out, short enough to keep all workers busy.
func run(blocks, workers int) int {
	k := 0
	for k < maxRun && blocks>>(k+1) >= 8*workers {
		k++
	}
	return k
}
