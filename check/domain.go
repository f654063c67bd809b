package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A component is a maximal interval of the domain as far as the cover shows it.
type component struct {
	low, high edge
}

// An edge is where a component ends: in a piece at an end of the domain, in a
// run of pieces of which nothing is known, or nowhere.
type edge struct {
	box       interval.Interval // holds the end
	unknown   bool              // nothing is known of the box
	unbounded float64           // −∞ or +∞ if the component goes on to there, as box does
}

// domainCover verifies the cover of the domain and returns what it shows. What
// lies left of the first piece and right of the last is outside because of
// D_g(w) ≤ 0 for one task.
func (c *checker) domainCover(pieces []certificate.Piece) ([]component, error) {
	if err := contiguous(pieces); err != nil {
		return nil, fmt.Errorf("cover of the domain: %w", err)
	}
	runs := joined(pieces)
	if len(runs) == 0 {
		return nil, fmt.Errorf("cover of the domain: it is empty")
	}
	if x := runs[0].Box.Lo(); !c.beyond(x, -1) {
		return nil, fmt.Errorf("cover of the domain: gains left of %v may be in the domain", x)
	}
	if x := runs[len(runs)-1].Box.Hi(); !c.beyond(x, 1) {
		return nil, fmt.Errorf("cover of the domain: gains right of %v may be in the domain", x)
	}
	var found []component
	var open *component // begun, not ended
	for i, p := range runs {
		beside := certificate.Out // what the piece before is
		if i > 0 {
			beside = runs[i-1].Is
		}
		if err := c.domainPiece(p); err != nil {
			return nil, fmt.Errorf("cover of the domain: %v piece %v: %w", p.Is, p.Box, err)
		}
		fail := func(what string) error {
			return fmt.Errorf("cover of the domain: %v piece %v: %s", p.Is, p.Box, what)
		}
		afterUnknown := beside == certificate.Unknown
		begin := func(e edge) { open = &component{low: e} }
		finish := func(e edge) {
			open.high = e
			found = append(found, *open)
			open = nil
		}
		switch p.Is {
		case certificate.Out:
			if open != nil {
				return nil, fail("no end lies between it and the gains of the domain before it")
			}
		case certificate.In:
			switch {
			case open != nil:
			case afterUnknown:
				begin(edge{box: runs[i-1].Box, unknown: true})
			case i == 0 && math.IsInf(p.Box.Lo(), -1):
				begin(edge{box: p.Box, unbounded: math.Inf(-1)})
			default:
				return nil, fail("no end lies between it and the gains outside the domain before it")
			}
		case certificate.End:
			falls := open != nil || afterUnknown && c.problem.locate(&c.lens, p.Box.Lo()) == inside
			lowOut := beside == certificate.Out
			highOut := i == len(runs)-1 || runs[i+1].Is == certificate.Out
			if err := c.end(p.Box, falls, lowOut, highOut); err != nil {
				return nil, fail(err.Error())
			}
			if !falls {
				begin(edge{box: p.Box})
				break
			}
			if open == nil {
				begin(edge{box: runs[i-1].Box, unknown: true})
			}
			finish(edge{box: p.Box})
		case certificate.Unknown:
			if open != nil {
				finish(edge{box: p.Box, unknown: true})
			}
		}
	}
	if open != nil {
		last := runs[len(runs)-1].Box
		if !math.IsInf(last.Hi(), 1) {
			return nil, fmt.Errorf("cover of the domain: it has no end right of %v", last.Lo())
		}
		open.high = edge{box: last, unbounded: math.Inf(1)}
		found = append(found, *open)
	}
	return found, nil
}

// contiguous refuses pieces that are not intervals with an interior, each
// beginning where the last ended.
func contiguous(pieces []certificate.Piece) error {
	for i, p := range pieces {
		if !(p.Box.Lo() < p.Box.Hi()) {
			return fmt.Errorf("piece %d, %v, has no interior", i+1, p.Box)
		}
		if i > 0 && pieces[i-1].Box.Hi() != p.Box.Lo() {
			return fmt.Errorf("piece %d begins at %v, the one before ends at %v", i+1, p.Box.Lo(), pieces[i-1].Box.Hi())
		}
	}
	return nil
}

// joined is the cover with neighbouring Unknown pieces made one.
func joined(pieces []certificate.Piece) []certificate.Piece {
	var runs []certificate.Piece
	for _, p := range pieces {
		if n := len(runs); n > 0 && p.Is == certificate.Unknown && runs[n-1].Is == certificate.Unknown && p.Task == 0 {
			runs[n-1].Box = runs[n-1].Box.Hull(p.Box)
			continue
		}
		runs = append(runs, p)
	}
	return runs
}

