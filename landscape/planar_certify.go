package landscape

import (
	"math"
	"strings"

	"github.com/metalqr/metalqr/certificate"
)

// certificate writes the tree down. order has the minimisers that are listed.
func (q *planarProof) certificate(l *PlanarLandscape, nodes []planarNode, order []int) certificate.Planar {
	at := make([]int, len(q.minima))
	for i := range at {
		at[i] = -1
	}
	c := certificate.Planar{Level: l.Level, Region: l.Region, OneMap: l.OneMap, Infimum: l.Infimum, EpsilonLow: l.Epsilon.Lo(), Verdict: l.Verdict, Left: l.Left}
	if e := l.Epsilon.Hi(); !math.IsInf(e, 1) {
		c.Epsilon = &e
	}
	if q.witness != nil {
		c.Witness = q.witness[:]
	}
	list := append([]int(nil), order...)
	for i := range q.minima { // those outside the region take part in the cover
		found := false
		for _, j := range order {
			found = found || i == j
		}
		if !found {
			list = append(list, i)
		}
	}
	for n, i := range list {
		at[i] = n
		m := &q.minima[i]
		x := certificate.PlanarMinimum{Chart: m.box[:], Optimal: m.optimal, Listed: n < len(order)}
		if x.Listed {
			x.Gain, x.Value = l.Minima[n].Gain, l.Minima[n].Value
		}
		c.Minima = append(c.Minima, x)
	}
	c.Cover = depthFirst(nodes, planarCuts, func(n *planarNode) { c.Meets = append(c.Meets, at[n.meets]) })
	for _, t := range q.strips {
		c.Strips = append(c.Strips, certificate.PlanarStrip{Task: t.task, Width: t.width, Cover: depthFirst(t.nodes, planarCuts, nil)})
	}
	return c
}

// planarCuts are the tags of boxes that are cut.
const planarCuts = string(planarFirst) + string(planarSecond)

// depthFirst writes a tree, the lower half first, and visits the boxes that meet a
// minimiser in that order. cuts are the tags of boxes that are cut.
func depthFirst(nodes []planarNode, cuts string, meets func(n *planarNode)) string {
	tree := make([]byte, 0, len(nodes))
	stack := []int32{0}
	for len(stack) > 0 {
		n := &nodes[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		tree = append(tree, n.tag)
		switch {
		case strings.IndexByte(cuts, n.tag) >= 0:
			stack = append(stack, n.next+1, n.next)
		case n.tag == planarMeets:
			meets(n)
		}
	}
	return string(tree)
}

// Certificate is the proof in the form of package certificate.
func (l *PlanarLandscape) Certificate() certificate.Certificate {
	c := certificate.Certificate{Family: l.family}
	if l.region != nil {
		r := *l.region
		c.Region = &r
		return c
	}
	x := l.proof
	c.Planar = &x
	return c
}
