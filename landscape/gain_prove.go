package landscape

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// DefaultGainBoxes is the budget of [Gains.Prove] where none is given.
const DefaultGainBoxes = 100_000

// gainRound is how many boxes are examined between two looks at the clock.
const gainRound = 512

// ErrRegion is matched by the error about a region that no proof can be about.
var ErrRegion = errors.New("a proof over these gains needs a region: a bounded box of gains")

// Prove encloses all local minimisers with h ≤ L in a box of gains, for gains of two
// to four numbers. The box is bisected until each part is shown to have none, or none
// beside those of the list; parts that are left when the budget ends, or that are too
// small to be cut, are in Unresolved. Errors: one that matches [ErrRegion] or
// [ErrLevel], an [*UnsupportedError] for a gain of another number of entries, and that
// of ctx.
//
// Epsilon and Infimum are about the whole domain of h: from below it is known by
// Σ λᵢCᵢ*, and from above by the least value of h that was enclosed anywhere. So a
// minimum may be proved to be spurious by one outside the region; that it is global is
// proved only of a family that comes to one map.
//
// A box costs from 0.2 ms for two gains of one state to 1 ms for four of two, for two
// tasks. Of three and four gains, what is decided are regions within the tasks' stable
// sets, of about a tenth around a minimiser; whatever reaches across the border of
// stability with the Gauss–Newton rule is left.
//
// It panics where a box that was discarded holds a minimiser that a search in
// floating point had found: that is a bug, here or in the search, and no proof.
func (p *Gains) Prove(ctx context.Context, o PlanarOptions) (*PlanarLandscape, error) {
	n := p.Dim()
	switch {
	case n < 2 || n > 4:
		return nil, &UnsupportedError{fmt.Sprintf("landscapes over regions are about two to four gains, not %d", n)}
	case len(p.tasks[0].rates) == 0:
		return nil, &UnsupportedError{"landscapes are about one inner step or more"}
	case len(o.Region) != n:
		return nil, fmt.Errorf("landscape: %w", ErrRegion)
	}
	for _, x := range o.Region {
		if x.IsEmpty() || !x.IsBounded() || x.IsPoint() {
			return nil, fmt.Errorf("landscape: %w, not %v", ErrRegion, o.Region)
		}
	}
	if o.Boxes <= 0 {
		o.Boxes = DefaultGainBoxes
	}
	m := newMeter(ctx, o.Options)
	q := &gainProof{p: p, region: o.Region, upper: infinity}
	for i := range p.tasks {
		q.lower = q.lower.Add(p.tasks[i].λ.Mul(p.tasks[i].f.best))
	}
	q.oneMap, _ = planarComesToOne(p.family)
	q.measure()
	known, err := p.known(ctx, o.Region, m.o.Workers)
	if err != nil {
		return nil, err
	}
	highest := math.Inf(-1)
	for _, k := range known {
		if o.Region.Contains(k.Gain) {
			highest = max(highest, k.Value)
		}
		q.witnesses(k.Gain)
	}
	if q.level = o.Level; q.level == 0 {
		if math.IsInf(highest, -1) {
			highest = q.lower.Hi()
		}
		q.level = 3 * highest
	}
	if !(q.level >= q.lower.Lo()) || q.level > maxFloat {
		return nil, fmt.Errorf("landscape: %w: %v, and no value of h is below %v", ErrLevel, q.level, q.lower.Lo())
	}
	for _, k := range known {
		if k.Value <= q.level {
			q.add(k.Gain)
		}
	}
	nodes, left := q.cover(m, known)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := &PlanarLandscape{Level: q.level, Region: o.Region, LowerBound: q.lower, OneMap: q.oneMap, Boxes: m.examined, Spent: m.spent}
	l.family = string(family.Format(p.family))
	q.conclude(l, nodes, left)
	return l, nil
}

// measure sets scale, by ∇²C = 2 S ⊗ Σ at the tasks' optima.
func (q *gainProof) measure() {
	p := q.p
	q.scale, q.least = make([]float64, p.Dim()), make([]float64, p.Dim())
	for k := range q.scale {
		i, j := k/p.cols, k%p.cols
		for _, t := range p.tasks {
			q.scale[k] += t.λ.Mid() * t.f.sOpt.At(i, i).Mid() * t.f.sigmaOpt.At(j, j).Mid()
		}
		q.scale[k] = math.Sqrt(q.scale[k])
		q.least[k] = 0x1p-30 * q.region[k].Width()
	}
}

