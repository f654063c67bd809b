package report

import (
	"bytes"
	"math"
	"testing"
)

// Circles: the lines of x² + y² have the radii √level, and the border of a disc its
// own. Linear interpolation on a grid of step s is off by s²/8 times the curvature, 2.
func TestContoursAreCircles(t *testing.T) {
	const edge, n = 0.83, 101
	f := Field{
		F: func(x, y float64) float64 {
			if math.Hypot(x, y) >= edge {
				return math.Inf(1)
			}
			return 5 + x*x + y*y
		},
		X: Interval{-1, 1}, Y: Interval{-1, 1}, Points: n,
	}
	levels, border := f.Contours()
	if len(levels) < 5 || len(border) != 1 {
		t.Fatalf("%d levels, %d borders", len(levels), len(border))
	}
	const step = 2.0 / (n - 1)
	before := 5.0
	for _, l := range levels {
		if !(l.Level > before) || l.Text == "" {
			t.Errorf("level %v (%q) after %v", l.Level, l.Text, before)
		}
		before = l.Level
		if len(l.Lines) != 1 {
			t.Errorf("level %v: %d lines", l.Level, len(l.Lines))
		}
		for _, c := range l.Lines {
			last := len(c.X) - 1
			if c.X[0] != c.X[last] || c.Y[0] != c.Y[last] {
				t.Errorf("level %v is not closed", l.Level)
			}
			for i := range c.X {
				if r := math.Hypot(c.X[i], c.Y[i]); math.Abs(r*r+5-l.Level) > step*step/4*(1+1e-9) {
					t.Fatalf("level %v: radius %v", l.Level, r)
				}
			}
		}
	}
	for i := range border[0].X {
		if r := math.Hypot(border[0].X[i], border[0].Y[i]); math.Abs(r-edge) > 1e-6 {
			t.Fatalf("border at %v", r)
		}
	}
}

// Two wells: below the pass between them the line is two closed ones.
func TestContoursOfTwoWells(t *testing.T) {
	g := newGrid(Field{F: func(x, y float64) float64 { return (x*x-1)*(x*x-1) + y*y }, X: Interval{-2, 2}, Y: Interval{-2, 2}}, 81)
	for level, want := range map[float64]int{0.5: 2, 1.5: 1} {
		if n := len(g.level(level)); n != want {
			t.Errorf("level %v: %d lines, want %d", level, n, want)
		}
	}
}

// A panel of contours is drawn in every format, twice the same; data that
// contradict themselves are refused.
func TestContourPanel(t *testing.T) {
	f := Field{F: func(x, y float64) float64 { return x*x + 3*y*y + x*y }, X: Interval{-1, 1}, Y: Interval{-1, 1}, Points: 61}
	levels, _ := f.Contours()
	p := Panel{X: Axis{Min: -1, Max: 1}, Y: Axis{Min: -1, Max: 1}, Contours: levels, Marks: []Mark{{Kind: LocalMinimiser, Text: "least"}}}
	for _, format := range formats {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := (Figure{Panels: []Panel{p}}).Write(w, format); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%v: not the same twice", format)
		}
	}
	p.Contours = []Contour{{Lines: []Curve{{X: []float64{1}}}}}
	if err := (Figure{Panels: []Panel{p}}).Write(&bytes.Buffer{}, SVG); err == nil {
		t.Error("a line without ordinates passes")
	}
}
