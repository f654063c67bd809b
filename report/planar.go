package report

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/run"
)

// PlanarFigure is the proved landscape of a family with two gains, as contours of h
// with the border of its domain, the proved minimisers by kind, the boxes that the
// proof left undecided, and the region it is about where that is not everything. Where
// the domain reaches far the window ends some way beyond the minimisers. The error is
// a *DataError.
func PlanarFigure(l *run.PlanarLandscape) (Figure, error) {
	v := planeView{at: l.At, reach: l.Reach}
	values := newSpan(false)
	for _, m := range l.Minimizers {
		values.add(float64(m.Value))
	}
	for _, m := range l.Minimizers {
		text := "ℎ = " + within(float64(m.Value), max(values.hi-values.lo, 1e-3*math.Abs(float64(m.Value))))
		v.marks = append(v.marks, Mark{X: m.Gain.Data[0], Y: m.Gain.Data[1], Kind: minimiserKind(m.Kind), Text: text})
	}
	switch {
	case l.Region != nil:
		for i, x := range l.Region {
			v.about[i] = float64(x[0] + (x[1]-x[0])/2)
		}
	default:
		if w, err := l.Problem().MeanOptimal(); err == nil {
			v.about = [2]float64{w[0], w[1]}
		}
	}
	p, ok := v.panel()
	if !ok {
		return Figure{}, &DataError{Panel: -1, Part: "landscape", Why: "no gain of the window is in the domain", Err: ErrEmpty}
	}
	if r := l.Region; r != nil {
		x, y := [2]float64{float64(r[0][0]), float64(r[0][1])}, [2]float64{float64(r[1][0]), float64(r[1][1])}
		p.Curves = append(p.Curves, Curve{
			Label: "region", Ink: Green, Dash: Dashed,
			X: []float64{x[0], x[1], x[1], x[0], x[0]}, Y: []float64{y[0], y[0], y[1], y[1], y[0]},
		})
	}
	p.undecided(l)
	alt := fmt.Sprintf("The meta-objective of the family %s over its two gains. %s: %s.", l.Family, l.Verdict, l.Reason)
	for _, m := range l.Minimizers {
		alt += fmt.Sprintf(" Local minimiser (%s) at (%.5g, %.5g), value %.5g.", m.Kind, m.Gain.Data[0], m.Gain.Data[1], float64(m.Value))
	}
	return Figure{Panels: []Panel{p}, Alt: alt, Width: Screen}, nil
}

// minimiserKind is the mark of a proved minimiser.
func minimiserKind(kind string) Kind {
	switch kind {
	case "global":
		return GlobalMinimiser
	case "spurious":
		return SpuriousMinimiser
	}
	return LocalMinimiser
}

// undecided adds the boxes that a proof left undecided; those too small to be seen
// are squares.
func (p *Panel) undecided(l *run.PlanarLandscape) {
	const label = "undecided"
	cut := func(lo, hi run.Number, a Axis) Interval {
		return Interval{max(float64(lo), a.Min), min(float64(hi), a.Max)}
	}
	small := Curve{Label: label, Ink: Orange, Loose: true, Shape: Square}
	for _, u := range l.Unresolved {
		x, y := cut(u[0][0], u[0][1], p.X), cut(u[1][0], u[1][1], p.Y)
		const visible = 200 // to the window
		switch {
		case x.Lo > x.Hi || y.Lo > y.Hi: // outside
		case x.Hi-x.Lo < (p.X.Max-p.X.Min)/visible && y.Hi-y.Lo < (p.Y.Max-p.Y.Min)/visible:
			small.X, small.Y = append(small.X, x.Lo+(x.Hi-x.Lo)/2), append(small.Y, y.Lo+(y.Hi-y.Lo)/2)
		default:
			p.Bands = append(p.Bands, Band{
				Label: label, Ink: Orange,
				X: []float64{x.Lo, x.Hi}, Lo: []float64{y.Lo, y.Lo}, Hi: []float64{y.Hi, y.Hi},
			})
		}
	}
	if len(small.X) > 0 {
		p.Curves = append(p.Curves, small)
	}
}

// KeepPlanar writes the proved landscape of several gains into a directory, as
// [KeepLandscape] does that of one; the figure is of two.
func KeepPlanar(l *run.PlanarLandscape, dir string) ([]string, error) {
	files := map[string][]byte{}
	var paths []string
	if l.Problem().Dim() != 2 { // there is no plane to draw
		return nil, l.Keep(dir, files)
	}
	f, err := PlanarFigure(l)
	if err == nil {
		paths, err = f.keptAs(files, dir)
	}
	if err != nil && !errors.Is(err, ErrEmpty) { // then there is nothing to draw
		return nil, err
	}
	return paths, l.Keep(dir, files)
}
