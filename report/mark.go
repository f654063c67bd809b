package report

// A Kind is what a marked point is; each has its own shape, so that colour is never
// needed to tell them apart.
type Kind int

// The kinds, in the order in which they claim room for their labels.
const (
	GlobalMinimiser   Kind = iota // filled disc
	SpuriousMinimiser             // open diamond
	LocalMinimiser                // ring: not known to be either
	Degenerate                    // saltire
	Reference                     // small filled square: any other point
	Maximiser                     // vertical tick across the curve
	kinds                         // how many
)

// String is the kind's name in the legend.
func (k Kind) String() string {
	switch k {
	case GlobalMinimiser:
		return "global minimiser"
	case SpuriousMinimiser:
		return "spurious minimiser"
	case LocalMinimiser:
		return "local minimiser"
	case Degenerate:
		return "degenerate point"
	case Reference:
		return "reference"
	case Maximiser:
		return "local maximiser"
	}
	return "unknown"
}

// A Mark is a point to be seen.
type Mark struct {
	X, Y float64
	Kind Kind
	Text string // written near it, with a leader if not beside it; "\n" begins a new line
}

// radius is how far a mark of kind k reaches.
func (k Kind) radius() float64 {
	switch k {
	case SpuriousMinimiser, Maximiser:
		return 3.6
	case Reference:
		return 2.2
	}
	return markRadius + 0.4
}

func (s *scene) mark(k Kind, c pt) {
	at := func(x, y float64) pt { return pt{c.x + x, c.y + y} }
	ink := Vermilion.color()
	switch k {
	case GlobalMinimiser:
		s.both(circle(c, markRadius), ink, pen{color: white, width: 0.6})
	case SpuriousMinimiser:
		const r = 3.5
		s.both(polygon(at(0, -r), at(r, 0), at(0, r), at(-r, 0)), white, pen{color: textColor, width: 0.9})
	case LocalMinimiser:
		s.both(circle(c, markRadius-.3), white, pen{color: ink, width: 1})
	case Maximiser:
		s.draw(polyline(at(0, -3.6), at(0, 3.6)), pen{color: textColor, width: 0.9})
	case Degenerate:
		const r = 2.5
		halo, line := pen{color: white, width: 2.4}, pen{color: Purple.color(), width: 1.2}
		for _, k := range []pen{halo, line} {
			s.draw(polyline(at(-r, -r), at(r, r)), k)
			s.draw(polyline(at(-r, r), at(r, -r)), k)
		}
	default:
		s.shape(Square, c, 1.9, textColor)
	}
}
