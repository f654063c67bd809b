package report

import (
	"fmt"
	"math"
	"strings"
)

// Margins of the layout, in points.
const (
	pageMargin  = 3.0
	gutter      = 14.0
	rowGap      = 9.0
	numberGap   = 2.0
	axisGap     = 3.0
	panelAspect = 0.62
	sharedRatio = 0.40
)

// frame is a panel with its scales and the room that its axes need.
type frame struct {
	*Panel
	index    int
	x, y     scale
	xt, yt   []tick
	left     float64 // room for numbers and label of y
	area     rect    // of the axes
	hideX    bool    // numbered by the panel below
	heading  line
	letter   line
	hasTitle bool
}

// layout turns the figure into a page. If labels find no room, panels whose heights
// were not asked for show more above and below what they hold, and the page with the
// fewest labels left out is taken.
func (f *Figure) layout() (*scene, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	var best *scene
	least := math.MaxInt
	for _, extra := range []float64{0, .2, .5, 1} {
		s, omitted, err := f.page(extra)
		if err != nil {
			return nil, err
		}
		if omitted < least {
			best, least = s, omitted
		}
		if least == 0 {
			break
		}
	}
	return best, nil
}

// page lays the figure out, with windows chosen for y extended on both sides by extra
// of their height; it returns how many labels are left out.
func (f *Figure) page(extra float64) (*scene, int, error) {
	frames, err := f.frames(extra)
	if err != nil {
		return nil, 0, err
	}
	n := f.columns()
	s := &scene{width: f.width(), title: f.Title, desc: f.Alt}
	column := (s.width - 2*pageMargin - gutter*float64(n-1)) / float64(n)

	// Rooms on the left agree within a column, so that axes above each other align.
	lefts := make([]float64, n)
	for i, p := range frames {
		height := p.plotHeight(column-30, f.ShareX)
		p.x.from, p.x.to = 0, column-30
		p.y.from, p.y.to = height, 0
		p.xt = p.X.ticks(p.x, int((column-30)/38))
		p.yt = p.Y.ticks(p.y, min(int(height/18), 8))
		lefts[i%n] = max(lefts[i%n], p.leftRoom())
	}

	top := pageMargin
	if f.Title != "" {
		for _, l := range wrap(f.Title, headingSize, bold, s.width-2*pageMargin) {
			s.write(l, pt{pageMargin, top + l.ascent()}, textColor)
			top += 1.3 * headingSize
		}
		top += 2
	}
	for i := 0; i < len(frames); i += n {
		row := frames[i:min(i+n, len(frames))]
		titled := false
		for _, p := range row {
			titled = titled || p.hasTitle
		}
		if titled {
			top += 1.35 * labelSize
		} else {
			top += tickSize / 2
		}
		// Panels beside each other are as high as the narrowest wants to be.
		height := math.Inf(1)
		for j, p := range row {
			height = min(height, p.plotHeight(column-lefts[j]-p.rightRoom(), f.ShareX))
		}
		bottom := top
		for j, p := range row {
			x0 := pageMargin + float64(j)*(column+gutter) + lefts[j]
			x1 := pageMargin + float64(j)*(column+gutter) + column - p.rightRoom()
			p.area = rect{x0, top, x1, top + height}
			if p.Height > 0 {
				p.area.y1 = top + p.plotHeight(0, false)
			}
			p.x.from, p.x.to = p.area.x0, p.area.x1
			p.y.from, p.y.to = p.area.y1, p.area.y0
			p.xt = p.fit(p.X.ticks(p.x, int((x1-x0)/38)))
			p.left = lefts[j]
			p.hideX = f.ShareX && i+n+j < len(frames)
			bottom = max(bottom, p.area.y1+p.bottomRoom())
		}
		top = bottom
		if i+n < len(frames) {
			top += rowGap
		}
	}

	omitted := 0
	var shared []entry
	for _, p := range frames {
		d := drawing{scene: s, frame: p, ink: newOccupancy(p.area)}
		d.all()
		omitted += d.labels()
		entries := p.entries()
		if f.Legend == LegendNone {
			continue
		}
		if f.Legend == LegendAuto && len(frames) == 1 {
			if at, ok := legendInside(entries, p.area, d.ink, d.taken); ok {
				for k, e := range entries {
					s.entry(e, pt{at.x, at.y + entryHeight*float64(k)})
				}
				continue
			}
		}
		for _, e := range entries {
			known := false
			for _, o := range shared {
				known = known || o.key == e.key
			}
			if !known {
				shared = append(shared, e)
			}
		}
	}
	left := frames[0].area.x0
	if len(shared) > 0 {
		// A legend that needs the room begins under the numbers of the y axis.
		a := arrange(shared, s.width-pageMargin-left)
		if a.rows > 1 {
			wide := arrange(shared, s.width-2*pageMargin)
			if wide.rows < a.rows {
				a, left = wide, pageMargin
			}
		}
		top = s.legendBelow(shared, a, pt{left, top + 4})
	}
	if omitted > 0 {
		note := fmt.Sprintf("%d labels had no room", omitted)
		if omitted == 1 {
			note = "1 label had no room"
		}
		l := setLine(note, noteSize, italic)
		s.write(l, pt{left, top + 3 + l.ascent()}, leaderColor)
		top += 1.3*noteSize + 3
	}
	// Whole points: a page of 249.45 points has no pixel grid it fits.
	s.height = math.Ceil(top + pageMargin)
	return s, omitted, nil
}

