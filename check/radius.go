package check

import (
	"fmt"
	"math"
	"math/big"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// looks bounds the evaluations that a radius is given: of one set of tasks at the
// gains of one box.
const looks = 200_000

// The tasks are looked at in at most 2^setCuts sets: in one, where that does not do
// for a single gain in 16 times as many, and so on.
const setCuts = 12

// A radiusChecker verifies a claim about all families near a nominal task.
//
// At an adapted gain x = x_K the derivatives and the gap of a member are, with the
// letters of the package comment and z = x − W*,
//
//	h′ = ψz    ψ = s m x′/D²              C(x) − C* = s (T*/D*) z²/D = κ|ψ|z²,  κ = (T*/D*) D/(m|x′|)
//	h″ = (s/D³)(L x′² + z m D x″)
//
// and h of a family is the mean of its members'.
type radiusChecker struct {
	l      *certificate.Radius
	steps  []radiusStep
	root   *taskSet
	balls  []*taskSet // within root
	floor  float64    // no gap may be less outside the bowl; 0 where there is none
	looked int
}

// A radiusStep is an inner step of all the tasks, e that of the package comment.
type radiusStep struct {
	rule family.Rule
	e    interval.Interval
}

// checkRadius verifies a radius and says what it is.
func checkRadius(f *family.Family, l *certificate.Radius) (string, error) {
	steps, p, err := radiusOf(f)
	if err != nil {
		return "", err
	}
	if !(l.Delta > 0) || !(l.Epsilon > 0) || math.IsInf(l.Delta, 1) || math.IsInf(l.Epsilon, 1) {
		return "", fmt.Errorf("δ = %v and ε = %v: they must be positive", l.Delta, l.Epsilon)
	}
	var reach *big.Rat
	if l.Family {
		if reach, err = radiusFamily(f, p, l.Delta); err != nil {
			return "", err
		}
	}
	c := &radiusChecker{l: l, steps: steps, root: newBall(p, l.Delta)}
	if l.Bowl != nil {
		if err := c.bowl(); err != nil {
			return "", err
		}
	}
	if err := c.cover(); err != nil {
		return "", err
	}
	claim := fmt.Sprintf("Every family of tasks at most %s in |ΔA| + |ΔB| + |ΔQ| + |ΔR| from task %q, of any size and with any positive weights, has no local minimum of h more than %s above inf h",
		atLeast(l.Delta), f.Tasks[0].Name, atMost(l.Epsilon))
	if l.Family && len(f.Tasks) > 1 {
		claim += fmt.Sprintf("; the family of %s in the certificate is one, at most %s from it", number(len(f.Tasks), "task", "tasks"), atMost(fromRat(reach).high()))
	}
	return claim, nil
}

// radiusOf is the task that distances are from, and the inner steps, of a family
// whose tasks are what is claimed about.
func radiusOf(f *family.Family) ([]radiusStep, *plant, error) {
	if f.Meta.Normalize != family.NormalizeNone {
		return nil, nil, fmt.Errorf("%w: a radius of normalised costs", ErrUnsupported)
	}
	t := &f.Tasks[0]
	switch {
	case t.Inner != nil:
		return nil, nil, fmt.Errorf("%w: the radius of task %q, whose inner steps see another task", ErrUnsupported, t.Name)
	case t.Outer.SampleTime != 0:
		return nil, nil, fmt.Errorf("%w: the radius of task %q, which is sampled", ErrUnsupported, t.Name)
	}
	p, err := newPlant(t.Outer)
	if err != nil {
		return nil, nil, err
	}
	if p.b.sign() == 0 {
		return nil, nil, fmt.Errorf("task %q: B = 0, and tasks beside it are stabilised by gains of any size", t.Name)
	}
	var steps []radiusStep
	for k := range f.Meta.Inner.Steps {
		s := radiusStep{f.Meta.Inner.Rule, interval.Of(f.Meta.Inner.Rate.At(k))}
		switch s.rule {
		case family.RuleGradient:
			s.e = s.e.Mul(p.moment.round())
		case family.RuleNatural, family.RuleGaussNewton:
		default:
			return nil, nil, fmt.Errorf("%w: the inner rule %v", ErrUnsupported, s.rule)
		}
		steps = append(steps, s)
	}
	return steps, p, nil
}

// radiusFamily verifies, in rational arithmetic, that all tasks of the family are
// within δ of the first and differ in nothing else, and returns how far they are.
func radiusFamily(f *family.Family, nominal *plant, δ float64) (*big.Rat, error) {
	most := new(big.Rat)
	for i := range f.Tasks {
		t := &f.Tasks[i]
		if !(t.Weight > 0) {
			return nil, fmt.Errorf("task %q: the weight %v is not positive", t.Name, t.Weight)
		}
		if t.Inner != nil || t.Outer.SampleTime != 0 {
			return nil, fmt.Errorf("task %q is not one of those within δ: its inner steps see another, or it is sampled", t.Name)
		}
		p, err := newPlant(t.Outer)
		if err != nil {
			return nil, err
		}
		x, y := &p.stated, &nominal.stated
		if x.n != y.n || p.γ != nominal.γ || x.s.Cmp(y.s) != 0 {
			return nil, fmt.Errorf("task %q is not one of those within δ: its N, discount or initial state is not that of the nominal one", t.Name)
		}
		d := new(big.Rat)
		for _, pair := range [4][2]float64{{x.a, y.a}, {x.b, y.b}, {x.q, y.q}, {x.r, y.r}} {
			e := rat(pair[0])
			e.Sub(e, rat(pair[1]))
			d.Add(d, e.Abs(e))
		}
		if d.Cmp(most) > 0 {
			most = d
		}
		if d.Cmp(rat(δ)) > 0 {
			x, _ := d.Float64()
			return nil, fmt.Errorf("task %q is %v from the nominal one, more than δ = %v", t.Name, x, δ)
		}
	}
	return most, nil
}

// cover verifies that the pieces hold every gain that a task has in its domain, and
// each for its reason.
func (c *radiusChecker) cover() error {
	pieces := c.l.Cover
	if len(pieces) == 0 {
		return fmt.Errorf("the cover is empty")
	}
	for i, p := range pieces {
		if !(p.Box.Lo() < p.Box.Hi()) || !p.Box.IsBounded() {
			return fmt.Errorf("piece %d, %v, is not bounded or has no interior", i+1, p.Box)
		}
		if i > 0 && pieces[i-1].Box.Hi() != p.Box.Lo() {
			return fmt.Errorf("piece %d begins at %v, the one before ends at %v", i+1, p.Box.Lo(), pieces[i-1].Box.Hi())
		}
	}
	inf := math.Inf(1)
	for _, beyond := range []interval.Interval{interval.New(-inf, pieces[0].Box.Lo()), interval.New(pieces[len(pieces)-1].Box.Hi(), inf)} {
		if !c.holds(beyond, setCuts, certificate.Outside) {
			return fmt.Errorf("gains of %v, which the cover does not hold, may be in the domain of a task", beyond)
		}
	}
	for _, p := range pieces {
		if err := c.piece(p); err != nil {
			return err
		}
	}
	return nil
}

// piece verifies that the reason of a piece holds.
func (c *radiusChecker) piece(p certificate.RadiusPiece) error {
	switch p.Is {
	case certificate.Bowled:
		if c.l.Bowl == nil || !p.Box.Subset(c.l.Bowl.Box) {
			return fmt.Errorf("piece %v: it is not in the bowl", p.Box)
		}
		return nil
	case certificate.Outside, certificate.Sloping, certificate.Bending, certificate.Near, certificate.Mixed:
	default:
		return fmt.Errorf("piece %v: unknown reason %q", p.Box, p.Is)
	}
	if at, ok := c.everywhere(p.Box, func(w interval.Interval, cuts int) bool { return c.holds(w, cuts, p.Is) }); !ok {
		return fmt.Errorf("piece %v: %q is not found to hold on %v for all tasks within %v", p.Box, p.Is, at, c.l.Delta)
	}
	if at, ok := c.everywhere(p.Box, c.high); !ok {
		return fmt.Errorf("piece %v: that no gap on %v is less than at the gain %v, for all tasks within %v, is not found", p.Box, at, c.l.Bowl.At, c.l.Delta)
	}
	return nil
}

// bowl verifies that all gains of the bowl are in the domain of all tasks, and h″ > 0
// there for all of them: a local minimiser of a mean is its least point on the bowl.
// It finds the largest gap at one of its gains. Where no gap is less elsewhere, that
// point is a global minimiser.
func (c *radiusChecker) bowl() error {
	b := c.l.Bowl
	if !(b.Box.Lo() < b.Box.Hi()) || !b.Box.IsBounded() || !b.Box.Contains(b.At) {
		return fmt.Errorf("the bowl %v has no interior, is not bounded or does not hold the gain %v", b.Box, b.At)
	}
	at, ok := c.everywhere(b.Box, func(w interval.Interval, cuts int) bool {
		return c.all(c.root, w, cuts, func(s *sight) bool { return s.bend().Positive() })
	})
	if !ok {
		return fmt.Errorf("the bowl %v: that h is finite and convex on %v, for all tasks within %v, is not found", b.Box, at, c.l.Delta)
	}
	w := interval.Of(b.At)
	off := c.offsets(w)
	ok = c.all(c.root, w, setCuts, func(s *sight) bool {
		s.off.all = narrow(s.off.all, off)
		gap := s.gap().Hi()
		if s.t.cuts < 8 || !(gap < math.Inf(1)) {
			return false
		}
		c.floor = max(c.floor, gap)
		return true
	})
	if !ok || c.floor == 0 {
		return fmt.Errorf("the bowl %v: no bound of the gaps at %v is found", b.Box, b.At)
	}
	return nil
}

// all reports whether test passes for all tasks of a set, and all gains of w are in
// their domains.
func (c *radiusChecker) all(t *taskSet, w interval.Interval, cuts int, test func(*sight) bool) bool {
	if c.looked++; c.looked > looks {
		return false
	}
	if t.known {
		if s, inside := t.look(c.steps, w, true); inside && s.whole && test(&s) {
			return true
		}
	}
	if cuts == 0 {
		return false
	}
	for _, half := range t.halves() {
		if !c.all(half, w, cuts-1, test) {
			return false
		}
	}
	return true
}

// high reports whether no gap at the gains of w is less than the floor.
func (c *radiusChecker) high(w interval.Interval, cuts int) bool {
	return c.floor == 0 || c.each(c.root, w, c.offsets(w), cuts, false, func(s *sight) bool { return s.gap().Lo() >= c.floor })
}

// everywhere cuts a box until a property is found to hold in each part, of the tasks
// cut into 2^cuts sets; else it returns a part where it was not found.
func (c *radiusChecker) everywhere(box interval.Interval, holds func(w interval.Interval, cuts int) bool) (interval.Interval, bool) {
	type part struct {
		box  interval.Interval
		cuts int
	}
	stack := []part{{box, 0}}
	for len(stack) > 0 {
		x := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if holds(x.box, x.cuts) {
			continue
		}
		m := cut(x.box)
		fails := !(x.box.Lo() < m && m < x.box.Hi())
		// Of the middle, which stays in a part: are the tasks too many at a time?
		for !fails && !holds(interval.Of(m), x.cuts) {
			x.cuts += 4
			fails = x.cuts > setCuts || c.looked > looks
		}
		if fails {
			return x.box, false
		}
		stack = append(stack, part{interval.New(m, x.box.Hi()), x.cuts}, part{interval.New(x.box.Lo(), m), x.cuts})
	}
	return box, true
}

// holds reports whether a reason is found to hold at the gains of w, the tasks cut
// into at most 2^cuts sets.
func (c *radiusChecker) holds(w interval.Interval, cuts int, why certificate.RadiusReason) bool {
	switch why {
	case certificate.Outside:
		return c.each(c.root, w, interval.Entire(), cuts, false, func(*sight) bool { return false })
	case certificate.Sloping:
		sign := 0
		return c.each(c.root, w, interval.Entire(), cuts, false, func(s *sight) bool {
			is := s.off.all.Sign() * s.turn.all.Sign()
			if is == 0 || is == -sign {
				return false
			}
			sign = is
			return true
		})
	case certificate.Bending:
		return c.each(c.root, w, interval.Entire(), cuts, true, func(s *sight) bool { return s.bend().Negative() })
	}
	// The gap and the mixture bound the same, and which is found where depends on
	// the enclosures.
	off := interval.Entire()
	if cuts > 0 {
		off = c.offsets(w)
	}
	if c.each(c.root, w, off, cuts, false, func(s *sight) bool { return s.gap().Hi() <= c.l.Epsilon }) {
		return true
	}
	m := mingled{off: interval.Empty(), turn: interval.Empty()}
	if !m.gather(c, c.root, w, cuts) {
		return false
	}
	m.off = m.off.Intersect(off)
	return m.below(c.l.Epsilon)
}

// offsets encloses z of all tasks at the gains of w; everything where z is not
// smooth. With Δ from the centre to a gain and a task,
//
//	z = z(centre) + ∫₀¹ ∇z(centre + sΔ)·Δ ds,
//
// where sΔ is of a task within sδ of the nominal one: the derivatives in the k-th of
// the parts of the integral are those over a ball of k/parts δ.
func (c *radiusChecker) offsets(w interval.Interval) interval.Interval {
	var z interval.Interval
	for k, t := range c.shells() {
		c.looked++
		if !t.known || !w.Subset(t.stable) {
			return interval.Entire()
		}
		s, inside := t.look(c.steps, w, false)
		if !inside || !s.off.smooth {
			return interval.Entire()
		}
		most := 0.0
		for _, y := range s.off.by[1:] {
			most = max(most, y.Mag())
		}
		r := interval.MulUp(c.l.Delta, most)
		if !(r < math.Inf(1)) {
			return interval.Entire()
		}
		if k == 0 {
			z = s.off.at
		}
		z = z.Add(s.off.by[0].Mul(s.f.gain).Add(interval.New(-r, r)).Scale(1.0 / parts))
	}
	return z
}

// parts is a power of two.
const parts = 8

// shells are the balls of k/parts δ about the nominal task.
func (c *radiusChecker) shells() []*taskSet {
	if c.balls == nil {
		for k := 1; k < parts; k++ {
			c.balls = append(c.balls, newBall(c.root.nominal, interval.MulUp(c.l.Delta, float64(k)/parts)))
		}
		c.balls = append(c.balls, c.root)
	}
	return c.balls
}

// each reports whether test passes for all tasks of a set that have gains of w in
// their domain, the set cut where it does not pass for all of it at once. All z are
// known to be within an interval.
func (c *radiusChecker) each(t *taskSet, w, within interval.Interval, cuts int, curved bool, test func(*sight) bool) bool {
	if c.looked++; c.looked > looks {
		return false
	}
	if t.known {
		s, inside := t.look(c.steps, w, curved)
		if !inside {
			return true
		}
		s.off.all = narrow(s.off.all, within)
		if test(&s) {
			return true
		}
	}
	if cuts == 0 {
		return false
	}
	for _, half := range t.halves() {
		if !c.each(half, w, within, cuts-1, curved, test) {
			return false
		}
	}
	return true
}

// A mingled gathers, of the tasks that have gains of a box in their domain, z, x′,
// and bounds of |ψ| and κ. At a stationary point of h, Σ μᵢzᵢ = 0 with μᵢ = λᵢ|ψᵢ| if
// all ψ have one sign. For z in [z₋, z₊] then 0 ≤ Σ μᵢ(zᵢ − z₋)(z₊ − zᵢ) =
// −Σ μᵢzᵢ² − z₋z₊ Σ μᵢ, and the mean of the gaps is
//
//	Σ μᵢκᵢzᵢ² ≤ max κ · (−z₋z₊) · Σ μᵢ ≤ max κ · max |ψ| · (−z₋z₊)
type mingled struct {
	off, turn interval.Interval
	ψ, κ      float64
}

// gather reports whether the bounds are finite.
func (m *mingled) gather(c *radiusChecker, t *taskSet, w interval.Interval, depth int) bool {
	if c.looked++; c.looked > looks {
		return false
	}
	if depth > 0 {
		for _, half := range t.halves() {
			if !m.gather(c, half, w, depth-1) {
				return false
			}
		}
		return true
	}
	if !t.known {
		return false
	}
	s, inside := t.look(c.steps, w, false)
	if !inside {
		return true
	}
	m.off, m.turn = m.off.Hull(s.off.all), m.turn.Hull(s.turn.all)
	if !s.d.all.Positive() || m.turn.Sign() == 0 {
		return false
	}
	ψ := s.f.mul(s.f.mul(t.s, s.m), s.turn)
	ψ = s.f.div(ψ, s.f.sqr(s.d))
	κ := s.f.div(s.f.mul(t.steep, s.d), s.f.mul(s.m, s.turn))
	m.ψ, m.κ = max(m.ψ, ψ.all.Mag()), max(m.κ, κ.all.Mag())
	return m.ψ < math.Inf(1) && m.κ < math.Inf(1)
}

func (m *mingled) below(ε float64) bool {
	if m.off.IsEmpty() || m.off.Sign() != 0 {
		return true
	}
	pair := interval.MulUp(-m.off.Lo(), m.off.Hi())
	return interval.MulUp(interval.MulUp(m.κ, m.ψ), pair) <= ε
}
