package landscape

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// PlanarOptions say what [Planar.Prove] or [Gains.Prove] is to prove, and bound the work.
type PlanarOptions struct {
	Options
	// Level is L: minimisers with h ≤ L are listed. 0 means three times the
	// largest local minimum that a search finds.
	Level float64
	// Region is a box of gains to which the claim is restricted; nil means all
	// gains of the domain.
	Region interval.Box
}

// A PlanarLandscape is what is known of the local minimisers with h ≤ Level in
// Region, of a meta-objective with two gains, or with more ([Gains.Prove]). Every
// interval is an enclosure.
type PlanarLandscape struct {
	Level  float64
	Region interval.Box // nil: all stabilising gains
	// Minima are the local minimisers, by value. Those with h ≤ Level are all
	// there outside Unresolved; some above may be. Of each the Gain meets Region.
	Minima     []PlanarMinimum
	Unresolved []interval.Box    // gains, where a minimiser may hide: hulls of boxes that touch
	Left       int               // how many boxes these are
	Infimum    interval.Interval // of h over its domain
	Attained   bool              // inf h is proved to be the least of Minima and the minima outside Region
	LowerBound interval.Interval // Σ λᵢ Cᵢ*

	// Every local minimum that is at most Level and in the region lies at most
	// Epsilon.Hi() above inf h, and one at least Epsilon.Lo().
	Epsilon interval.Interval
	Verdict certificate.Verdict // of those minimisers
	OneMap  bool                // the family comes to one map F

	Boxes int  // examined
	Spent bool // the budget ran out

	family string
	proof  certificate.Planar
	region *certificate.Region // the proof of [Gains.Prove]
}

// A PlanarMinimum is a strict local minimiser: Gain holds it, and Chart, a box
// of reflection coefficients, holds it and no other stationary point. Without a
// Chart, Gain holds no other.
type PlanarMinimum struct {
	Gain    interval.Box
	Chart   interval.Box
	Value   interval.Interval
	Optimal bool // the adapted gain is the one task's optimum
}

// Spurious reports whether a local minimum above inf h is proved to exist.
func (l *PlanarLandscape) Spurious() bool { return l.Epsilon.Lo() > 0 }

// ErrLevel is matched by the error about a level that no proof can be about.
var ErrLevel = errors.New("the level is below the least value of the tasks' costs")

// A planarNode is a box of the bisection tree.
type planarNode struct {
	tag   byte
	meets int32
	next  int32 // the lower child; the upper one follows
}

// A planarOpen is a box that waits.
type planarOpen struct {
	box  planarBox
	node int32
}

// DefaultPlanarBoxes is the budget of [Planar.Prove] where none is given: half a minute
// for two tasks on two cores.
const DefaultPlanarBoxes = 300_000

// planarRound is how many boxes are examined between two looks at the clock. A
// minimiser that a box finds is in the list from the next round on: part of what
// fixes the result.
const planarRound = 4096

