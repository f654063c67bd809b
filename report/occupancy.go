package report

// occupancy counts how much ink lies in any box of a panel, in constant time: two
// tables of running sums over cells of one point, for lines that must stay visible
// and for those that may be written over.
type occupancy struct {
	area        rect
	nx, ny      int
	heavy, thin []float64 // (nx+1)×(ny+1), sums over cells above and to the left
}

func newOccupancy(area rect) *occupancy {
	nx, ny := int(area.width())+1, int(area.height())+1
	n := (nx + 1) * (ny + 1)
	return &occupancy{area: area, nx: nx, ny: ny, heavy: make([]float64, n), thin: make([]float64, n)}
}

// line enters a polyline that lies inside the area, in points of length.
func (o *occupancy) line(pts []pt, heavy bool) {
	t := o.thin
	if heavy {
		t = o.heavy
	}
	const step = 0.5
	for i := 1; i < len(pts); i++ {
		p, d := pts[i-1], pts[i].sub(pts[i-1])
		n := int(d.norm()/step) + 1
		for k := range n {
			q := p.add(d.times((float64(k) + .5) / float64(n)))
			ix, iy := int(q.x-o.area.x0), int(q.y-o.area.y0)
			if ix >= 0 && iy >= 0 && ix < o.nx && iy < o.ny {
				t[(iy+1)*(o.nx+1)+ix+1] += d.norm() / float64(n)
			}
		}
	}
}

// sum turns the entries into running sums. Nothing may be entered afterwards.
func (o *occupancy) sum() {
	for _, t := range [][]float64{o.heavy, o.thin} {
		for y := 1; y <= o.ny; y++ {
			row := 0.0
			for x := 1; x <= o.nx; x++ {
				row += t[y*(o.nx+1)+x]
				t[y*(o.nx+1)+x] = row + t[(y-1)*(o.nx+1)+x]
			}
		}
	}
}

// in is the length of ink in the cells that r touches.
func (o *occupancy) in(r rect) (heavy, thin float64) {
	x0, y0 := clampInt(r.x0-o.area.x0, o.nx), clampInt(r.y0-o.area.y0, o.ny)
	x1, y1 := clampInt(r.x1-o.area.x0+1, o.nx), clampInt(r.y1-o.area.y0+1, o.ny)
	at := func(t []float64) float64 {
		w := o.nx + 1
		return max(0, t[y1*w+x1]-t[y0*w+x1]-t[y1*w+x0]+t[y0*w+x0]-1e-9)
	}
	return at(o.heavy), at(o.thin)
}

func clampInt(x float64, n int) int { return int(min(max(x, 0), float64(n))) }