// known searches for minimisers, in the region and elsewhere, with the formulas of
// packages lqr and maml and none of the enclosures'.
func (p *Gains) known(ctx context.Context, region interval.Box, workers int) ([]Found, error) {
	const samples, starts = 64, 256
	m, err := metaAtRates(p.family)
	if err != nil {
		return nil, err
	}
	o := SearchOptions{Workers: workers, Starts: samples + starts}
	halton := newHalton(len(region), 0)
	for i := range samples {
		u := halton.point(i)
		x := make([]float64, len(region))
		for k, r := range region {
			x[k] = r.Lo() + u[k]*(r.Hi()-r.Lo())
		}
		o.Given = append(o.Given, x)
	}
	found, err := Search(ctx, m, o)
	switch {
	case errors.Is(err, ErrNoGain):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return slices.DeleteFunc(found.Minima, func(f Found) bool { return !(f.Least > 0) }), nil
}

// witnesses bounds inf h by h at a gain.
func (q *gainProof) witnesses(w []float64) {
	over, err := q.p.Over(pointBox(w), 0)
	if err != nil {
		return
	}
	if h := over.Value().Hi(); h < q.upper {
		q.upper, q.witness = h, slices.Clone(w)
	}
}

// add puts the minimiser next to w into the list, unless it is there, is not in the
// region or is not proved, and reports whether the list has grown.
func (q *gainProof) add(w []float64) bool {
	m, ok := q.isolate(w)
	if !ok || apartFrom(m.narrow, q.region) {
		return false
	}
	for i := range q.minima {
		if !apartFrom(q.minima[i].box, m.box) {
			return false
		}
	}
	q.minima = append(q.minima, m)
	return true
}

// apartFrom reports whether two boxes have no point in common.
func apartFrom(a, b interval.Box) bool { return a.Intersect(b).IsEmpty() }

// A gainOpen is a box that waits.
type gainOpen struct {
	box  interval.Box
	node int32
}

// cover bisects the region. It returns the tree and the boxes left.
func (q *gainProof) cover(m *meter, known []Found) (nodes []planarNode, left []interval.Box) {
	nodes = []planarNode{{tag: planarUnknown}}
	open := []gainOpen{{q.region, 0}}
	verdicts := make([]gainVerdict, gainRound)
	for len(open) > 0 {
		n := min(len(open), gainRound)
		if m.o.Boxes > m.examined {
			n = min(n, m.o.Boxes-m.examined)
		}
		if !m.round("local minimisers", n) {
			for _, b := range open {
				left = append(left, b.box)
			}
			return nodes, left
		}
		now := open[:n]
		open = open[n:]
		m.each(n, func(_, i int) { verdicts[i] = q.examine(now[i].box) })
		for i, b := range now {
			v := &verdicts[i]
			if v.found != nil && q.add(v.found) {
				open = append(open, b) // once more, with the new minimiser
				continue
			}
			if v.tag == planarUnknown {
				left = append(left, b.box)
				continue
			}
			if axis := int(v.tag - gainCut); v.tag >= gainCut && axis < len(b.box) {
				lower, upper := b.box.Split(axis)
				nodes[b.node].tag, nodes[b.node].next = v.tag, int32(len(nodes))
				open = append(open, gainOpen{lower, int32(len(nodes))}, gainOpen{upper, int32(len(nodes) + 1)})
				nodes = append(nodes, planarNode{tag: planarUnknown}, planarNode{tag: planarUnknown})
				continue
			}
			nodes[b.node].tag, nodes[b.node].meets = v.tag, int32(v.meets)
			q.alarm(b.box, v, known)
		}
	}
	return nodes, left
}

// alarm stops a proof that discards a known minimiser. A minimiser is known to a
// distance of about 1e-9, and one so near the edge of a box may be in the next.
func (q *gainProof) alarm(b interval.Box, v *gainVerdict, known []Found) {
	within := func(b interval.Box, w []float64, slack float64) bool {
		for i, x := range w {
			s := slack * (1 + math.Abs(x))
			if !(b[i].Lo()+s < x && x < b[i].Hi()-s) {
				return false
			}
		}
		return true
	}
	const near = 1e-8
	for _, k := range known {
		if k.Value >= q.level*(1-1e-9) || !within(b, k.Gain, near) || v.tag == planarMeets && within(q.minima[v.meets].box, k.Gain, -near) {
			continue
		}
		panic(fmt.Sprintf("landscape: a bug: the box W ∈ %v is discarded (%q), but a search found a local minimiser with h = %v at W = %v", b, v.tag, k.Value, k.Gain))
	}
}

// value encloses h at the minimiser of m.
func (q *gainProof) value(m *gainMinimum) interval.Interval {
	if m.optimal {
		return q.lower
	}
	over, err := q.p.Over(m.narrow, 2)
	if err != nil {
		return interval.New(q.lower.Lo(), infinity)
	}
	return over.Value().Intersect(interval.New(q.lower.Lo(), infinity))
}

// stated is a number with room for enclosures that are somewhat wider.
func stated(x interval.Interval) interval.Interval {
	r := interval.MulUp(x.Mag(), 0x1p-34)
	return x.Add(interval.New(-r, r))
}

// conclude draws the conclusions, from the numbers as they are stated.
func (q *gainProof) conclude(l *PlanarLandscape, nodes []planarNode, left []interval.Box) {
	values := make([]interval.Interval, len(q.minima))
	order := make([]int, len(q.minima))
	for i := range q.minima {
		values[i], order[i] = stated(q.value(&q.minima[i])), i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i].Mid(), values[j].Mid()) })

	// inf h, from below by Σ λᵢCᵢ*, from above by what is enclosed.
	high, optimal, all := infinity, false, true
	highest, counted := math.Inf(-1), 0 // of those that may be at most L
	for _, i := range order {
		m := &q.minima[i]
		l.Minima = append(l.Minima, PlanarMinimum{Gain: m.box, Value: values[i], Optimal: m.optimal})
		high, optimal = min(high, values[i].Hi()), optimal || m.optimal
		if values[i].Lo() <= q.level {
			counted++
			highest, all = max(highest, values[i].Hi()), all && m.optimal
		}
	}
	if y := stated(interval.Of(min(q.upper, maxFloat))).Hi(); y < high && !optimal {
		high = y
	} else {
		q.witness = nil
	}
	lowest := stated(q.lower)
	if optimal {
		high = lowest.Hi()
	}
	high = min(high, maxFloat)
	l.Infimum = interval.New(min(lowest.Lo(), high), high)
	l.Attained = optimal

	complete := len(left) == 0
	lower, upper := 0.0, 0.0
	known := l.known()
	for _, m := range known {
		if !m.Optimal {
			lower = max(lower, interval.SubDown(m.Value.Lo(), high))
		}
	}
	worst := highest
	if !complete {
		worst = max(worst, q.level)
	}
	if counted > 0 && !all || !complete {
		upper = max(0, interval.SubUp(worst, l.Infimum.Lo()))
	}
	l.Epsilon = interval.New(lower, max(lower, upper))
	switch {
	case lower > 0:
		l.Verdict = certificate.NotGlobal
	case !complete:
		l.Verdict = certificate.Undecided
	case len(known) > 0 && all:
		l.Verdict = certificate.Global
	default:
		l.Verdict = certificate.EpsilonGlobal
	}
	l.Left, l.Unresolved = len(left), joinedBoxes(left)
	l.region = q.certificate(l, nodes, order)
}

