package report

import "image/color"

// A scene is a finished page as a list of strokes, fills and texts: what every
// format writes. Nothing in it depends on the format.
type scene struct {
	width, height float64
	title, desc   string // for those who cannot see it
	items         []item
}

// An item is a path that is filled, stroked or both, or else a text.
type item struct {
	path   path
	fill   color.NRGBA // transparent: not filled
	stroke pen         // width 0: not stroked
	text   *textAt
}

// A pen is how a line is drawn. Ends are butt, joins are mitred where the turn is
// slight and bevelled where it is not.
type pen struct {
	color color.NRGBA
	width float64
	dash  []float64
}

// textAt is a text placed with the left end of its baseline at at.
type textAt struct {
	line  line
	at    pt
	color color.NRGBA
	up    bool // reads upwards, turned by a quarter
}

type segment struct {
	op byte // 'M', 'L', 'Q', 'C' or 'Z', with 1, 1, 2, 3 and 0 points
	p  [3]pt
}

type path []segment

func (p *path) move(a pt)        { *p = append(*p, segment{op: 'M', p: [3]pt{a}}) }
func (p *path) line(a pt)        { *p = append(*p, segment{op: 'L', p: [3]pt{a}}) }
func (p *path) quad(a, b pt)     { *p = append(*p, segment{op: 'Q', p: [3]pt{a, b}}) }
func (p *path) cubic(a, b, c pt) { *p = append(*p, segment{op: 'C', p: [3]pt{a, b, c}}) }
func (p *path) close()           { *p = append(*p, segment{op: 'Z'}) }

// points is how many points an operator has.
func (s segment) points() int {
	switch s.op {
	case 'Q':
		return 2
	case 'C':
		return 3
	case 'Z':
		return 0
	}
	return 1
}

func polyline(pts ...pt) path {
	var p path
	for i, q := range pts {
		if i == 0 {
			p.move(q)
		} else {
			p.line(q)
		}
	}
	return p
}

func polygon(pts ...pt) path {
	p := polyline(pts...)
	p.close()
	return p
}

func box(r rect) path {
	return polygon(pt{r.x0, r.y0}, pt{r.x1, r.y0}, pt{r.x1, r.y1}, pt{r.x0, r.y1})
}

// circle is four cubic arcs, within 0.03 % of the radius.
func circle(c pt, r float64) path {
	const k = 0.5522847498307936 // 4/3 (√2 − 1)
	at := func(x, y float64) pt { return pt{c.x + r*x, c.y + r*y} }
	var p path
	p.move(at(1, 0))
	p.cubic(at(1, k), at(k, 1), at(0, 1))
	p.cubic(at(-k, 1), at(-1, k), at(-1, 0))
	p.cubic(at(-1, -k), at(-k, -1), at(0, -1))
	p.cubic(at(k, -1), at(1, -k), at(1, 0))
	p.close()
	return p
}

func (s *scene) draw(p path, k pen) {
	if len(p) > 0 {
		s.items = append(s.items, item{path: p, stroke: k})
	}
}

func (s *scene) fill(p path, c color.NRGBA) {
	if len(p) > 0 {
		s.items = append(s.items, item{path: p, fill: c})
	}
}

func (s *scene) both(p path, c color.NRGBA, k pen) {
	s.items = append(s.items, item{path: p, fill: c, stroke: k})
}

func (s *scene) write(l line, at pt, c color.NRGBA) {
	s.items = append(s.items, item{text: &textAt{line: l, at: at, color: c}})
}

func (s *scene) writeUp(l line, at pt, c color.NRGBA) {
	s.items = append(s.items, item{text: &textAt{line: l, at: at, color: c, up: true}})
}