// frames resolves the windows of all panels.
func (f *Figure) frames(extra float64) ([]*frame, error) {
	spans := make([][2]span, len(f.Panels))
	for i := range f.Panels {
		spans[i][0], spans[i][1] = f.Panels[i].spans()
	}
	n := f.columns()
	if f.ShareX {
		for i := range spans {
			for j := i % n; j < len(spans); j += n {
				spans[i][0].add(spans[j][0].lo, spans[j][0].hi)
			}
		}
	}
	out := make([]*frame, len(f.Panels))
	for i := range f.Panels {
		p := &f.Panels[i]
		fr := &frame{Panel: p, index: i}
		axis := p.X
		if f.ShareX {
			for j := i % n; j < len(f.Panels); j += n {
				if o := f.Panels[j].X; axis.Min == 0 && axis.Max == 0 {
					axis.Min, axis.Max = o.Min, o.Max
				}
			}
		}
		x0, x1, okX := axis.window(spans[i][0])
		y0, y1, okY := p.Y.window(spans[i][1])
		if okY && extra > 0 && p.Y.Min == 0 && p.Y.Max == 0 {
			y := span{y0, y1, p.Y.Log}
			y0, y1 = y.padded(extra)
			okY = finite(y0) && finite(y1)
		}
		if !okX || !okY || (spans[i][0].empty() && spans[i][1].empty()) {
			return nil, &DataError{Panel: i, Why: "it holds no finite point inside its window", Err: ErrEmpty}
		}
		fr.x, fr.y = scale{log: p.X.Log, lo: x0, hi: x1}, scale{log: p.Y.Log, lo: y0, hi: y1}
		if len(f.Panels) > 1 {
			fr.letter = setLine(letter(i), labelSize, bold)
		}
		fr.heading = setLine(p.Title, labelSize, regular)
		fr.hasTitle = p.Title != "" || len(f.Panels) > 1
		out[i] = fr
	}
	return out, nil
}

// letter names panels a, b, …, z, aa, ab, ….
func letter(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return letter(i/26-1) + string(rune('a'+i%26))
}

func (p *frame) plotHeight(width float64, shared bool) float64 {
	switch {
	case p.Height > 0:
		return p.Height * pointsPerMillimetre
	case shared:
		return sharedRatio * width
	}
	return panelAspect * width
}

func (p *frame) leftRoom() float64 {
	w := 0.0
	for _, t := range p.yt {
		w = max(w, setLine(t.text, tickSize, regular).width)
	}
	w += tickLength + numberGap
	if p.Y.Label != "" {
		w += axisGap + 1.15*labelSize
	}
	return w
}

// rightRoom lets the last number of x hang over.
func (p *frame) rightRoom() float64 {
	w := 2.0
	for _, t := range p.xt {
		if t.text == "" {
			continue
		}
		l := setLine(t.text, tickSize, regular)
		w = max(w, p.x.at(t.value)+l.width/2-p.x.to)
	}
	return w
}

func (p *frame) bottomRoom() float64 {
	h := tickLength
	if p.hideX {
		return h
	}
	h += numberGap + 0.95*tickSize
	if p.X.Label != "" {
		h += axisGap + 1.05*labelSize
	}
	return h
}

// fit takes the numbers off ticks whose numbers would touch.
func (p *frame) fit(ticks []tick) []tick {
	right := math.Inf(-1)
	for i, t := range ticks {
		if t.text == "" {
			continue
		}
		w := setLine(t.text, tickSize, regular).width
		at := p.x.at(t.value)
		if at-w/2 < right+3 {
			ticks[i].text = ""
			continue
		}
		right = at + w/2
	}
	return ticks
}

// wrap breaks text at spaces into lines no wider than width, if words allow.
func wrap(text string, size float64, base face, width float64) []line {
	var out []line
	cur := ""
	for _, word := range strings.Fields(text) {
		next := word
		if cur != "" {
			next = cur + " " + word
		}
		if cur != "" && setLine(next, size, base).width > width {
			out = append(out, setLine(cur, size, base))
			next = word
		}
		cur = next
	}
	return append(out, setLine(cur, size, base))
}
