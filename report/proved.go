package report

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/run"
)

// ProvedLandscape is a proved landscape as it is drawn: its minimisers by kind, and its
// maximisers, singular set, domain and lower bound. Where the domain is unbounded
// the window ends some way beyond the last point, and the domain does not end in it.
func ProvedLandscape(l *run.Landscape) Landscape {
	d := Landscape{Objective: l.Objective, Bound: float64(l.LowerBound)}
	for i := range l.Tasks() {
		d.Tasks = append(d.Tasks, func(w float64) float64 { return l.Task(i, w) })
	}
	points := newSpan(false)
	for _, m := range l.Minimizers {
		d.Points = append(d.Points, Mark{X: m.Gain.Data[0], Y: float64(m.Value), Kind: minimiserKind(m.Kind)})
		points.add(m.Gain.Data[0])
	}
	for _, m := range l.Maximizers {
		d.Points = append(d.Points, Mark{X: m.Gain.Data[0], Y: float64(m.Value), Kind: Maximiser})
		points.add(m.Gain.Data[0])
	}
	for _, s := range l.Singular {
		for _, w := range s.Gains {
			d.Folds = append(d.Folds, float64(w))
		}
	}
	for _, v := range l.Domain {
		points.add(float64(v[0]))
		points.add(float64(v[1]))
	}
	if points.empty() {
		points.add(0)
	}
	beyond := max(1, points.hi-points.lo)
	window := Interval{points.lo - beyond, points.hi + beyond}
	whole := true
	for _, v := range l.Domain {
		lo, hi := float64(v[0]), float64(v[1])
		whole = whole && finite(lo) && finite(hi)
		d.Domain = append(d.Domain, Interval{max(lo, window.Lo-beyond), min(hi, window.Hi+beyond)})
	}
	if !whole {
		d.X = Axis{Min: window.Lo, Max: window.Hi}
	}
	return d
}

// ProvedPanel is the panel of a proved landscape, with the boxes that the proof
// left undecided; x and y replace the window, where they have one.
// The error is a *DataError.
func ProvedPanel(l *run.Landscape, x, y Axis) (Panel, error) {
	d := ProvedLandscape(l)
	if x.Min != 0 || x.Max != 0 {
		d.X = x
	}
	d.Y = y
	p, err := d.Panel()
	if err != nil {
		return Panel{}, err
	}
	// What lies outside the window is not listed in the legend.
	p.Marks = slices.DeleteFunc(p.Marks, func(m Mark) bool {
		return m.X < p.X.Min || m.X > p.X.Max || m.Y < p.Y.Min || m.Y > p.Y.Max
	})
	p.Rugs = slices.DeleteFunc(p.Rugs, func(r Rug) bool {
		return !slices.ContainsFunc(r.X, func(w float64) bool { return p.X.Min <= w && w <= p.X.Max })
	})
	p.Levels = slices.DeleteFunc(p.Levels, func(l Level) bool { return l.Y < p.Y.Min || l.Y > p.Y.Max })
	if l.Problem().Family.Meta.Inner.Rule != family.RuleGradient || len(l.Rates) != 1 {
		for i := range p.Rugs { // the equation is that of one gradient step
			p.Rugs[i].Label = "singular set"
		}
	}
	if len(l.Unresolved) == 0 {
		return p, nil
	}
	ticks := Rug{Label: "undecided", Ink: Orange, Lines: true}
	for _, u := range l.Unresolved {
		lo, hi := max(float64(u[0]), p.X.Min), min(float64(u[1]), p.X.Max)
		switch visible := (p.X.Max - p.X.Min) / 400; {
		case lo > hi:
		case hi-lo > visible:
			ticks.Label = "" // the band has it
			p.Bands = append(p.Bands, Band{
				Label: "undecided", Ink: Orange,
				X: []float64{lo, hi}, Lo: []float64{p.Y.Min, p.Y.Min}, Hi: []float64{p.Y.Max, p.Y.Max},
			})
		default:
			ticks.X = append(ticks.X, lo+(hi-lo)/2)
		}
	}
	if len(ticks.X) > 0 {
		p.Rugs = append(p.Rugs, ticks)
	}
	return p, nil
}

