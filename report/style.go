package report

import "image/color"

// An Ink is a colour of the house palette: Okabe and Ito's eight (Color Universal
// Design, 2008) without its yellow, which white paper swallows, and two greys. The
// zero Ink leaves the choice to what is drawn.
type Ink int

// The inks, darkest of each pair first: neighbours differ in lightness as well as
// in hue.
const (
	Auto Ink = iota
	Black
	Blue
	Vermilion
	Green
	Purple
	Sky
	Orange
	Grey
	Pale
)

func (i Ink) color() color.NRGBA {
	switch i {
	case Blue:
		return color.NRGBA{0x00, 0x72, 0xB2, 255}
	case Vermilion:
		return color.NRGBA{0xD5, 0x5E, 0x00, 255}
	case Green:
		return color.NRGBA{0x00, 0x9E, 0x73, 255}
	case Purple:
		return color.NRGBA{0xB5, 0x5A, 0x92, 255} // darkened: CC79A7 is faint in thin lines
	case Sky:
		return color.NRGBA{0x56, 0xB4, 0xE9, 255}
	case Orange:
		return color.NRGBA{0xE6, 0x9F, 0x00, 255}
	case Grey:
		return color.NRGBA{0x75, 0x75, 0x75, 255}
	case Pale:
		return color.NRGBA{0xB4, 0xB4, 0xB4, 255}
	}
	return color.NRGBA{0x1A, 0x1A, 0x1A, 255}
}

// or is the ink, or another in place of Auto.
func (i Ink) or(other Ink) Ink {
	if i == Auto {
		return other
	}
	return i
}

func faded(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(alpha*float64(c.A) + .5)
	return c
}

// A Weight is how much a line asks for attention.
type Weight int

// The weights. Labels keep off Normal and Strong lines, and off Thin ones where there
// is room.
const (
	Normal Weight = iota
	Strong        // the one curve the figure is about
	Thin          // one among many
)

func (w Weight) width() float64 {
	switch w {
	case Strong:
		return 1.5
	case Thin:
		return 0.6
	}
	return 1
}

// A Dash is the pattern of a line.
type Dash int

// The patterns.
const (
	Solid Dash = iota
	Dashed
	Dotted
	DashDot
	LongDash
)

func (d Dash) pattern(width float64) []float64 {
	k := max(width, 0.7)
	switch d {
	case Dashed:
		return []float64{4.5 * k, 2.8 * k}
	case Dotted:
		return []float64{1.2 * k, 2.2 * k}
	case DashDot:
		return []float64{7 * k, 2.2 * k, 1.4 * k, 2.2 * k}
	case LongDash:
		return []float64{11 * k, 3.5 * k}
	}
	return nil
}

// A Shape is the marker of a curve's points.
type Shape int

// The shapes.
const (
	NoShape Shape = iota
	Disc
	Square
	Triangle
	Diamond
	Ring
	Cross
)

// Sizes of the house, in points.
const (
	headingSize = 8.5
	labelSize   = 8.0
	tickSize    = 7.0
	noteSize    = 7.0
	hairline    = 0.5
	tickLength  = 2.8
	minorLength = 1.6
	gridWidth   = 0.4
	markRadius  = 2.7
	shapeRadius = 1.9
)

var (
	textColor   = color.NRGBA{0x1A, 0x1A, 0x1A, 255}
	axisColor   = color.NRGBA{0x4D, 0x4D, 0x4D, 255}
	gridColor   = color.NRGBA{0xE3, 0xE3, 0xE3, 255}
	shadeColor  = color.NRGBA{0xF1, 0xF1, 0xF1, 255}
	edgeColor   = color.NRGBA{0xA8, 0xA8, 0xA8, 255}
	leaderColor = color.NRGBA{0x6E, 0x6E, 0x6E, 255}
	white       = color.NRGBA{255, 255, 255, 255}
)

// shape draws a marker of radius r.
func (s *scene) shape(k Shape, c pt, r float64, ink color.NRGBA) {
	at := func(x, y float64) pt { return pt{c.x + r*x, c.y + r*y} }
	rim := pen{color: white, width: 0.5}
	switch k {
	case Disc:
		s.both(circle(c, r), ink, rim)
	case Square:
		s.both(polygon(at(-.9, -.9), at(.9, -.9), at(.9, .9), at(-.9, .9)), ink, rim)
	case Triangle:
		s.both(polygon(at(0, -1.2), at(1.1, .8), at(-1.1, .8)), ink, rim)
	case Diamond:
		s.both(polygon(at(0, -1.3), at(1.3, 0), at(0, 1.3), at(-1.3, 0)), ink, rim)
	case Ring:
		s.both(circle(c, r), white, pen{color: ink, width: 0.9})
	case Cross:
		k := pen{color: ink, width: 1}
		s.draw(polyline(at(-1, -1), at(1, 1)), k)
		s.draw(polyline(at(-1, 1), at(1, -1)), k)
	}
}
