package report

import (
	"image/color"
	"strings"
)

// drawing puts one panel on the page, from the back to the front.
type drawing struct {
	*scene
	*frame
	ink   *occupancy
	taken []rect // by marks, rugs and labels
}

func (d *drawing) all() {
	d.shade()
	d.grid()
	for _, b := range d.Bands {
		d.band(b)
	}
	for _, l := range d.Levels {
		if y := d.y.at(l.Y); y >= d.area.y0 && y <= d.area.y1 {
			line := []pt{{d.area.x0, y}, {d.area.x1, y}}
			d.scene.draw(polyline(line...), l.pen())
			d.ink.line(line, true)
		}
	}
	d.contours()
	inks := d.curveInks()
	for _, w := range []Weight{Thin, Normal, Strong} {
		for i, c := range d.Curves {
			if c.Weight == w {
				c.Ink = inks[i]
				d.curve(c)
			}
		}
	}
	for _, r := range d.Rugs {
		d.rug(r)
	}
	d.axes()
	d.ink.sum()
	for _, t := range d.Slopes {
		d.slope(t)
	}
	for k := kinds - 1; k >= 0; k-- { // minimisers over maximisers
		for _, m := range d.Marks {
			if c, ok := d.inside(m.X, m.Y); ok && m.Kind == k {
				d.scene.mark(k, c)
				r := k.radius()
				d.taken = append(d.taken, rect{c.x - r, c.y - r, c.x + r, c.y + r})
			}
		}
	}
}

// at is a point of the data on the page.
func (d *drawing) at(x, y float64) pt { return pt{d.x.at(x), d.y.at(y)} }

func (d *drawing) inside(x, y float64) (pt, bool) {
	p := d.at(x, y)
	// Points on the frame are inside, though rounding may put them past it.
	const slack = 1e-6
	a := d.area.grow(slack)
	return p, p.finite() && p.x >= a.x0 && p.x <= a.x1 && p.y >= a.y0 && p.y <= a.y1
}

// shade greys what is outside the domain.
func (d *drawing) shade() {
	if d.Domain == nil {
		return
	}
	left := d.area.x0
	edge := func(x float64) {
		line := []pt{{x, d.area.y0}, {x, d.area.y1}}
		d.scene.draw(polyline(line...), pen{color: edgeColor, width: hairline})
		d.ink.line(line, false)
	}
	grey := func(to float64) {
		if to > left {
			d.scene.fill(box(rect{left, d.area.y0, to, d.area.y1}), shadeColor)
		}
	}
	for _, v := range merged(d.Domain) {
		a, b := d.x.at(v.Lo), d.x.at(v.Hi)
		if a > d.area.x1 {
			break
		}
		if a >= d.area.x0 { // else it begins before the window, or off a logarithmic axis
			grey(a)
			edge(a)
		}
		if !(b >= d.area.x0) {
			continue
		}
		if b <= d.area.x1 {
			edge(b)
		}
		left = max(left, b)
	}
	grey(d.area.x1)
}

func (d *drawing) grid() {
	k := pen{color: gridColor, width: gridWidth}
	if d.X.Grid {
		for _, t := range d.xt {
			if x := d.x.at(t.value); t.text != "" {
				d.scene.draw(polyline(pt{x, d.area.y0}, pt{x, d.area.y1}), k)
			}
		}
	}
	if d.Y.Grid {
		for _, t := range d.yt {
			if y := d.y.at(t.value); t.text != "" {
				d.scene.draw(polyline(pt{d.area.x0, y}, pt{d.area.x1, y}), k)
			}
		}
	}
}

