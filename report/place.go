package report

import (
	"math"
	"sort"
)

// A want is a label that asks for a place near its mark.
type want struct {
	at            pt
	radius        float64 // of the mark
	width, height float64 // of the label
	rank          int     // who yields if there is no room for all: the highest
}

// A spot is where a label goes. If it is not beside its mark, a leader joins the two.
type spot struct {
	box      rect
	placed   bool
	leader   bool
	from, to pt // of the leader
}

// candidate is a spot with what it costs by itself.
type candidate struct {
	spot
	cost float64
}

const (
	clearance   = 2.0  // between label and mark
	beside      = 5.0  // a label this near needs no leader
	lineMargin  = 2.0  // between label and heavy line, whose half width is within it
	labelMargin = 3.0  // between labels
	thinCost    = 0.08 // a point of thin line written over
	heavyCost   = 4.0  // a point of the curve that matters crossed by a leader
	crossCost   = 30.0 // two leaders, or a leader and a label, that cross
	manyPlaces  = 60   // candidates kept for each label
)

// place finds a box for every label: inside area, over no obstacle and no heavy line,
// over no other label; near its mark, over few thin lines, with leaders that cross
// nothing. Each label has a list of candidate boxes in order of cost; labels first
// choose in order of rank, then repeatedly move to whichever box is best while the
// others stay, until none moves. A label without a free box is not placed.
//
// The result depends on the arguments only. The cost is about 500 boxes a label, and
// manyPlaces × labels² comparisons a round.
func place(wants []want, area rect, ink *occupancy, obstacles []rect) []spot {
	options := make([][]candidate, len(wants))
	for i, w := range wants {
		options[i] = candidates(w, area, ink, obstacles)
	}
	order := make([]int, len(wants))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return wants[order[i]].rank < wants[order[j]].rank })

	out := make([]spot, len(wants))
	best := func(i int) spot {
		least, at := math.Inf(1), -1
		for k, c := range options[i] {
			cost := c.cost
			for j := range out {
				if j != i && out[j].placed {
					cost += clash(c.spot, out[j])
				}
			}
			if cost < least {
				least, at = cost, k
			}
		}
		if at < 0 {
			return spot{}
		}
		s := options[i][at].spot
		s.placed = true
		return s
	}
	const rounds = 6
	for round := range rounds {
		moved := false
		for _, i := range order {
			if s := best(i); s != out[i] {
				out[i], moved = s, true
			}
		}
		if round > 0 && !moved {
			break
		}
	}
	return out
}

// clash is the cost of two labels together, infinite if they overlap.
func clash(a, b spot) float64 {
	if a.box.grow(labelMargin).meets(b.box) {
		return math.Inf(1)
	}
	cost := 0.0
	if a.leader {
		if _, _, hit := b.box.grow(labelMargin).clipSegment(a.from, a.to); hit {
			cost += crossCost
		}
	}
	if b.leader {
		if _, _, hit := a.box.grow(labelMargin).clipSegment(b.from, b.to); hit {
			cost += crossCost
		}
	}
	if a.leader && b.leader && cross(a.from, a.to, b.from, b.to) {
		cost += crossCost
	}
	return cost
}

func cross(a, b, c, d pt) bool {
	side := func(p, q, r pt) float64 { return (q.x-p.x)*(r.y-p.y) - (q.y-p.y)*(r.x-p.x) }
	return side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0
}

// candidates tries rings round the mark, then a lattice over the whole area.
func candidates(w want, area rect, ink *occupancy, obstacles []rect) []candidate {
	var list []candidate
	try := func(centre pt) {
		b := rect{centre.x - w.width/2, centre.y - w.height/2, centre.x + w.width/2, centre.y + w.height/2}
		if !area.contains(b) {
			return
		}
		heavy, thin := ink.in(b.grow(lineMargin))
		if heavy > 0 {
			return
		}
		for _, o := range obstacles {
			if b.grow(0.8).meets(o) {
				return
			}
		}
		near := b.nearest(w.at)
		d := near.sub(w.at)
		gap := d.norm() - w.radius
		if gap < clearance/2 {
			return
		}
		s := spot{box: b, leader: gap > beside}
		cost := 0.25*gap + thinCost*thin
		if s.leader {
			u := d.times(1 / d.norm())
			s.from, s.to = w.at.add(u.times(w.radius+.6)), near.sub(u.times(0.8))
			cost += 2
			for k := range 12 {
				q := s.from.add(s.to.sub(s.from).times((float64(k) + .5) / 12))
				h, _ := ink.in(rect{q.x, q.y, q.x, q.y})
				if h > 0 && q.sub(w.at).norm() > w.radius+4 {
					cost += heavyCost
				}
			}
			for _, o := range obstacles {
				if o.x0 <= w.at.x && w.at.x <= o.x1 && o.y0 <= w.at.y && w.at.y <= o.y1 {
					continue // its own mark
				}
				if _, _, hit := o.clipSegment(s.from, s.to); hit {
					cost += crossCost
				}
			}
		}
		// Readers expect a label above or below the point, then to its right.
		cost += 0.6 * math.Abs(centre.x-w.at.x) / (w.width/2 + w.radius)
		if centre.y > w.at.y {
			cost += 0.3
		}
		list = append(list, candidate{s, cost})
	}
	for _, gap := range []float64{clearance, 4, 7, 11, 16, 23, 32, 44} {
		for k := range 24 {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / 24)
			try(w.at.add(pt{
				cos * (w.radius + gap + w.width/2),
				-sin * (w.radius + gap + w.height/2),
			}))
		}
	}
	const pitch = 7
	for y := area.y0 + w.height/2 + .1; y < area.y1; y += pitch {
		for x := area.x0 + w.width/2 + .1; x < area.x1; x += pitch {
			try(pt{x, y})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].cost < list[j].cost })
	// Neighbours of the best are much like it: keep variety by thinning out boxes
	// that nearly repeat one kept already.
	kept := list[:0]
	for _, c := range list {
		repeats := false
		for _, k := range kept {
			if math.Abs(k.box.x0-c.box.x0) < 2 && math.Abs(k.box.y0-c.box.y0) < 2 {
				repeats = true
				break
			}
		}
		if !repeats {
			if kept = append(kept, c); len(kept) == manyPlaces {
				break
			}
		}
	}
	return kept
}
