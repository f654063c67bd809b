package report

import (
	"fmt"
	"math"
	"sort"

	"github.com/metalqr/metalqr/run"
)

// SliceFigure is h on a line of gains as a curve, or on a plane as contours, with
// the minimisers found that are on it. Those off it are named in the description,
// with their distances.
func SliceFigure(s *run.Slice) (Figure, error) {
	var p Panel
	var err error
	if len(s.Axes) == 1 {
		p, err = linePanel(s)
	} else {
		p, err = planePanel(s)
	}
	if err != nil {
		return Figure{}, err
	}
	alt := fmt.Sprintf("The meta-objective of the family %s on a slice of its gains. By search: %s.", s.Search().Family, s.Search().Reason)
	for _, x := range s.Points {
		where := "on it"
		if !s.On(x) {
			where = fmt.Sprintf("%.3g off it", float64(x.Distance))
		}
		alt += fmt.Sprintf(" Minimiser %d, value %.6g, is %s.", x.Index+1, float64(s.Minimizer(x).Value), where)
	}
	return Figure{Panels: []Panel{p}, Alt: alt, Width: Screen}, nil
}

// marks are the minimisers of the slice; as none is proved to be global they are
// all plain local ones.
func sliceMarks(s *run.Slice, at func(run.SlicePoint) (x, y float64)) []Mark {
	var list []Mark
	for _, p := range s.Points {
		if !s.On(p) {
			continue
		}
		x, y := at(p)
		m := s.Minimizer(p)
		mark := Mark{X: x, Y: y, Kind: LocalMinimiser, Text: "ℎ = " + within(float64(m.Value), max(float64(s.Search().Epsilon), 1e-3*math.Abs(float64(m.Value))))}
		if m.Kind == "degenerate" {
			mark.Kind = Degenerate
		}
		list = append(list, mark)
	}
	return list
}

func linePanel(s *run.Slice) (Panel, error) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range s.Points {
		if t := float64(p.At[0]); s.On(p) {
			lo, hi = min(lo, t), max(hi, t)
		}
	}
	if lo > hi {
		lo, hi = 0, 0
	}
	width := max(hi-lo, 1)
	window := Interval{lo - 2*width, hi + 2*width}
	window.Lo = lo - s.Reach([]float64{lo}, []float64{-1}, 2*width)
	window.Hi = hi + s.Reach([]float64{hi}, []float64{1}, 2*width)
	l := Landscape{
		Objective: func(t float64) float64 { return s.At(t) },
		Points:    sliceMarks(s, func(p run.SlicePoint) (x, y float64) { return float64(p.At[0]), float64(s.Minimizer(p).Value) }),
		Bound:     float64(s.Search().LowerBound),
		X:         Axis{Label: "distance along the line of gains"},
	}
	l.Domain = pieces(l.Objective, window)
	if len(l.Domain) == 0 {
		return Panel{}, &DataError{Panel: -1, Part: "slice", Why: "the line does not meet the domain", Err: ErrEmpty}
	}
	margin := .05 * (window.Hi - window.Lo)
	l.X.Min, l.X.Max = window.Lo-margin, window.Hi+margin
	return l.Panel()
}

// pieces are where f is finite on a window, on a grid of 1000 points, the ends by
// bisection.
func pieces(f func(float64) float64, w Interval) []Interval {
	const n = 1000
	var list []Interval
	end := func(in, out float64) float64 {
		for range 50 {
			mid := in + (out-in)/2
			if finite(f(mid)) {
				in = mid
			} else {
				out = mid
			}
		}
		return in
	}
	before, inside := w.Lo, false
	for i := range n + 1 {
		x := w.Lo + (w.Hi-w.Lo)*float64(i)/n
		ok := finite(f(x))
		switch {
		case ok && !inside:
			start := x
			if i > 0 {
				start = end(x, before)
			}
			list = append(list, Interval{start, x})
		case !ok && inside:
			list[len(list)-1].Hi = end(before, x)
		case ok:
			list[len(list)-1].Hi = x
		}
		before, inside = x, ok
	}
	out := list[:0]
	for _, v := range list {
		if v.Lo < v.Hi {
			out = append(out, v)
		}
	}
	return out
}

func planePanel(s *run.Slice) (Panel, error) {
	v := planeView{at: s.At, reach: s.Reach}
	v.marks = sliceMarks(s, func(p run.SlicePoint) (x, y float64) { return float64(p.At[0]), float64(p.At[1]) })
	p, ok := v.panel()
	if !ok {
		return Panel{}, &DataError{Panel: -1, Part: "slice", Why: "the plane does not meet the domain", Err: ErrEmpty}
	}
	if !s.Whole {
		p.X.Label, p.Y.Label = "first direction", "second direction"
	}
	return p, nil
}

// A planeView is h over a plane, with points of its domain.
type planeView struct {
	at    func(x ...float64) float64
	reach func(from, direction []float64, far float64) float64 // of the domain
	marks []Mark
	about [2]float64 // a point to look around where there are no marks
}

// panel draws lines of equal level, the border of the domain and the marks. It
// reports whether there was anything to draw.
func (v planeView) panel() (Panel, bool) {
	// The window: the points, and the domain in sixteen directions from each; where
	// that is far, no more than their spread beyond them.
	var xs, ys []float64
	for _, m := range v.marks {
		xs, ys = append(xs, m.X), append(ys, m.Y)
	}
	if len(xs) == 0 {
		xs, ys = []float64{v.about[0]}, []float64{v.about[1]}
	}
	spread := max(bounds(xs).Hi-bounds(xs).Lo, bounds(ys).Hi-bounds(ys).Lo, 1)
	for i := range len(xs) {
		const directions = 16
		for k := range directions {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / directions)
			t := v.reach([]float64{xs[i], ys[i]}, []float64{cos, sin}, 1.5*spread)
			xs, ys = append(xs, xs[i]+t*cos), append(ys, ys[i]+t*sin)
		}
	}
	grow := func(v Interval) Interval {
		d := .06 * (v.Hi - v.Lo)
		return Interval{v.Lo - d, v.Hi + d}
	}
	f := Field{F: func(x, y float64) float64 { return v.at(x, y) }, X: grow(bounds(xs)), Y: grow(bounds(ys))}
	levels, border := f.Contours()
	p := Panel{
		X: Axis{Label: "gain 𝑤₁", Min: f.X.Lo, Max: f.X.Hi}, Y: Axis{Label: "gain 𝑤₂", Min: f.Y.Lo, Max: f.Y.Hi},
		Contours: levels, Height: 90, Marks: v.marks,
	}
	for _, b := range border {
		b.Label, b.Ink, b.Weight = "border of the domain", Black, Normal
		p.Curves = append(p.Curves, b)
	}
	return p, len(levels)+len(border) > 0
}

// bounds are the least and the greatest of some numbers.
func bounds(x []float64) Interval {
	s := append([]float64(nil), x...)
	sort.Float64s(s)
	return Interval{s[0], s[len(s)-1]}
}

// KeepSearch writes a search into a directory, as [run.Search.Keep] does, with the
// figure of its slice where it has one: landscape.svg, .png and .pdf. It returns
// the paths of the figure's files. Where a file exists, nothing is written and
// the error is a *run.DirectoryError.
func KeepSearch(s *run.Search, dir string) ([]string, error) {
	files := map[string][]byte{}
	var paths []string
	if s.Slice != nil {
		f, err := SliceFigure(s.Slice)
		if err != nil {
			return nil, err
		}
		if paths, err = f.keptAs(files, dir); err != nil {
			return nil, err
		}
	}
	return paths, s.Keep(dir, files)
}