// axes draws the left and the lower side only, ticks outwards.
func (d *drawing) axes() {
	k := pen{color: axisColor, width: hairline}
	a := d.area
	d.scene.draw(polyline(pt{a.x0, a.y0}, pt{a.x0, a.y1}, pt{a.x1, a.y1}), k)
	for _, t := range d.xt {
		x, long := d.x.at(t.value), tickLength
		if t.text == "" {
			long = minorLength
		}
		d.scene.draw(polyline(pt{x, a.y1}, pt{x, a.y1 + long}), k)
		if t.text != "" && !d.hideX {
			l := setLine(t.text, tickSize, regular)
			d.scene.write(l, pt{x - l.width/2, a.y1 + tickLength + numberGap + capHeight*tickSize + 1}, textColor)
		}
	}
	for _, t := range d.yt {
		y, long := d.y.at(t.value), tickLength
		if t.text == "" {
			long = minorLength
		}
		d.scene.draw(polyline(pt{a.x0, y}, pt{a.x0 - long, y}), k)
		if t.text != "" {
			l := setLine(t.text, tickSize, regular)
			d.scene.write(l, pt{a.x0 - tickLength - numberGap - l.width, y + capHeight*tickSize/2}, textColor)
		}
	}
	if !d.hideX && d.X.Label != "" {
		l := setLine(d.X.Label, labelSize, regular)
		y := a.y1 + d.bottomRoom() - descent*labelSize
		d.scene.write(l, pt{d.within(a.centre().x-l.width/2, l.width), y}, textColor)
	}
	if d.Y.Label != "" {
		l := setLine(d.Y.Label, labelSize, regular)
		// A label longer than its axis reaches down first, where the numbers of x are.
		y := a.centre().y + l.width/2
		if l.width > a.height() {
			y = a.y0 + l.width
		}
		d.scene.writeUp(l, pt{a.x0 - d.left + l.ascent(), y}, textColor)
	}
	x := a.x0
	baseline := a.y0 - 0.45*labelSize
	if len(d.letter.glyphs) > 0 {
		x = a.x0 - d.left
		d.scene.write(d.letter, pt{x, baseline}, textColor)
		x = max(a.x0, x+d.letter.width+4)
	}
	if d.Title != "" {
		d.scene.write(d.heading, pt{x, baseline}, textColor)
	}
}

// within moves a text of width w that begins at x onto the page.
func (d *drawing) within(x, w float64) float64 {
	return max(pageMargin, min(x, d.scene.width-pageMargin-w))
}

// smooth is how far a drawn curve may be from its points: a sixth of a hairline.
const smooth = 0.08

func (d *drawing) curve(c Curve) {
	line := make([]pt, len(c.X))
	for i := range line {
		line[i] = d.at(c.X[i], c.Y[i])
	}
	if !c.Loose {
		for _, piece := range d.area.clipLine(line) {
			piece = simplify(piece, smooth)
			d.scene.draw(polyline(piece...), c.pen())
			d.ink.line(piece, c.Weight != Thin)
		}
	}
	if c.Shape == NoShape {
		return
	}
	for i := range line {
		if q, ok := d.inside(c.X[i], c.Y[i]); ok {
			d.scene.shape(c.Shape, q, shapeRadius, faded(c.Ink.color(), c.alpha()))
			r := shapeRadius
			d.ink.line([]pt{{q.x - r, q.y}, {q.x + r, q.y}}, true)
			d.ink.line([]pt{{q.x, q.y - r}, {q.x, q.y + r}}, true)
		}
	}
}

func (c *Curve) alpha() float64 {
	if c.Alpha == 0 {
		return 1
	}
	return min(max(c.Alpha, 0), 1)
}

func (c *Curve) pen() pen {
	w := c.Weight.width()
	return pen{color: faded(c.Ink.color(), c.alpha()), width: w, dash: c.Dash.pattern(w)}
}

// curveInks gives every curve its ink: thin ones grey, others by position.
func (p *Panel) curveInks() []Ink {
	cycle := []Ink{Blue, Vermilion, Green, Purple, Sky, Orange, Black}
	out := make([]Ink, len(p.Curves))
	n := 0
	for i, c := range p.Curves {
		out[i] = c.Ink
		if c.Weight == Thin {
			out[i] = c.Ink.or(Grey)
		} else {
			if c.Ink == Auto {
				out[i] = cycle[n%len(cycle)]
			}
			n++
		}
	}
	return out
}

func (b *Band) color() color.NRGBA {
	a := b.Alpha
	if a == 0 {
		a = .25
	}
	return faded(b.Ink.or(Blue).color(), min(max(a, 0), 1))
}

func (d *drawing) band(b Band) {
	for i := 0; i < len(b.X); {
		var upper, lower []pt
		for ; i < len(b.X); i++ {
			lo, hi := d.at(b.X[i], b.Lo[i]), d.at(b.X[i], b.Hi[i])
			if !lo.finite() || !hi.finite() {
				i++
				break
			}
			lower, upper = append(lower, lo), append(upper, hi)
		}
		if len(lower) < 2 {
			continue
		}
		for _, edge := range [][]pt{lower, upper} {
			for _, piece := range d.area.clipLine(edge) {
				d.ink.line(piece, false)
			}
		}
		lower, upper = simplify(lower, smooth), simplify(upper, smooth)
		for k := len(lower) - 1; k >= 0; k-- {
			upper = append(upper, lower[k])
		}
		if poly := d.area.clipPolygon(upper); len(poly) > 2 {
			d.scene.fill(polygon(poly...), b.color())
		}
	}
}

