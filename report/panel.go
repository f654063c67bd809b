package report

import "fmt"

// A Panel is a pair of axes and what is drawn over them. Whatever has a Label has an
// entry in the legend; equal entries are listed once.
type Panel struct {
	Title  string
	X, Y   Axis
	Height float64 // of the axes, millimetres; 0: in proportion to the width

	// Domain, if not nil, is where things are defined, on the X axis: in its
	// complement the panel is shaded, and its ends have hairlines.
	Domain []Interval

	Bands  []Band
	Curves []Curve
	Levels []Level
	Rugs   []Rug
	Slopes []Slope
	Marks  []Mark

	Contours []Contour // behind the curves; both axes need windows
}

// An Interval is [Lo, Hi]; either end may be infinite.
type Interval struct{ Lo, Hi float64 }

// A Curve joins points in order.
type Curve struct {
	Label  string
	X, Y   []float64
	Ink    Ink // Auto: by position among the curves that are not Thin
	Weight Weight
	Dash   Dash
	Shape  Shape   // at every point
	Loose  bool    // points only, not joined
	Alpha  float64 // opacity; 0 means 1
}

// A Band fills between two curves.
type Band struct {
	Label     string
	X, Lo, Hi []float64
	Ink       Ink     // Auto: Blue
	Alpha     float64 // opacity; 0 means 0.25
}

// A Level is a horizontal line.
type Level struct {
	Label string
	Y     float64
	Ink   Ink // Auto: Green
	Dash  Dash
}

// A Rug is a set of points on the X axis, as ticks that stand on it.
type Rug struct {
	Label string
	X     []float64
	Ink   Ink  // Auto: Purple
	Lines bool // extended upwards through the panel by a faint line
}

// A Slope is a triangle that shows a power law on logarithmic axes: from (X0, Y0) it
// runs level to X1, and meets the line of that Exponent through its start there. With
// X0 = X1 = 0 it is placed under the curves where there is room.
type Slope struct {
	Exponent   float64
	X0, X1, Y0 float64
}

// check finds data that contradict themselves. index is the panel's number.
func (p *Panel) check(index int) error {
	fail := func(part, format string, args ...any) error {
		return &DataError{Panel: index, Part: part, Why: fmt.Sprintf(format, args...), Err: ErrData}
	}
	for _, a := range []struct {
		name string
		Axis
	}{{"x axis", p.X}, {"y axis", p.Y}} {
		if a.Min == 0 && a.Max == 0 {
			continue
		}
		switch {
		case !finite(a.Min) || !finite(a.Max) || a.Min >= a.Max:
			return fail(a.name, "window [%g, %g] is not an interval", a.Min, a.Max)
		case a.Log && a.Min <= 0:
			return fail(a.name, "logarithmic, but its window begins at %g", a.Min)
		}
	}
	for i, c := range p.Curves {
		if len(c.X) != len(c.Y) {
			return fail(part("curve", i, c.Label), "%d abscissae, %d ordinates", len(c.X), len(c.Y))
		}
	}
	for i, b := range p.Bands {
		if len(b.X) != len(b.Lo) || len(b.X) != len(b.Hi) {
			return fail(part("band", i, b.Label), "%d abscissae, %d lower and %d upper ordinates", len(b.X), len(b.Lo), len(b.Hi))
		}
	}
	for i, v := range p.Domain {
		if !(v.Lo < v.Hi) {
			return fail(part("domain interval", i, ""), "[%g, %g] is not an interval", v.Lo, v.Hi)
		}
	}
	for i, m := range p.Marks {
		if m.Kind < 0 || m.Kind >= kinds {
			return fail(part("mark", i, m.Text), "kind %d is not one", int(m.Kind))
		}
	}
	for i, c := range p.Contours {
		for _, l := range c.Lines {
			if len(l.X) != len(l.Y) {
				return fail(part("contour", i, c.Text), "%d abscissae, %d ordinates", len(l.X), len(l.Y))
			}
		}
	}
	for i, s := range p.Slopes {
		if !(p.X.Log && p.Y.Log) {
			return fail(part("slope", i, ""), "exponent %g needs two logarithmic axes", s.Exponent)
		}
		if auto := s.X0 == 0 && s.X1 == 0; !finite(s.Exponent) || (!auto && !(s.X0 > 0 && s.X1 > s.X0 && s.Y0 > 0)) {
			return fail(part("slope", i, ""), "exponent %g from (%g, %g) to %g", s.Exponent, s.X0, s.Y0, s.X1)
		}
	}
	return nil
}

func part(what string, i int, label string) string {
	if label == "" {
		return fmt.Sprintf("%s %d", what, i)
	}
	return fmt.Sprintf("%s %d (%s)", what, i, label)
}

// spans are the values that the axes must hold where no window is given.
func (p *Panel) spans() (x, y span) {
	x, y = newSpan(p.X.Log), newSpan(p.Y.Log)
	window := func(v float64) bool {
		return (p.X.Min == 0 && p.X.Max == 0) || (v >= p.X.Min && v <= p.X.Max)
	}
	point := func(u float64, vs ...float64) {
		for _, v := range vs {
			if !finite(u) || !finite(v) || (p.X.Log && u <= 0) || (p.Y.Log && v <= 0) || !window(u) {
				continue
			}
			x.add(u)
			y.add(v)
		}
	}
	for _, c := range p.Curves {
		for i := range c.X {
			point(c.X[i], c.Y[i])
		}
	}
	for _, b := range p.Bands {
		for i := range b.X {
			point(b.X[i], b.Lo[i], b.Hi[i])
		}
	}
	for _, m := range p.Marks {
		point(m.X, m.Y)
	}
	for _, l := range p.Levels {
		y.add(l.Y)
	}
	for _, s := range p.Slopes {
		if s.X0 > 0 {
			point(s.X0, s.Y0)
			point(s.X1, s.Y0)
		}
	}
	return x, y
}

// window is the axis's range, given or chosen to hold s.
func (a Axis) window(s span) (lo, hi float64, ok bool) {
	if a.Min != 0 || a.Max != 0 {
		return a.Min, a.Max, true
	}
	if s.empty() {
		return 0, 0, false
	}
	lo, hi = s.padded(0.05)
	return lo, hi, finite(lo) && finite(hi)
}