// joinedBoxes joins boxes that touch.
func joinedBoxes(left []interval.Box) (all []interval.Box) {
	const most = 1000
	if len(left) > most { // one hull is enough to look at
		h := left[0]
		for _, b := range left {
			h = hullOf(h, b)
		}
		left = []interval.Box{h}
	}
	for _, b := range left {
		for i := 0; i < len(all); i++ {
			if !apartFrom(b, all[i]) {
				b = hullOf(b, all[i])
				all = slices.Delete(all, i, i+1)
				i = -1
			}
		}
		all = append(all, b)
	}
	return all
}

// certificate writes the tree down. order has the minimisers as they are listed.
func (q *gainProof) certificate(l *PlanarLandscape, nodes []planarNode, order []int) *certificate.Region {
	c := &certificate.Region{Level: l.Level, Box: l.Region, OneMap: l.OneMap, Infimum: l.Infimum, Witness: q.witness, EpsilonLow: l.Epsilon.Lo(), Verdict: l.Verdict, Left: l.Left}
	if e := l.Epsilon.Hi(); !math.IsInf(e, 1) {
		c.Epsilon = &e
	}
	at := make([]int, len(order))
	for n, i := range order {
		at[i] = n
		c.Minima = append(c.Minima, certificate.RegionMinimum{Gain: l.Minima[n].Gain, Value: l.Minima[n].Value, Optimal: l.Minima[n].Optimal})
	}
	c.Cover = depthFirst(nodes, gainCuts, func(n *planarNode) { c.Meets = append(c.Meets, at[n.meets]) })
	return c
}