// Prove encloses all local minimisers with h ≤ L. The square of the chart is
// bisected until each box is shown to have none, or to have none beside those of
// the list; boxes that are left when the budget ends or that are too small to be
// cut are in Unresolved. The only errors are an [*EmptyError], for a domain that is
// shown to be empty, one that matches [ErrLevel], and that of ctx.
//
// A box costs some 10 to 100 µs for each task.
//
// It panics where a box that was discarded holds a minimiser that a search in
// floating point had found: that is a bug, here or in the search, and no proof.
func (p *Planar) Prove(ctx context.Context, o PlanarOptions) (*PlanarLandscape, error) {
	if o.Boxes <= 0 {
		o.Boxes = DefaultPlanarBoxes
	}
	m := newMeter(ctx, o.Options)
	q := &planarProof{p: p, region: o.Region, best: infinity, upper: infinity, lower: zero, least: 0x1p-30}
	for i := range p.tasks {
		q.lower = q.lower.Add(p.tasks[i].λ.Mul(p.tasks[i].f.best))
	}
	known := p.known(planarSearch)
	highest := math.Inf(-1)
	for _, k := range known {
		q.best = min(q.best, k.value)
		highest = max(highest, k.value)
	}
	q.level = o.Level
	if q.level == 0 {
		if len(known) == 0 {
			highest = q.lower.Hi()
		}
		q.level = 3 * highest
	}
	if !(q.level >= q.lower.Lo()) || q.level > maxFloat {
		return nil, fmt.Errorf("landscape: %w: %v, and no value of h is below %v", ErrLevel, q.level, q.lower.Lo())
	}
	workers := make([]planarWorker, m.o.Workers)
	for _, k := range known {
		q.add(&workers[0], k.k)
	}
	q.corners(m, workers)
	side := interval.New(-1, 1)
	nodes, open, border := q.cover(m, workers, planarBox{side, side}, math.MaxInt, known)
	border = min(border, q.border)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := &PlanarLandscape{Level: q.level, Region: o.Region, LowerBound: q.lower, OneMap: p.oneMap, Boxes: m.examined, Spent: m.spent}
	q.conclude(l, nodes, open, border, &workers[0])
	l.family = string(family.Format(p.family))
	if len(l.Minima) == 0 && l.Left == 0 && q.empty(nodes) {
		var names []string
		for i := range p.tasks {
			names = append(names, p.tasks[i].name)
		}
		return nil, &EmptyError{Tasks: names}
	}
	return l, nil
}

// planarSearch is the size of the search's grid: 16² starts found every minimiser
// that the proofs of TestPlanarAgrees did.
const planarSearch = 16

// add puts the minimiser next to k into the list, unless it is there or is not
// proved, and reports whether the list has grown.
func (q *planarProof) add(w *planarWorker, k [2]float64) bool {
	m, ok := q.p.isolate(w, k)
	if !ok || !q.p.stable(&w.tape, m.box) {
		return false
	}
	for i := range q.minima {
		if !q.minima[i].box[0].Disjoint(m.box[0]) && !q.minima[i].box[1].Disjoint(m.box[1]) {
			return false
		}
	}
	q.minima = append(q.minima, m)
	return true
}

// cover bisects the chart. It returns the tree, the boxes left, and a lower bound
// of h in those that reach the border of the domain and were discarded.
// It gives up where it takes more than most boxes.
func (q *planarProof) cover(m *meter, workers []planarWorker, root planarBox, most int, known []planarKnown) (nodes []planarNode, left []planarBox, border float64) {
	nodes = []planarNode{{tag: planarUnknown}}
	open := []planarOpen{{root, 0}}
	border = infinity
	verdicts := make([]planarVerdict, planarRound)
	for len(open) > 0 {
		n := min(len(open), planarRound)
		if m.o.Boxes > m.examined {
			n = min(n, m.o.Boxes-m.examined)
		}
		if len(nodes)-len(open) > most || !m.round("local minimisers", n) {
			for _, b := range open {
				left = append(left, b.box)
			}
			return nodes, left, border
		}
		now := open[:n]
		open = open[n:]
		m.each(n, func(worker, i int) { verdicts[i] = q.examine(now[i].box, &workers[worker]) })
		for i, b := range now {
			v := &verdicts[i]
			if v.found && q.add(&workers[0], v.k) {
				open = append(open, b) // once more, with the new minimiser
				continue
			}
			axis := 0
			switch v.tag {
			case planarSecond:
				axis = 1
			case planarFirst:
			default:
				nodes[b.node].tag, nodes[b.node].meets = v.tag, int32(v.meets)
				border = min(border, v.lower)
				if v.value < q.upper {
					q.upper, q.witness = v.value, &[2]float64{v.k[0], v.k[1]}
				}
				if v.tag == planarUnknown {
					left = append(left, b.box)
				} else {
					q.alarm(b.box, v, known)
				}
				continue
			}
			mid := b.box[axis].Mid()
			if !(b.box[axis].Width() > q.least) {
				axis = 1 - axis
				mid = b.box[axis].Mid()
			}
			if !(b.box[axis].Width() > q.least) {
				nodes[b.node].tag = planarUnknown
				left = append(left, b.box)
				continue
			}
			lower, upper := b.box, b.box
			lower[axis] = interval.New(b.box[axis].Lo(), mid)
			upper[axis] = interval.New(mid, b.box[axis].Hi())
			nodes[b.node].tag = [2]byte{planarFirst, planarSecond}[axis]
			nodes[b.node].next = int32(len(nodes))
			open = append(open, planarOpen{lower, int32(len(nodes))}, planarOpen{upper, int32(len(nodes) + 1)})
			nodes = append(nodes, planarNode{tag: planarUnknown}, planarNode{tag: planarUnknown})
		}
	}
	return nodes, left, border
}