// label writes the labels of minimisers anew, from gain and value.
func (p *Panel) label(format string) {
	for i, m := range p.Marks {
		if m.Text == "" {
			continue
		}
		p.Marks[i].Text = fmt.Sprintf(format, m.X)
		if strings.Count(format, "%") > 1 {
			p.Marks[i].Text = fmt.Sprintf(format, m.X, m.Y)
		}
	}
}

// ProvedFigure is the figure that metalqr landscape draws: the whole domain, and
// below it, enlarged, where minimisers are too close to be told apart there.
func ProvedFigure(l *run.Landscape) (Figure, error) {
	p, err := ProvedPanel(l, Axis{}, Axis{})
	if err != nil {
		return Figure{}, err
	}
	f := Figure{Panels: []Panel{p}, Alt: describe(l)}
	for _, c := range clusters(l, p.X.Max-p.X.Min) {
		for i, m := range f.Panels[0].Marks {
			if c.Lo <= m.X && m.X <= c.Hi {
				f.Panels[0].Marks[i].Text = ""
			}
		}
		room := .6 * (c.Hi - c.Lo)
		window := Axis{Min: max(c.Lo-room, p.X.Min), Max: min(c.Hi+room, p.X.Max)}
		for _, v := range l.Domain { // little of what lies outside
			if lo := float64(v[0]); lo <= c.Lo && lo > window.Min {
				window.Min = lo - .1*room
			}
			if hi := float64(v[1]); hi >= c.Hi && hi < window.Max {
				window.Max = hi + .1*room
			}
		}
		enlarged, err := ProvedPanel(l, window, Axis{})
		if err != nil {
			return Figure{}, err
		}
		enlarged.Title = "enlarged"
		f.Panels = append(f.Panels, enlarged)
	}
	return f, nil
}

// clusters are where local minimisers stand closer to one another than their marks
// are wide, in a window of a width: at most three, from the left.
func clusters(l *run.Landscape, width float64) (list []Interval) {
	const close, most = .03, 3
	for i := 0; i < len(l.Minimizers) && len(list) < most; {
		j := i
		for j+1 < len(l.Minimizers) && gain(l.Minimizers[j+1])-gain(l.Minimizers[j]) < close*width {
			j++
		}
		if j > i {
			list = append(list, Interval{gain(l.Minimizers[i]), gain(l.Minimizers[j])})
		}
		i = j + 1
	}
	return list
}

// describe says what a figure of a landscape shows.
func describe(l *run.Landscape) string {
	s := fmt.Sprintf("The meta-objective of the family %s over its gain. %s: %s.", l.Family, l.Verdict, l.Reason)
	for _, m := range l.Minimizers {
		s += fmt.Sprintf(" Local minimiser (%s) at %.5g, value %.5g.", m.Kind, m.Gain.Data[0], float64(m.Value))
	}
	return s
}

// formats are the files that a figure is kept as.
var formats = []Format{SVG, PNG, PDF}

// files adds a figure in every format to files, under a name.
func (f Figure) files(files map[string][]byte, name string) error {
	for _, format := range formats {
		var b bytes.Buffer
		if err := f.Write(&b, format); err != nil {
			return err
		}
		files[name+"."+format.String()] = b.Bytes()
	}
	return nil
}

// keptAs adds a landscape's figure to files in every format, and returns the paths
// that they will have in a directory.
func (f Figure) keptAs(files map[string][]byte, dir string) (paths []string, err error) {
	if err := f.files(files, "landscape"); err != nil {
		return nil, err
	}
	for _, format := range formats {
		paths = append(paths, filepath.Join(dir, "landscape."+format.String()))
	}
	return paths, nil
}

// KeepLandscape writes a proved landscape into a directory, as [run.Landscape.Keep]
// does, with its figure: landscape.svg, .png and .pdf. It returns the paths of the
// figure's files. Where a file exists, nothing is written and the error is a
// *run.DirectoryError.
func KeepLandscape(l *run.Landscape, dir string) ([]string, error) {
	files := map[string][]byte{}
	var paths []string
	if len(l.Domain) > 0 { // else nothing of it is known, and there is nothing to draw
		f, err := ProvedFigure(l)
		if err != nil {
			return nil, err
		}
		if paths, err = f.keptAs(files, dir); err != nil {
			return nil, err
		}
	}
	return paths, l.Keep(dir, files)
}
