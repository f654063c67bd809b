package report

import "math"

// The page is measured in points of 1/72 inch from its upper left corner, y down.

// pt is a point of the page.
type pt struct{ x, y float64 }

func (p pt) add(q pt) pt        { return pt{p.x + q.x, p.y + q.y} }
func (p pt) sub(q pt) pt        { return pt{p.x - q.x, p.y - q.y} }
func (p pt) times(a float64) pt { return pt{a * p.x, a * p.y} }
func (p pt) norm() float64      { return math.Hypot(p.x, p.y) }
func (p pt) finite() bool       { return finite(p.x) && finite(p.y) }

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// rect is the box [x0, x1] × [y0, y1] of the page.
type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) width() float64      { return r.x1 - r.x0 }
func (r rect) height() float64     { return r.y1 - r.y0 }
func (r rect) centre() pt          { return pt{(r.x0 + r.x1) / 2, (r.y0 + r.y1) / 2} }
func (r rect) grow(d float64) rect { return rect{r.x0 - d, r.y0 - d, r.x1 + d, r.y1 + d} }
func (r rect) contains(q rect) bool {
	return r.x0 <= q.x0 && r.y0 <= q.y0 && q.x1 <= r.x1 && q.y1 <= r.y1
}
func (r rect) meets(q rect) bool {
	return r.x0 < q.x1 && q.x0 < r.x1 && r.y0 < q.y1 && q.y0 < r.y1
}

// nearest is the point of r closest to p.
func (r rect) nearest(p pt) pt {
	return pt{min(max(p.x, r.x0), r.x1), min(max(p.y, r.y0), r.y1)}
}

// clipSegment is the part of the segment from p to q inside r, by Liang and Barsky
// (ACM Trans. Graph. 3 (1984), 1–22); false if there is none.
func (r rect) clipSegment(p, q pt) (pt, pt, bool) {
	// Next to a pole one end may be 10³⁰ points off, where the parameter of the
	// other has no digits left: bring it nearer along the segment first.
	p, q = rein(p, q), rein(q, p)
	t0, t1 := 0.0, 1.0
	d := q.sub(p)
	for _, e := range [4][2]float64{
		{-d.x, p.x - r.x0}, {d.x, r.x1 - p.x},
		{-d.y, p.y - r.y0}, {d.y, r.y1 - p.y},
	} {
		switch {
		case e[0] == 0:
			if e[1] < 0 {
				return p, q, false
			}
		case e[0] < 0:
			t0 = max(t0, e[1]/e[0])
		default:
			t1 = min(t1, e[1]/e[0])
		}
	}
	if t0 > t1 {
		return p, q, false
	}
	// Ends that are inside stay the points they were, bit by bit. The others are on
	// the edge but for rounding, which is large if both ends were far.
	a, b := p, q
	if t0 > 0 {
		a = p.add(d.times(t0))
	}
	if t1 < 1 {
		b = p.add(d.times(t1))
	}
	return r.nearest(a), r.nearest(b), true
}

// rein moves p towards q if they are further apart than any page is wide.
func rein(p, q pt) pt {
	const far = 1e6
	d := p.sub(q)
	if l := d.norm(); l > far && max(math.Abs(q.x), math.Abs(q.y)) < far {
		return q.add(d.times(far / l))
	}
	return p
}

// clipLine cuts a polyline to r, and breaks it at points that are not finite.
func (r rect) clipLine(line []pt) [][]pt {
	var out [][]pt
	var cur []pt
	end := func() {
		if len(cur) > 1 {
			out = append(out, cur)
		}
		cur = nil
	}
	for i := 1; i < len(line); i++ {
		p, q := line[i-1], line[i]
		if !p.finite() || !q.finite() {
			end()
			continue
		}
		a, b, ok := r.clipSegment(p, q)
		if !ok || a == b {
			if a != q { // a repeated point does not break a line
				end()
			}
			continue
		}
		if len(cur) == 0 || cur[len(cur)-1] != a {
			end()
			cur = []pt{a}
		}
		cur = append(cur, b)
		if b != q {
			end()
		}
	}
	end()
	return out
}

// clipPolygon cuts a polygon to r, by Sutherland and Hodgman (Comm. ACM 17 (1974),
// 32–42). Pieces of a polygon that is not convex stay joined along the edge of r,
// which filling does not show.
func (r rect) clipPolygon(poly []pt) []pt {
	for side := range 4 {
		in := func(p pt) float64 { // ≥ 0 inside
			switch side {
			case 0:
				return p.x - r.x0
			case 1:
				return r.x1 - p.x
			case 2:
				return p.y - r.y0
			}
			return r.y1 - p.y
		}
		var out []pt
		for i, q := range poly {
			p := poly[(i+len(poly)-1)%len(poly)]
			a, b := in(p), in(q)
			if a*b < 0 {
				if math.Abs(a) > math.Abs(b) { // from the nearer end, which has the digits
					out = append(out, q.add(p.sub(q).times(b/(b-a))))
				} else {
					out = append(out, p.add(q.sub(p).times(a/(a-b))))
				}
			}
			if b >= 0 {
				out = append(out, q)
			}
		}
		poly = out
	}
	for i, p := range poly {
		poly[i] = r.nearest(p) // inside but for rounding, as in clipSegment
	}
	return poly
}

// simplify drops points of a polyline that lie within tol of what remains, by Ramer
// (Comput. Graph. Image Process. 1 (1972), 244–256) and Douglas and Peucker.
func simplify(line []pt, tol float64) []pt {
	if len(line) < 3 {
		return line
	}
	keep := make([]bool, len(line))
	keep[0], keep[len(line)-1] = true, true
	stack := [][2]int{{0, len(line) - 1}}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		a, b := line[s[0]], line[s[1]]
		worst, at := tol, -1
		for i := s[0] + 1; i < s[1]; i++ {
			if d := segmentDistance(line[i], a, b); d > worst {
				worst, at = d, i
			}
		}
		if at >= 0 {
			keep[at] = true
			stack = append(stack, [2]int{s[0], at}, [2]int{at, s[1]})
		}
	}
	out := make([]pt, 0, len(line))
	for i, k := range keep {
		if k {
			out = append(out, line[i])
		}
	}
	return out
}

// segmentDistance is the distance of p from the segment from a to b.
func segmentDistance(p, a, b pt) float64 {
	d := b.sub(a)
	t := 0.0
	if l := d.x*d.x + d.y*d.y; l > 0 {
		t = ((p.x-a.x)*d.x + (p.y-a.y)*d.y) / l
	}
	return p.sub(a.add(d.times(min(max(t, 0), 1)))).norm()
}