// corners proves the strips, each as wide as it can be with few boxes.
func (q *planarProof) corners(m *meter, workers []planarWorker) {
	q.border = infinity
	if q.p.family.Meta.Inner.Rule != family.RuleGaussNewton || q.p.tasks[0].still {
		return
	}
	const most = 4000 // boxes for a strip
	for i := range q.p.tasks {
		done := q.p.tasks[i].spare
		for _, s := range q.strips {
			done = done || samePlant(inner(&q.p.family.Tasks[i]), inner(&q.p.family.Tasks[s.task]))
		}
		if done {
			continue
		}
		p, err := newPlanar(q.p.family, q.p.family.Meta.Inner.Rate.Steps, i)
		if err != nil {
			continue
		}
		in := &planarProof{p: p, level: q.level, region: q.region, best: q.best, upper: infinity, lower: q.lower, least: q.least, within: true}
		for width := 0x1p-3; width > 0x1p-20; width /= 8 {
			strip := planarBox{interval.New(-1, 1), interval.New(-1, -1+width)}
			nodes, left, border := in.cover(m, workers, strip, most, nil)
			if len(left) == 0 {
				q.strips = append(q.strips, planarStrip{i, width, nodes})
				q.border = min(q.border, border)
				break
			}
		}
	}
}

// alarm stops a proof that discards a known minimiser. A minimiser is known to a
// distance of about 1e-9, and one so near the edge of a box may be in the next.
func (q *planarProof) alarm(b planarBox, v *planarVerdict, known []planarKnown) {
	for _, k := range known {
		const near = 1e-8
		if !(b[0].Lo()+near < k.k[0] && k.k[0] < b[0].Hi()-near && b[1].Lo()+near < k.k[1] && k.k[1] < b[1].Hi()-near) {
			continue
		}
		switch {
		case k.value >= q.level*(1-1e-9), v.tag == planarAfar:
			continue
		case v.tag == planarMeets:
			m := q.minima[v.meets].box
			if m[0].Lo()-near < k.k[0] && k.k[0] < m[0].Hi()+near && m[1].Lo()-near < k.k[1] && k.k[1] < m[1].Hi()+near {
				continue
			}
		}
		panic(fmt.Sprintf("landscape: a bug: the box k₁ ∈ %v, k₂ ∈ %v is discarded (%q), but a search found a local minimiser with h = %v at k = %v, W = %v",
			b[0], b[1], v.tag, k.value, k.k, k.gain))
	}
}

// empty reports whether the tree shows that no gain is in the domain.
func (q *planarProof) empty(nodes []planarNode) bool {
	return !slices.ContainsFunc(nodes, func(n planarNode) bool {
		switch n.tag {
		case planarOutside, planarUnstable, planarSteep, planarFirst, planarSecond: // not planarCorner
			return false
		}
		return true
	})
}

// value encloses h over a box.
func (q *planarProof) value(b planarBox, w *planarWorker) interval.Interval {
	h, ok := q.p.h(&w.tape, b, 0)
	if !ok {
		return interval.New(q.lower.Lo(), infinity)
	}
	return h.v.span()
}

