package report

import (
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Contour is a line of equal level in a panel, in pieces; the longest that has
// room for it bears the Text.
type Contour struct {
	Level float64
	Lines []Curve // X and Y alone count
	Text  string
	Alpha float64 // opacity; 0 means 1
}

// A Field is a function of two variables on a rectangle.
type Field struct {
	F      func(x, y float64) float64 // safe for concurrent use; not finite outside the domain
	X, Y   Interval
	Points int // of the grid, in each direction; 0: 201
	Lines  int // of equal level, about; 0: 9
}

// Contours are lines of equal level of a field, and the border of its domain.
//
// Levels are at equal steps of the square root of the height above the least
// value, rounded, up to the height below which 0.7 of the domain lies: what
// differs near minima is seen, and poles are left out. The lines are those of
// marching squares: where they cross the edges of the grid is interpolated
// linearly, so that they are as precise as the grid is fine. The border is found
// on the edges by bisection.
func (f Field) Contours() (levels []Contour, border []Curve) {
	n := f.Points
	if n == 0 {
		n = 201
	}
	g := newGrid(f, n)
	least, most := g.heights(0.7)
	lines := f.Lines
	if lines == 0 {
		lines = 9
	}
	if finite(least) && most > least {
		seen := map[string]bool{}
		for k := 1; k <= lines; k++ {
			part := float64(k) / float64(lines)
			level := least + (most-least)*part*part
			// As few digits as tell neighbours apart.
			step := (most - least) * (2*float64(k) - 1) / float64(lines*lines)
			unit := math.Pow(10, math.Floor(math.Log10(step/2)))
			level = math.Round(level/unit) * unit
			text := strings.Replace(strconv.FormatFloat(level, 'f', max(0, -int(math.Floor(math.Log10(unit)+.5))), 64), "-", "−", 1)
			if level <= least || seen[text] {
				continue
			}
			seen[text] = true
			// Specks are what the grid makes of valleys narrower than it.
			lines := slices.DeleteFunc(g.level(level), func(c Curve) bool { return len(c.X) < 4 })
			levels = append(levels, Contour{Level: level, Lines: lines, Text: text, Alpha: 1 - 0.6*part})
		}
	}
	return levels, g.border(f.F)
}

// A grid is a field at n × n points.
type grid struct {
	n    int
	x, y []float64
	v    []float64 // v[j*n+i] at (x[i], y[j])
}

func newGrid(f Field, n int) *grid {
	g := &grid{n: n, v: make([]float64, n*n)}
	for i := range n {
		t := float64(i) / float64(n-1)
		g.x = append(g.x, f.X.Lo+t*(f.X.Hi-f.X.Lo))
		g.y = append(g.y, f.Y.Lo+t*(f.Y.Hi-f.Y.Lo))
	}
	rows := make(chan int)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for j := range rows {
				for i := range n {
					g.v[j*n+i] = f.F(g.x[i], g.y[j])
				}
			}
		})
	}
	for j := range n {
		rows <- j
	}
	close(rows)
	wait.Wait()
	return g
}

