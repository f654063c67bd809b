package report

import "math"

// slope draws the triangle of a power law with the run and the rise beside its legs.
func (d *drawing) slope(t Slope) {
	rise, run := setLine(plainExponent(math.Abs(t.Exponent)), noteSize, regular), setLine("1", noteSize, regular)
	corners := func(x0, x1, y0 float64) (a, b, c pt) { // on the page: start, right angle, end
		a = d.at(x0, y0)
		c = d.at(x1, y0*math.Pow(x1/x0, t.Exponent))
		return a, pt{c.x, a.y}, c
	}
	bounds := func(a, b, c pt) rect {
		r := rect{a.x, min(a.y, c.y), b.x + 3 + rise.width, max(a.y, c.y)}
		if t.Exponent >= 0 {
			r.y1 += 2 + noteSize
		} else {
			r.y0 -= 2 + noteSize
		}
		return r
	}
	var a, b, c pt
	if t.X0 != 0 || t.X1 != 0 {
		a, b, c = corners(t.X0, t.X1, t.Y0)
	} else {
		// A fifth of the width, less if the rise would take more than a third of the
		// height; of the places where it lies over nothing, the one nearest the lines.
		perX := (d.x.to - d.x.from) / math.Log(d.x.hi/d.x.lo)
		perY := (d.y.from - d.y.to) / math.Log(d.y.hi/d.y.lo)
		w := d.area.width() / 5
		if h := w / perX * math.Abs(t.Exponent) * perY; h > d.area.height()/3 {
			w *= d.area.height() / 3 / h
		}
		h := -w / perX * t.Exponent * perY
		found := false
		least := math.Inf(1)
		inner := d.area.grow(-4)
		for y := inner.y0; y < inner.y1; y += 3 {
			for x := inner.x0; x < inner.x1; x += 3 {
				p := pt{x, y}
				r := bounds(p, pt{x + w, y}, pt{x + w, y + h})
				if !inner.contains(r) {
					continue
				}
				if heavy, thin := d.ink.in(r.grow(3)); heavy+thin > 0 {
					continue
				}
				wide, _ := d.ink.in(r.grow(9)) // lines near by make it cheap
				wider, _ := d.ink.in(r.grow(18))
				if cost := -wide - .3*wider + .01*(x-inner.x0); cost < least {
					least, found = cost, true
					a, b, c = p, pt{x + w, y}, pt{x + w, y + h}
				}
			}
		}
		if !found {
			return
		}
	}
	if !a.finite() || !c.finite() || !d.area.contains(bounds(a, b, c)) {
		return
	}
	d.scene.both(polygon(a, b, c), shadeColor, pen{color: axisColor, width: 0.6})
	d.scene.write(rise, pt{b.x + 2.5, (b.y+c.y)/2 + capHeight*noteSize/2}, textColor)
	y := a.y + 2 + capHeight*noteSize
	if t.Exponent < 0 {
		y = a.y - 2
	}
	d.scene.write(run, pt{(a.x+b.x)/2 - run.width/2, y}, textColor)
	d.taken = append(d.taken, bounds(a, b, c))
}

func plainExponent(x float64) string {
	if x == 0 {
		return "0"
	}
	return trimmed(x)
}