// domainPiece verifies what a piece says alone; End pieces need their place.
func (c *checker) domainPiece(p certificate.Piece) error {
	if p.Task != 0 && p.Is != certificate.Out {
		return fmt.Errorf("it names a task")
	}
	switch p.Is {
	case certificate.Out:
		if p.Task < 0 || p.Task >= len(c.problem.tasks) {
			return fmt.Errorf("there is no task %d", p.Task)
		}
		t := c.problem.tasks[p.Task]
		return everywhere(p.Box, fmt.Sprintf("outside because of task %q", t.name), func(b interval.Interval) bool {
			c.lens.at(t, b, c.problem.steps)
			return c.lens.box.where == outside
		})
	case certificate.In:
		return c.wholly(p.Box)
	case certificate.Unknown:
		return c.known(p.Box)
	case certificate.End:
		if !p.Box.IsBounded() {
			return fmt.Errorf("it is not bounded")
		}
		return nil
	}
	return fmt.Errorf("it is no claim about the domain")
}

// wholly proves that all of b is in the domain.
func (c *checker) wholly(b interval.Interval) error {
	return everywhere(b, "in the domain", func(b interval.Interval) bool {
		for _, t := range c.problem.tasks {
			if c.lens.at(t, b, c.problem.steps); c.lens.box.where != inside {
				return false
			}
		}
		return true
	})
}

// beyond proves that all gains from x on in the direction given are outside the
// domain because D_g ≤ 0 for one task. Nothing lies beyond infinity.
func (c *checker) beyond(x float64, direction int) bool {
	return math.IsInf(x, direction) || slices.ContainsFunc(c.problem.tasks, func(t *task) bool {
		return t.role(0).beyond(x, direction)
	})
}

// end proves that exactly one end of the domain lies in b, which the domain
// enters there, or leaves if falls. lowOut and highOut say that b's ends are known
// to be outside, by the pieces beside it.
//
// Going in the direction from the outside to the inside, on each box of a
// subdivision and as far as the constraints before it hold, every constraint
// D(x_k) > 0 of every task either holds, or fails, or has a D that grows where it
// is not negative. By induction over the constraints the gains that satisfy all
// of them are then those from some gain on: where a constraint holds it goes on
// holding, for D cannot fall to 0 where it grows, and is continuous where the
// constraints before hold. That this is neither none of b nor all of it, its ends
// show.
func (c *checker) end(b interval.Interval, falls, lowOut, highOut bool) error {
	from, to := b.Lo(), b.Hi()
	fromOut := lowOut
	if falls {
		from, to = to, from
		fromOut = highOut
	}
	if !fromOut && c.problem.locate(&c.lens, from) != outside {
		return fmt.Errorf("%v is not found to be outside the domain", from)
	}
	if c.problem.locate(&c.lens, to) != inside {
		return fmt.Errorf("%v is not found to be in the domain", to)
	}
	for _, t := range c.problem.tasks {
		err := everywhere(b, fmt.Sprintf("one end of the domain, by the constraints of task %q", t.name), func(b interval.Interval) bool {
			c.lens.at(t, b, c.problem.steps)
			tr := &c.lens.box
			n := tr.n
			if tr.where == outside {
				n-- // the last constraint looked at fails
			}
			for _, n := range tr.nodes[:n] {
				if n.d.Positive() {
					continue
				}
				if falls && !n.slope.Negative() || !falls && !n.slope.Positive() {
					return false
				}
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// components compares the stated components with what the cover shows, and
// returns the latter, each end enclosed as well as either does. Where nothing is
// known between two components, they may be stated as one.
func (c *checker) components(stated []certificate.Component, found []component) ([]component, error) {
	var out []component
	for _, s := range stated {
		if len(found) == 0 {
			return nil, fmt.Errorf("the cover of the domain shows no component from %v to %v", s.Low, s.High)
		}
		f := found[0]
		found = found[1:]
		low, err := c.edge(f.low, s.Low)
		if err != nil {
			return nil, fmt.Errorf("the component from %v to %v: lower end: %w", s.Low, s.High, err)
		}
		high, err := c.edge(f.high, s.High)
		for err != nil && f.high.unknown && len(found) > 0 && found[0].low.unknown && found[0].low.box == f.high.box {
			f = found[0]
			found = found[1:]
			high, err = c.edge(f.high, s.High)
		}
		if err != nil {
			return nil, fmt.Errorf("the component from %v to %v: upper end: %w", s.Low, s.High, err)
		}
		out = append(out, component{low, high})
	}
	if len(found) > 0 {
		return nil, fmt.Errorf("the component of the domain between %v and %v is not listed", found[0].low.box, found[0].high.box)
	}
	return out, nil
}

// edge compares one end: the stated enclosure holds the box of the cover, or is
// part of it with one gain outside the domain and one in it, or is as unbounded.
func (c *checker) edge(f edge, stated interval.Interval) (edge, error) {
	switch {
	case f.unbounded < 0 && stated.Lo() == f.unbounded, f.unbounded > 0 && stated.Hi() == f.unbounded:
		return f, nil
	case f.unbounded != 0 || stated.IsEmpty() || !stated.IsBounded():
	case f.box.Subset(stated):
		return f, nil
	case !f.unknown && stated.Subset(f.box): // which is bounded
		l, h := c.problem.locate(&c.lens, stated.Lo()), c.problem.locate(&c.lens, stated.Hi())
		if l == inside && h == outside || l == outside && h == inside {
			f.box = stated
			return f, nil
		}
	}
	return f, fmt.Errorf("%v is not found to hold it; the cover has it in %v", stated, f.box)
}