// heights is the least value, and that below which a part of the domain lies.
func (g *grid) heights(part float64) (least, most float64) {
	var all []float64
	for _, v := range g.v {
		if finite(v) {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.Sort(all)
	return all[0], all[int(part*float64(len(all)-1))]
}

// An edge of the grid: from point k to the right, or upwards.
type gridEdge struct {
	k  int
	up bool
}

// A crossing joins two edges of one cell.
type crossing struct{ a, b gridEdge }

// level is the line at a level, in the cells whose four corners are finite.
func (g *grid) level(level float64) []Curve {
	above := func(k int) bool { return g.v[k] > level }
	at := func(e gridEdge) (x, y float64) {
		a, b := g.ends(e)
		t := (level - g.v[a]) / (g.v[b] - g.v[a])
		return g.x[a%g.n] + t*(g.x[b%g.n]-g.x[a%g.n]), g.y[a/g.n] + t*(g.y[b/g.n]-g.y[a/g.n])
	}
	return chain(g.cross(above, func(k int) bool { return finite(g.v[k]) }, func(k int) bool {
		// A saddle: the middle decides which corners are joined.
		return g.v[k]+g.v[k+1]+g.v[k+g.n]+g.v[k+g.n+1] > 4*level
	}), at)
}

// border is where the function ceases to be finite.
func (g *grid) border(f func(x, y float64) float64) []Curve {
	outside := func(k int) bool { return !finite(g.v[k]) }
	at := func(e gridEdge) (x, y float64) {
		a, b := g.ends(e)
		if outside(a) {
			a, b = b, a
		}
		low, high := 0.0, 1.0
		for range 20 {
			mid := (low + high) / 2
			x, y = g.x[a%g.n]+mid*(g.x[b%g.n]-g.x[a%g.n]), g.y[a/g.n]+mid*(g.y[b/g.n]-g.y[a/g.n])
			if finite(f(x, y)) {
				low = mid
			} else {
				high = mid
			}
		}
		return x, y
	}
	return chain(g.cross(outside, func(int) bool { return true }, func(int) bool { return false }), at)
}

// ends are the points that an edge joins.
func (g *grid) ends(e gridEdge) (a, b int) {
	if e.up {
		return e.k, e.k + g.n
	}
	return e.k, e.k + 1
}

// cross lists the pieces of the line between points that are set and points that
// are not.
func (g *grid) cross(set, valid, joined func(k int) bool) []crossing {
	var list []crossing
	for j := range g.n - 1 {
		for i := range g.n - 1 {
			k := j*g.n + i
			if !valid(k) || !valid(k+1) || !valid(k+g.n) || !valid(k+g.n+1) {
				continue
			}
			south, north := gridEdge{k, false}, gridEdge{k + g.n, false}
			west, east := gridEdge{k, true}, gridEdge{k + 1, true}
			c := 0
			for bit, corner := range [4]int{k, k + 1, k + g.n + 1, k + g.n} {
				if set(corner) {
					c |= 1 << bit
				}
			}
			add := func(a, b gridEdge) { list = append(list, crossing{a, b}) }
			switch c {
			case 1, 14:
				add(west, south)
			case 2, 13:
				add(south, east)
			case 4, 11:
				add(east, north)
			case 8, 7:
				add(north, west)
			case 3, 12:
				add(west, east)
			case 6, 9:
				add(south, north)
			case 5, 10:
				if (c == 5) == joined(k) {
					add(west, north)
					add(south, east)
				} else {
					add(west, south)
					add(east, north)
				}
			}
		}
	}
	return list
}

// chain joins pieces that share an edge into lines, in the order of the pieces.
func chain(list []crossing, at func(gridEdge) (x, y float64)) []Curve {
	ends := map[gridEdge][]int{}
	for i, c := range list {
		ends[c.a] = append(ends[c.a], i)
		ends[c.b] = append(ends[c.b], i)
	}
	used := make([]bool, len(list))
	// follow runs from a piece's end as far as it goes.
	follow := func(from gridEdge) (way []gridEdge) {
		for {
			next := -1
			for _, i := range ends[from] {
				if !used[i] {
					next = i
				}
			}
			if next < 0 {
				return way
			}
			used[next] = true
			if list[next].a == from {
				from = list[next].b
			} else {
				from = list[next].a
			}
			way = append(way, from)
		}
	}
	var out []Curve
	for i, c := range list {
		if used[i] {
			continue
		}
		used[i] = true
		back := follow(c.a)
		slices.Reverse(back)
		way := append(append(back, c.a, c.b), follow(c.b)...)
		var line Curve
		for _, e := range way {
			x, y := at(e)
			line.X, line.Y = append(line.X, x), append(line.Y, y)
		}
		out = append(out, line)
	}
	return out
}

// contours draws the lines of equal level, each labelled once where its longest
// piece has room.
func (d *drawing) contours() {
	for _, c := range d.Contours {
		k := pen{color: faded(Blue.color(), (&Curve{Alpha: c.Alpha}).alpha()), width: 0.7}
		for _, l := range c.Lines {
			line := make([]pt, len(l.X))
			for i := range line {
				line[i] = d.at(l.X[i], l.Y[i])
			}
			for _, piece := range d.area.clipLine(line) {
				piece = simplify(piece, smooth)
				d.scene.draw(polyline(piece...), k)
				d.ink.line(piece, false)
			}
		}
	}
	marks := make([]rect, 0, len(d.Marks))
	for _, m := range d.Marks {
		if c, ok := d.inside(m.X, m.Y); ok {
			marks = append(marks, rect{c.x, c.y, c.x, c.y}.grow(m.Kind.radius()+1))
		}
	}
	for _, c := range d.Contours {
		if c.Text == "" {
			continue
		}
		text := setLine(c.Text, noteSize-1, regular)
		pieces := slices.Clone(c.Lines)
		slices.SortStableFunc(pieces, func(x, y Curve) int { return len(y.X) - len(x.X) })
		d.label(text, pieces, marks)
	}
}

// label writes a text on the first of some lines where it has room, in a gap of the
// line.
func (d *drawing) label(text line, pieces []Curve, marks []rect) {
	for _, l := range pieces {
		for _, part := range []float64{.5, .3, .7, .15, .85, .4, .6} {
			i := int(part * float64(len(l.X)-1))
			c := d.at(l.X[i], l.Y[i])
			b := rect{c.x - text.width/2, c.y - noteSize/2, c.x + text.width/2, c.y + noteSize/2}
			if !d.area.grow(-1).contains(b) || len(l.X) < 8 {
				continue
			}
			meets := func(t rect) bool { return t.meets(b.grow(1)) }
			if slices.ContainsFunc(d.taken, meets) || slices.ContainsFunc(marks, meets) {
				continue
			}
			d.scene.fill(box(b.grow(.3)), faded(white, .85))
			d.scene.write(text, pt{b.x0, c.y + capHeight*text.size/2}, textColor)
			d.taken = append(d.taken, b)
			return
		}
	}
}