func (l *Level) pen() pen {
	const w = 0.8
	dash := l.Dash
	if dash == Solid {
		dash = DashDot
	}
	return pen{color: l.Ink.or(Green).color(), width: w, dash: dash.pattern(w)}
}

// A rug's ticks are rugHeight long, and paler where they are more than manyRugs.
const (
	rugHeight = 5.5
	manyRugs  = 40
)

func (r *Rug) pen() pen { return pen{color: r.Ink.or(Purple).color(), width: 0.9} }

func (d *drawing) rug(r Rug) {
	k := r.pen()
	if len(r.X) > manyRugs {
		k.width, k.color = hairline, faded(k.color, .5)
	}
	faint := pen{color: faded(k.color, .55), width: hairline, dash: Dotted.pattern(hairline)}
	for _, v := range r.X {
		x := d.x.at(v)
		if !(x >= d.area.x0 && x <= d.area.x1) {
			continue
		}
		if r.Lines {
			line := []pt{{x, d.area.y1}, {x, d.area.y0}}
			d.scene.draw(polyline(line...), faint)
			d.ink.line(line, false)
		}
		d.scene.draw(polyline(pt{x, d.area.y1}, pt{x, d.area.y1 - rugHeight}), k)
		d.taken = append(d.taken, rect{x - .6, d.area.y1 - rugHeight, x + .6, d.area.y1})
	}
}

// labels writes the texts of marks and returns for how many there was no room.
func (d *drawing) labels() (omitted int) {
	type block struct{ lines []line }
	var blocks []block
	var wants []want
	const leading = 1.18
	for _, m := range d.Marks {
		c, ok := d.inside(m.X, m.Y)
		if !ok || m.Text == "" {
			continue
		}
		var b block
		w := want{at: c, radius: m.Kind.radius(), rank: int(m.Kind)}
		for _, t := range strings.Split(m.Text, "\n") {
			l := setLine(t, noteSize, regular)
			b.lines = append(b.lines, l)
			w.width = max(w.width, l.width)
		}
		w.height = b.lines[0].ascent() + noteSize*(leading*float64(len(b.lines)-1)+descent)
		blocks, wants = append(blocks, b), append(wants, w)
	}
	spots := place(wants, d.area.grow(-1.5), d.ink, d.taken)
	for _, s := range spots {
		if s.placed && s.leader {
			d.scene.draw(polyline(s.from, s.to), pen{color: leaderColor, width: hairline})
		}
	}
	for i, s := range spots {
		if !s.placed {
			omitted++
			continue
		}
		if _, thin := d.ink.in(s.box); thin > 0 {
			d.scene.fill(box(s.box.grow(.8)), faded(white, .82))
		}
		for k, l := range blocks[i].lines {
			// Beside the mark, lines begin or end at it; above and below they are centred.
			x := s.box.centre().x - l.width/2
			switch {
			case s.box.x0 >= wants[i].at.x:
				x = s.box.x0
			case s.box.x1 <= wants[i].at.x:
				x = s.box.x1 - l.width
			}
			d.scene.write(l, pt{x, s.box.y0 + l.ascent() + float64(k)*leading*noteSize}, textColor)
		}
		d.taken = append(d.taken, s.box)
		if s.leader {
			d.taken = append(d.taken, rect{min(s.from.x, s.to.x), min(s.from.y, s.to.y), max(s.from.x, s.to.x), max(s.from.y, s.to.y)})
		}
	}
	return omitted
}

// merged sorts intervals and joins those that overlap.
func merged(v []Interval) []Interval {
	out := append([]Interval{}, v...)
	for i := range out { // few: insertion sort
		for j := i; j > 0 && out[j].Lo < out[j-1].Lo; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	n := 0
	for _, x := range out {
		if n > 0 && x.Lo < out[n-1].Hi {
			out[n-1].Hi = max(out[n-1].Hi, x.Hi)
			continue
		}
		out[n] = x
		n++
	}
	return out[:n]
}
