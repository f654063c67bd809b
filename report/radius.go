package report

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/metalqr/metalqr/run"
)

// RadiusFigure is δ against ε on logarithmic axes: what is proved, and what the
// worst families found leave.
func RadiusFigure(r *run.Radius) (Figure, error) {
	points := slices.Clone(r.Curve)
	if !slices.ContainsFunc(points, func(p run.RadiusPoint) bool { return p.Epsilon == r.Epsilon }) {
		points = append(points, run.RadiusPoint{Epsilon: r.Epsilon, Proved: r.Proved, Searched: r.Searched})
	}
	slices.SortFunc(points, func(x, y run.RadiusPoint) int {
		if x.Epsilon < y.Epsilon {
			return -1
		}
		return 1
	})
	proved := Curve{Label: "proved: every family is 𝜀-global", Shape: Disc, Ink: Blue}
	searched := Curve{Label: "worst families found: one is not", Shape: Ring, Ink: Vermilion, Dash: Dashed}
	for _, p := range points {
		for _, c := range []struct {
			to *Curve
			y  float64
		}{{&proved, float64(p.Proved)}, {&searched, float64(p.Searched)}} {
			if finite(c.y) && c.y > 0 {
				c.to.X, c.to.Y = append(c.to.X, float64(p.Epsilon)), append(c.to.Y, c.y)
			}
		}
	}
	panel := Panel{
		X: Axis{Label: "𝜀", Log: true, Grid: true},
		Y: Axis{Label: "distance 𝛿 from the nominal task", Log: true, Grid: true},
	}
	for _, c := range []Curve{searched, proved} {
		if len(c.X) > 0 {
			panel.Curves = append(panel.Curves, c)
		}
	}
	if len(panel.Curves) == 0 {
		return Figure{}, &DataError{Panel: -1, Part: "radius", Why: "no δ is known for any ε", Err: ErrEmpty}
	}
	if len(panel.Curves[0].X) > 1 {
		panel.Slopes = []Slope{{Exponent: 0.5}}
	}
	alt := fmt.Sprintf("The radius of similarity of task %s of family %s against ε, on logarithmic axes. At ε = %.3g: ", r.Task, r.Family, float64(r.Epsilon))
	return Figure{Panels: []Panel{panel}, Alt: alt + r.Reason + "."}, nil
}

// KeepRadius writes a radius into a directory, as [run.Radius.Keep] does, with its
// figure where there is anything to draw: radius.svg, .png and .pdf. It returns the
// paths of the figure's files. Where a file exists, nothing is written and the
// error is a *run.DirectoryError.
func KeepRadius(r *run.Radius, dir string) ([]string, error) {
	files := map[string][]byte{}
	var paths []string
	if r.Verdict != "none" {
		f, err := RadiusFigure(r)
		if err == nil {
			if err := f.files(files, "radius"); err != nil {
				return nil, err
			}
			for _, format := range formats {
				paths = append(paths, filepath.Join(dir, "radius."+format.String()))
			}
		}
	}
	if err := r.Keep(dir, files); err != nil {
		return nil, err
	}
	return paths, nil
}
