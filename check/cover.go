package check

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A crossing is a Zero piece that was verified: the function has exactly one
// zero in the box, where it goes from −direction to direction.
type crossing struct {
	function
	box       interval.Interval
	direction int
}

// covers verifies that every required function has one cover and no other has,
// and all of them. The crossings come in the order of the file.
func (c *checker) covers(mode certificate.Mode, covers []certificate.Cover, domain []component) ([]crossing, error) {
	required, err := c.problem.required(mode)
	if err != nil {
		return nil, err
	}
	var found []crossing
	seen := map[string]bool{}
	for _, cover := range covers {
		f := function{cover.Of, cover.Step, c.problem}
		if seen[f.String()] {
			return nil, fmt.Errorf("a second cover of %v", f)
		}
		seen[f.String()] = true
	}
	for _, f := range required {
		if !seen[f.String()] {
			return nil, fmt.Errorf("%v has no cover", f)
		}
	}
	if len(covers) != len(required) {
		return nil, fmt.Errorf("%d covers, want %d", len(covers), len(required))
	}
	for _, cover := range covers {
		f := function{cover.Of, cover.Step, c.problem}
		crossings, err := c.cover(f, cover.Pieces, domain)
		if err != nil {
			return nil, fmt.Errorf("cover of %v: %w", f, err)
		}
		found = append(found, crossings...)
	}
	return found, nil
}

// cover verifies one cover: its pieces, and that together with the unresolved
// boxes they hold every component.
func (c *checker) cover(f function, pieces []certificate.Piece, domain []component) ([]crossing, error) {
	if err := c.complete(pieces, domain); err != nil {
		return nil, err
	}
	var found []crossing
	for _, p := range pieces {
		var err error
		switch p.Is {
		case certificate.Free:
			err = c.free(f, p.Box, domain)
		case certificate.Zero:
			var x crossing
			x, err = c.zero(f, p.Box)
			found = append(found, x)
		case certificate.Unknown:
			err = c.known(p.Box)
		default:
			err = fmt.Errorf("it is no claim about a function")
		}
		if err == nil && p.Task != 0 {
			err = fmt.Errorf("it names a task")
		}
		if err != nil {
			return nil, fmt.Errorf("%v piece %v: %w", p.Is, p.Box, err)
		}
	}
	return found, nil
}

// complete verifies that the pieces ascend without overlapping, and leave no gap
// in a component but where everything is unresolved.
func (c *checker) complete(pieces []certificate.Piece, domain []component) error {
	for i, p := range pieces {
		if !(p.Box.Lo() < p.Box.Hi()) {
			return fmt.Errorf("piece %d, %v, has no interior", i+1, p.Box)
		}
		if i > 0 && !(pieces[i-1].Box.Hi() <= p.Box.Lo()) {
			return fmt.Errorf("piece %d begins at %v, before the one before ends, at %v", i+1, p.Box.Lo(), pieces[i-1].Box.Hi())
		}
	}
	i := 0
	for _, d := range domain {
		at, to := d.low.box.Lo(), d.high.box.Hi()
		for i < len(pieces) && pieces[i].Box.Hi() <= at {
			i++
		}
		for at < to {
			next := to
			if i < len(pieces) {
				next = min(to, pieces[i].Box.Lo())
			}
			if at < next && !c.open(interval.New(at, next)) {
				return fmt.Errorf("it has a hole from %v to %v", at, next)
			}
			if next == to {
				break
			}
			at = pieces[i].Box.Hi()
			if at < to {
				i++
			}
		}
	}
	return nil
}

// free proves that f is not 0 at the gains of b in the domain.
func (c *checker) free(f function, b interval.Interval, domain []component) error {
	what := fmt.Sprintf("%v is not 0", f)
	for _, d := range domain {
		part := b.Intersect(interval.New(d.low.box.Lo(), d.high.box.Hi()))
		if part.IsEmpty() {
			continue
		}
		err := everywhere(part, what, func(b interval.Interval) bool {
			v := f.over(&c.lens, b)
			return v.where == outside || v.value.Sign() != 0
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// zero proves that b lies in the domain and that f is monotone there and changes
// its sign.
func (c *checker) zero(f function, b interval.Interval) (crossing, error) {
	x, l, h, err := c.monotone(f, b)
	if err == nil && (l != -x.direction || h != x.direction) {
		err = fmt.Errorf("%v is not found to change its sign", f)
	}
	return x, err
}

// monotone proves that b lies in the domain and that f is monotone there, and
// returns the signs of f at its ends. Undecided ones are an error.
func (c *checker) monotone(f function, b interval.Interval) (x crossing, l, h int, err error) {
	if !b.IsBounded() {
		return x, 0, 0, fmt.Errorf("it is not bounded")
	}
	if err := c.wholly(b); err != nil {
		return x, 0, 0, err
	}
	direction := 0
	err = everywhere(b, fmt.Sprintf("%v is monotone", f), func(b interval.Interval) bool {
		v := f.over(&c.lens, b)
		s := v.slope.Sign()
		if v.where != inside || s == 0 || s == -direction {
			return false
		}
		direction = s
		return true
	})
	if err != nil {
		return x, 0, 0, err
	}
	l, ok := f.sign(&c.lens, b.Lo())
	h, ok2 := f.sign(&c.lens, b.Hi())
	if !ok || !ok2 {
		return x, 0, 0, fmt.Errorf("the sign of %v at the ends is not found", f)
	}
	return crossing{f, b, direction}, l, h, nil
}

// known refuses an Unknown piece that is not among the unresolved boxes.
func (c *checker) known(b interval.Interval) error {
	if !c.open(b) {
		return fmt.Errorf("it is not in the unresolved boxes")
	}
	return nil
}

// open reports whether b lies in the union of the unresolved boxes, which
// ascend.
func (c *checker) open(b interval.Interval) bool {
	at := b.Lo()
	for _, u := range c.unresolved {
		if u.Lo() > at {
			return false
		}
		if at = math.Max(at, u.Hi()); at >= b.Hi() {
			return true
		}
	}
	return false
}
