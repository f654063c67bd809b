package landscape

import (
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// singular isolates the zeros of each task's F_K ∘ … ∘ F_1 ′, and each
// minimiser's distance to the nearest.
func (p *Problem) singular(l *Landscape, components []component, m *meter) {
	tasks := p.tasks
	if p.oneMap {
		tasks = tasks[:1]
	}
	s := &scratch{}
	for i := range tasks {
		t := &tasks[i]
		found := Singular{Task: t.name}
		for _, c := range components {
			for _, b := range c.isolate(t.singular, m, "singular set") {
				switch b.is {
				case certificate.Zero:
					found.Points = append(found.Points, c.narrow(t.singular, b, s))
				case certificate.Unknown:
					found.Unresolved = join(found.Unresolved, b.box)
				}
			}
		}
		l.Singular = append(l.Singular, found)
	}
	for i := range l.Stationary {
		st := &l.Stationary[i]
		st.Singular = math.Inf(1)
		for _, f := range l.Singular {
			for _, list := range [][]interval.Interval{f.Points, f.Unresolved} {
				for _, x := range list {
					st.Singular = min(st.Singular, x.Sub(st.Gain).Mig())
				}
			}
		}
	}
}

// basins gives each minimum the gains between its neighbours: descent in one
// dimension passes no stationary point.
func (l *Landscape) basins() {
	if len(l.Unresolved) > 0 {
		return
	}
	total := 0.0
	for _, d := range l.Domain {
		total += d.High.Mid() - d.Low.Mid()
	}
	for i := range l.Stationary {
		st := &l.Stationary[i]
		if st.Kind != certificate.Minimum {
			continue
		}
		for _, d := range l.Domain {
			if st.Gain.Lo() < d.Low.Lo() || st.Gain.Hi() > d.High.Hi() {
				continue
			}
			from, to := d.Low, d.High
			if i > 0 && l.Stationary[i-1].Gain.Lo() >= d.Low.Lo() {
				from = l.Stationary[i-1].Gain
			}
			if i+1 < len(l.Stationary) && l.Stationary[i+1].Gain.Hi() <= d.High.Hi() {
				to = l.Stationary[i+1].Gain
			}
			st.Basin = [2]interval.Interval{from, to}
			if d.Low.IsBounded() && d.High.IsBounded() {
				st.Share = (to.Mid() - from.Mid()) / total
			} else {
				st.Share = 1
			}
		}
	}
}
