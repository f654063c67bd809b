package report

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"

	"github.com/metalqr/metalqr/run"
)

// ComparisonFigure is the figure of a comparison: how far above the best each algorithm
// was, against its work, the linear matrix equations it had solved where
// tasks have those, and against its seconds.
func ComparisonFigure(c *run.Comparison) Figure {
	least := math.Inf(1)
	for _, a := range c.Algorithms {
		for _, m := range a.Trace {
			least = min(least, float64(m.Gap))
		}
	}
	inks := []Ink{Blue, Blue, Vermilion, Green, Purple, Sky, Orange, Grey}
	dashes := []Dash{Solid, Dashed, Solid, Dashed, Solid, DashDot, Dashed, Dotted}
	panel := func(title, label string, at func(run.Mark) float64) Panel {
		p := Panel{Title: title, X: Axis{Label: label, Log: true, Grid: true}, Y: Axis{Label: "ℎ above the best reached", Log: true, Grid: true}}
		for i, a := range c.Algorithms {
			name := a.Algorithm
			if a.Algorithm == "maml" {
				name += ", " + a.Method
			}
			curve := Curve{Label: name, Ink: inks[i%len(inks)], Dash: dashes[i%len(dashes)]}
			for _, m := range a.Trace {
				// Nothing is told apart below the rounding of h.
				y := max(float64(m.Gap)-least, 1e-16*max(math.Abs(float64(c.LowerBound)), math.Abs(least)), math.SmallestNonzeroFloat64)
				curve.X, curve.Y = append(curve.X, at(m)), append(curve.Y, y)
			}
			p.Curves = append(p.Curves, curve)
		}
		return p
	}
	return Figure{
		Alt: "Distance of each algorithm's mean adapted cost from the best reached, against work.",
		Panels: []Panel{
			panel("by work", c.Work, func(m run.Mark) float64 { return float64(m.Solves) }),
			panel("by time", "seconds", func(m run.Mark) float64 { return m.Seconds }),
		},
		Columns: 2, Width: Page,
	}
}

// KeepComparison writes compare.json and the figure in every format into a
// directory, and returns their paths. Where one exists, nothing is written and
// the error is a *[run.DirectoryError].
func KeepComparison(c *run.Comparison, dir string) ([]string, error) {
	document, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"compare.json": append(document, '\n')}
	if err := ComparisonFigure(c).files(files, "compare"); err != nil {
		return nil, err
	}
	if err := run.Keep(dir, files); err != nil {
		return nil, err
	}
	var paths []string
	for name := range files {
		paths = append(paths, filepath.Join(dir, name))
	}
	slices.Sort(paths)
	return paths, nil
}
