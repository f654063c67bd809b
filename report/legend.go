package report

import "sort"

// An entry is a line of the legend: a sample and what it stands for.
type entry struct {
	label  line
	sample func(s *scene, at rect)
	key    string // entries with equal keys are one
}

// Sizes of the legend, in points.
const (
	sampleWidth  = 15.0
	sampleGap    = 4.0
	entryGap     = 8.0
	entryHeight  = 10.0
	legendMargin = 4.0
)

func (e entry) width() float64 { return sampleWidth + sampleGap + e.label.width }

// entries lists what p's legend must explain, each thing once.
func (p *Panel) entries() []entry {
	var out []entry
	add := func(label, key string, sample func(s *scene, at rect)) {
		if label == "" {
			return
		}
		for _, e := range out {
			if e.key == label+key {
				return
			}
		}
		out = append(out, entry{setLine(label, noteSize, regular), sample, label + key})
	}
	inks := p.curveInks()
	order := make([]int, len(p.Curves)) // thin lines after those that matter
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		return p.Curves[order[i]].Weight != Thin && p.Curves[order[j]].Weight == Thin
	})
	for _, i := range order {
		c := p.Curves[i]
		c.Ink = inks[i]
		c.Alpha = max(c.alpha(), .6)
		add(c.Label, "curve", func(s *scene, at rect) {
			m := at.centre()
			if !c.Loose {
				s.draw(polyline(pt{at.x0, m.y}, pt{at.x1, m.y}), c.pen())
			}
			s.shape(c.Shape, m, shapeRadius, c.Ink.color())
		})
	}
	for _, b := range p.Bands {
		add(b.Label, "band", func(s *scene, at rect) {
			s.fill(box(rect{at.x0 + 1, at.y0 + 1.5, at.x1 - 1, at.y1 - 1.5}), b.color())
		})
	}
	for _, l := range p.Levels {
		add(l.Label, "level", func(s *scene, at rect) {
			m := at.centre()
			s.draw(polyline(pt{at.x0, m.y}, pt{at.x1, m.y}), l.pen())
		})
	}
	for k := range kinds {
		for _, m := range p.Marks {
			if m.Kind == k {
				add(k.String(), "mark", func(s *scene, at rect) {
					if k == Maximiser { // a tick needs its curve to be one
						m := at.centre()
						s.draw(polyline(pt{at.x0 + 4, m.y}, pt{at.x1 - 4, m.y}), pen{color: Pale.color(), width: 1})
					}
					s.mark(k, at.centre())
				})
			}
		}
	}
	for _, r := range p.Rugs {
		if len(r.X) == 0 {
			continue
		}
		add(r.Label, "rug", func(s *scene, at rect) {
			m := at.centre()
			s.draw(polyline(pt{at.x0 + 4, m.y + 3}, pt{at.x1 - 4, m.y + 3}), pen{color: axisColor, width: hairline})
			s.draw(polyline(pt{m.x, m.y + 3}, pt{m.x, m.y - 2.5}), r.pen())
		})
	}
	return out
}

// An arrangement is where the entries of a legend go, from its upper left corner.
type arrangement struct {
	at   []pt
	rows int
}

// arrange sets entries in columns, read downwards, in a box no wider than width; if
// that takes more than a row above what running on takes, it lets them run on.
func arrange(entries []entry, width float64) arrangement {
	run := arrangement{rows: 1}
	x := 0.0
	for _, e := range entries {
		if x > 0 && x+e.width() > width {
			x = 0
			run.rows++
		}
		run.at = append(run.at, pt{x, entryHeight * float64(run.rows-1)})
		x += e.width() + entryGap
	}
	for rows := run.rows; rows <= run.rows+1; rows++ {
		out := arrangement{rows: rows}
		x, wide := 0.0, 0.0
		for i, e := range entries {
			if i > 0 && i%rows == 0 {
				x, wide = x+wide+entryGap, 0
			}
			wide = max(wide, e.width())
			out.at = append(out.at, pt{x, entryHeight * float64(i%rows)})
		}
		if x+wide <= width {
			return out
		}
	}
	return run
}

// legendBelow draws entries from at downwards; it returns where they end.
func (s *scene) legendBelow(entries []entry, a arrangement, at pt) float64 {
	for i, e := range entries {
		s.entry(e, at.add(a.at[i]))
	}
	return at.y + entryHeight*float64(a.rows)
}

// entry draws e with its upper left corner at at.
func (s *scene) entry(e entry, at pt) {
	e.sample(s, rect{at.x, at.y, at.x + sampleWidth, at.y + entryHeight})
	s.write(e.label, pt{at.x + sampleWidth + sampleGap, at.y + entryHeight/2 + capHeight*noteSize/2}, textColor)
}

// legendInside looks for a corner of area, or the middle of its upper or lower edge,
// where the entries, one a row, lie over nothing.
func legendInside(entries []entry, area rect, ink *occupancy, taken []rect) (pt, bool) {
	w, h := 0.0, entryHeight*float64(len(entries))
	for _, e := range entries {
		w = max(w, e.width())
	}
	in := area.grow(-legendMargin)
	for _, at := range []pt{
		{in.x1 - w, in.y0}, {in.x0, in.y0}, {in.x1 - w, in.y1 - h}, {in.x0, in.y1 - h},
		{in.centre().x - w/2, in.y0}, {in.centre().x - w/2, in.y1 - h},
	} {
		b := rect{at.x, at.y, at.x + w, at.y + h}
		if !in.grow(.01).contains(b) {
			continue
		}
		heavy, thin := ink.in(b.grow(3))
		free := heavy == 0 && thin == 0
		for _, t := range taken {
			free = free && !t.meets(b.grow(2))
		}
		if free {
			return at, true
		}
	}
	return pt{}, false
}