// conclude draws the conclusions.
func (q *planarProof) conclude(l *PlanarLandscape, nodes []planarNode, left []planarBox, border float64, w *planarWorker) {
	p := q.p
	order := make([]int, 0, len(q.minima))
	values := make([]interval.Interval, len(q.minima))
	for i := range q.minima {
		m := &q.minima[i]
		values[i] = q.value(m.box, w).Intersect(interval.New(q.lower.Lo(), infinity))
		if m.optimal {
			values[i] = q.lower
		}
		g := p.gains(m.box)
		if q.region != nil && (g[0].Disjoint(q.region[0]) || g[1].Disjoint(q.region[1])) {
			continue
		}
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch x, y := values[i].Mid(), values[j].Mid(); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	low, high := infinity, infinity // of inf h
	highest := math.Inf(-1)
	counted := 0                           // those that may be at most L
	allOptimal, someOptimal := true, false // of those counted, of all
	for _, i := range order {
		m := &q.minima[i]
		g := p.gains(m.box)
		l.Minima = append(l.Minima, PlanarMinimum{
			Gain: interval.Box(g[:]), Chart: interval.Box(m.box[:]), Value: values[i], Optimal: m.optimal,
		})
		if values[i].Lo() <= q.level {
			counted++
			low, highest = min(low, values[i].Lo()), max(highest, values[i].Hi())
			allOptimal = allOptimal && m.optimal
		}
	}
	for i := range q.minima { // also those outside the region bound the infimum
		high = min(high, values[i].Hi())
		someOptimal = someOptimal || q.minima[i].optimal
	}
	if q.upper < high {
		high = q.upper
	} else {
		q.witness = nil
	}
	// h → ∞ at the border of its domain, so that inf h is the least local minimum, but
	// with the Gauss–Newton rule, of whose h next to the border the cover bounds what is
	// not decided by det F′.
	complete := len(left) == 0
	attained := true
	if q.region != nil || !complete || counted == 0 || p.oneMap {
		low, attained = q.lower.Lo(), false
	}
	if border < high {
		low, attained = min(low, border), false
	}
	low = max(low, q.lower.Lo())
	if someOptimal {
		low, high, attained = q.lower.Lo(), q.lower.Hi(), true
	}
	if math.IsInf(high, 1) {
		high = maxFloat
	}
	l.Infimum = interval.New(min(low, high), high)
	l.Attained = attained
	lower := 0.0
	known := l.known()
	for _, m := range known {
		lower = max(lower, interval.SubDown(m.Value.Lo(), high))
	}
	worst := highest
	if !complete {
		worst = max(worst, q.level)
	}
	upper := max(0, interval.SubUp(worst, l.Infimum.Lo()))
	// All others are above L, or all have the least value.
	settled := complete && attained && len(known) > 0 && (counted == 1 || allOptimal)
	if settled || counted == 0 && complete {
		upper = 0
	}
	l.Epsilon = interval.New(lower, max(lower, upper))
	switch {
	case lower > 0:
		l.Verdict = certificate.NotGlobal
	case !complete:
		l.Verdict = certificate.Undecided
	case settled:
		l.Verdict = certificate.Global
	default:
		l.Verdict = certificate.EpsilonGlobal
	}
	l.Left = len(left)
	l.Unresolved = p.hulls(left)
	l.proof = q.certificate(l, nodes, order)
}

// known are the minimisers that are proved to be in the region and at most Level: those
// that say that there is one.
func (l *PlanarLandscape) known() (m []PlanarMinimum) {
	for _, x := range l.Minima {
		if x.Value.Hi() <= l.Level && (l.Region == nil || x.Gain.Subset(l.Region)) {
			m = append(m, x)
		}
	}
	return m
}

// hulls joins boxes that touch, and gives their gains.
func (p *Planar) hulls(left []planarBox) []interval.Box {
	const most = 2000
	var all []planarBox
	if len(left) > most { // one hull is enough to look at
		h := left[0]
		for _, b := range left {
			h = h.hull(b)
		}
		left = []planarBox{h}
	}
	for _, b := range left {
		for again := true; again; {
			again = false
			for i, c := range all {
				if !b[0].Disjoint(c[0]) && !b[1].Disjoint(c[1]) {
					b = b.hull(c)
					all = slices.Delete(all, i, i+1)
					again = true
					break
				}
			}
		}
		all = append(all, b)
	}
	var gains []interval.Box
	for _, b := range all {
		g := p.gains(b)
		gains = append(gains, interval.Box(g[:]))
	}
	return gains
}
