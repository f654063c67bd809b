package report

import "math"

// outlines turns a stroked path, of straight segments and cubics, into polygons to be
// filled: what the PNG needs, the other formats having strokes of their own.
func outlines(p path, k pen) []path {
	var out []path
	for _, piece := range flatten(p) {
		if len(k.dash) == 0 {
			out = append(out, thicken(piece.line, piece.closed, k.width)...)
			continue
		}
		line := piece.line
		if piece.closed {
			line = append(append([]pt{}, line...), line[0])
		}
		for _, d := range dashes(line, k.dash) {
			out = append(out, thicken(d, false, k.width)...)
		}
	}
	return out
}

type flat struct {
	line   []pt
	closed bool
}

// flatten replaces curves by 12 chords each, enough for the circles of markers, and
// drops points that repeat their predecessor.
func flatten(p path) []flat {
	var out []flat
	var cur flat
	end := func() {
		if n := len(cur.line); cur.closed && n > 1 && cur.line[n-1] == cur.line[0] {
			cur.line = cur.line[:n-1]
		}
		if len(cur.line) > 1 {
			out = append(out, cur)
		}
		cur = flat{}
	}
	add := func(q pt) {
		if n := len(cur.line); n == 0 || cur.line[n-1] != q {
			cur.line = append(cur.line, q)
		}
	}
	for _, s := range p {
		switch s.op {
		case 'M':
			end()
			add(s.p[0])
		case 'L':
			add(s.p[0])
		case 'Q', 'C':
			a := cur.line[len(cur.line)-1]
			b, c, d := s.p[0], s.p[1], s.p[2]
			if s.op == 'Q' {
				b, c, d = a.add(s.p[0].sub(a).times(2./3)), s.p[1].add(s.p[0].sub(s.p[1]).times(2./3)), s.p[1]
			}
			const chords = 12
			for i := 1; i <= chords; i++ {
				t := float64(i) / chords
				u := 1 - t
				add(a.times(u * u * u).add(b.times(3 * u * u * t)).add(c.times(3 * u * t * t)).add(d.times(t * t * t)))
			}
		case 'Z':
			cur.closed = true
			end()
		}
	}
	end()
	return out
}

// dashes cuts a polyline by a pattern of alternating lengths drawn and skipped.
func dashes(line []pt, pattern []float64) [][]pt {
	total := 0.0
	for _, d := range pattern {
		total += d
	}
	if !(total > 0) {
		return [][]pt{line}
	}
	var out [][]pt
	at, left, on := 0, pattern[0], true
	cur := []pt{line[0]}
	for i := 1; i < len(line); i++ {
		p, q := line[i-1], line[i]
		length := q.sub(p).norm()
		done := 0.0
		for length-done > left {
			done += left
			m := p.add(q.sub(p).times(done / length))
			if on {
				out = append(out, append(cur, m))
			}
			at = (at + 1) % len(pattern)
			left, on, cur = pattern[at], !on, []pt{m}
		}
		left -= length - done
		if on {
			cur = append(cur, q)
		}
	}
	if on && len(cur) > 1 {
		out = append(out, cur)
	}
	return out
}

// thicken returns the outline of a polyline drawn with a pen of that width. Turns of
// less than 60° are mitred; sharper ones are bevelled outside and cut through the
// vertex inside. Both sides run as one polygon, so that nothing is covered twice and
// antialiased edges show no beads.
func thicken(line []pt, closed bool, width float64) []path {
	n := len(line)
	h := width / 2
	normal := func(i, j int) pt {
		d := line[j].sub(line[i])
		l := d.norm()
		return pt{-d.y / l * h, d.x / l * h}
	}
	side := func(sign float64) []pt {
		var out []pt
		for i := range line {
			prev, next := i-1, i+1
			if closed {
				prev, next = (i+n-1)%n, (i+1)%n
			}
			switch {
			case prev < 0:
				out = append(out, line[i].add(normal(i, next).times(sign)))
			case next >= n:
				out = append(out, line[i].add(normal(prev, i).times(sign)))
			default:
				a, b := normal(prev, i), normal(i, next)
				m := a.add(b).times(.5)
				// |m|² = h² cos²(turn/2); cos 30° squared is 3/4. Markers, which
				// are closed, keep their corners up to 120°.
				limit := .75
				if closed {
					limit = .25
				}
				if mm := m.x*m.x + m.y*m.y; mm >= limit*h*h*(1-1e-12) {
					out = append(out, line[i].add(m.times(sign*h*h/mm)))
				} else if turn := a.x*b.y - a.y*b.x; turn*sign < 0 || math.Abs(turn) < 1e-9*h*h {
					out = append(out, line[i].add(a.times(sign)), line[i].add(b.times(sign)))
				} else {
					out = append(out, line[i].add(a.times(sign)), line[i], line[i].add(b.times(sign)))
				}
			}
		}
		return out
	}
	left, right := side(1), side(-1)
	for i, j := 0, len(right)-1; i < j; i, j = i+1, j-1 {
		right[i], right[j] = right[j], right[i]
	}
	if closed { // two rings of opposite sense: a hole
		ring := polygon(left...)
		return []path{append(ring, polygon(right...)...)}
	}
	return []path{polygon(append(left, right...)...)}
}
