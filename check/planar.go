package check

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// The letters of a cover.
const (
	letterOutside  = 'o' // no gain stabilises all tasks as their inner steps see them
	letterSteep    = 'c' // no gain of it is in the domain
	letterUnstable = 's' // the same
	letterAfar     = 'a' // no gain lies in the region
	letterHigh     = 'l' // h > Level
	letterSlope    = 'g' // ∇h ≠ 0
	letterSaddle   = 'n' // ∇²h has a direction of negative curvature
	letterRegular  = 'j' // one map: det F′ ≠ 0 and F ≠ W*
	letterCorner   = 'v' // it lies in a strip
	letterMeets    = 'm' // no stationary point but the minimiser's
	letterUnknown  = '?' // nothing
	letterFirst    = 'x' // cut in the middle of k₁
	letterSecond   = 'y' // cut in the middle of k₂
)

// leafEvaluations bounds the boxes that one leaf may be cut into, and borderEvaluations
// those spent on a bound of h beside the border that is sharper than the letter needs.
const (
	leafEvaluations   = 20_000
	borderEvaluations = 500
)

// A planarChecker verifies a planar certificate.
type planarChecker struct {
	p      *planarProblem
	l      *certificate.Planar
	minima []planarMinimum
	strips []*planarChecker // in the charts of other tasks
	border float64          // of a strip's leaves
}

// A planarMinimum is a verified one: k holds it, in 256 bits.
type planarMinimum struct {
	box    square
	k      [2]fine
	value  fine
	inside bool // its gain is proved to lie in the region
}

// A leaf of the tree; meets is the minimiser of an m.
type leaf struct {
	box    square
	letter byte
	meets  int
}

// checkPlanar verifies a certificate about two gains.
func checkPlanar(f *family.Family, l *certificate.Planar) (string, error) {
	if d, r := f.States(), f.Inputs(); d != 2 || r != 1 {
		return "", fmt.Errorf("it is about two states and one input; the family has %d and %d", d, r)
	}
	if math.IsNaN(l.Level) || math.IsInf(l.Level, 0) {
		return "", fmt.Errorf("the level is %v", l.Level)
	}
	if l.Region != nil && (len(l.Region) != 2 || l.Region.IsEmpty()) {
		return "", fmt.Errorf("the region %v is no box of two gains", l.Region)
	}
	p, err := newPlanarProblem(f, 0)
	if err != nil {
		return "", err
	}
	if l.OneMap && p.oneMap != nil {
		return "", fmt.Errorf("that the family comes to one map is wrong: %w", p.oneMap)
	}
	c := &planarChecker{p: p, l: l}
	side := interval.New(-1, 1)
	leaves, err := c.tree(l.Cover, [2]interval.Interval{side, side}, false)
	if err != nil {
		return "", err
	}
	for i := range l.Strips {
		if err := c.strip(f, &l.Strips[i]); err != nil {
			return "", fmt.Errorf("strip %d: %w", i+1, err)
		}
	}
	if err := c.allMinima(); err != nil {
		return "", err
	}
	// What does not follow even if all leaves are what they say need not be looked at.
	if err := c.conclude(leaves, math.Inf(1)); err != nil {
		return "", err
	}
	border, err := c.leaves(leaves)
	if err != nil {
		return "", err
	}
	for _, s := range c.strips {
		border = min(border, s.border)
	}
	if err := c.conclude(leaves, border); err != nil {
		return "", err
	}
	return c.claim(), nil
}

// strip verifies that no minimiser with h ≤ Level is near the corner (0, −1) of a
// task's triangle: an edge of its own chart.
func (c *planarChecker) strip(f *family.Family, s *certificate.PlanarStrip) error {
	if s.Task < 0 || s.Task >= len(f.Tasks) {
		return fmt.Errorf("task %d is not there", s.Task)
	}
	if !(s.Width > 0 && s.Width <= 2) || !(s.Width-1 > -1) {
		return fmt.Errorf("its width is %v", s.Width)
	}
	p, err := newPlanarProblem(f, s.Task)
	if err != nil {
		return err
	}
	in := &planarChecker{p: p, l: c.l}
	leaves, err := in.tree(s.Cover, [2]interval.Interval{interval.New(-1, 1), interval.New(-1, s.Width-1)}, true)
	if err != nil {
		return err
	}
	if in.border, err = in.leaves(leaves); err != nil {
		return err
	}
	for i := range leaves {
		if leaves[i].letter == letterAfar {
			in.border = min(in.border, p.optimum.low())
		}
	}
	c.strips = append(c.strips, in)
	return nil
}

// inStrip reports whether the gains of a square that stabilise all tasks lie in a
// strip.
func (c *planarChecker) inStrip(s *square) bool {
	for _, x := range c.l.Strips {
		if s.ranges(&c.p.tasks[x.Task].near.pg).δ.Hi() <= x.Width-1 {
			return true
		}
	}
	return false
}

// tree reads a cover of a rectangle: depth first, the lower half first, halves of a
// box meeting in its middle.
func (c *planarChecker) tree(cover string, of [2]interval.Interval, strip bool) ([]leaf, error) {
	stack := []square{squareOf(of)}
	var leaves []leaf
	meets, left := c.l.Meets, 0
	if strip {
		meets, left = nil, c.l.Left
	}
	for i := range len(cover) {
		if len(stack) == 0 {
			return nil, fmt.Errorf("the cover goes on after its last box, at letter %d", i+1)
		}
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		letter := cover[i]
		x := leaf{box: s, letter: letter}
		if strip && strings.IndexByte("mv?", letter) >= 0 {
			return nil, fmt.Errorf("the letter %q has no place there", letter)
		}
		switch letter {
		case letterFirst, letterSecond:
			axis := 0
			if letter == letterSecond {
				axis = 1
			}
			if m := s.c[axis]; !(s.b[axis].Lo() < m && m < s.b[axis].Hi()) {
				return nil, fmt.Errorf("the box k₁ ∈ %v, k₂ ∈ %v cannot be cut", s.b[0], s.b[1])
			}
			lower, upper := s.halves(axis)
			stack = append(stack, upper, lower)
			continue
		case letterMeets:
			if len(meets) == 0 {
				return nil, fmt.Errorf("the cover has more boxes that meet a minimiser than are named")
			}
			x.meets, meets = meets[0], meets[1:]
			if x.meets < 0 || x.meets >= len(c.l.Minima) {
				return nil, fmt.Errorf("minimiser %d is not there", x.meets)
			}
		case letterRegular:
			if !c.l.OneMap {
				return nil, fmt.Errorf("the letter %q is for families that come to one map", letter)
			}
		case letterAfar:
			if c.l.Region == nil {
				return nil, fmt.Errorf("the letter %q is for claims about a region", letter)
			}
		case letterUnknown:
			left++
		case letterCorner:
			if len(c.l.Strips) == 0 {
				return nil, fmt.Errorf("there is no strip")
			}
		case letterOutside, letterSteep, letterUnstable, letterHigh, letterSlope, letterSaddle:
		default:
			return nil, fmt.Errorf("the letter %q of the cover is none", letter)
		}
		leaves = append(leaves, x)
	}
	switch {
	case len(stack) > 0:
		return nil, fmt.Errorf("the cover ends with %s left out", number(len(stack), "box", "boxes"))
	case len(meets) > 0:
		return nil, fmt.Errorf("minimisers are named for %d more boxes than the cover has", len(meets))
	case left != c.l.Left:
		return nil, fmt.Errorf("the cover leaves %d boxes, not %d", left, c.l.Left)
	}
	return leaves, nil
}

// leaves verifies all leaves, and returns a lower bound of h at those of their
// gains in the domain that have other than gains of the domain beside them.
func (c *planarChecker) leaves(leaves []leaf) (border float64, err error) {
	const chunk = 64
	chunks := (len(leaves) + chunk - 1) / chunk
	lowers, errs := make([]float64, chunks), make([]error, chunks)
	next := make(chan int)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := range next {
				lowers[n] = math.Inf(1)
				for i := n * chunk; i < min(len(leaves), (n+1)*chunk); i++ {
					lower, err := c.leaf(&leaves[i])
					if err != nil {
						errs[n] = err
						break
					}
					lowers[n] = min(lowers[n], lower)
				}
			}
		})
	}
	for n := range chunks {
		next <- n
	}
	close(next)
	all.Wait()
	border = math.Inf(1)
	for n := range chunks {
		if errs[n] != nil {
			return 0, errs[n] // the first one in the order of the cover
		}
		border = min(border, lowers[n])
	}
	return border, nil
}

// leaf verifies one leaf.
func (c *planarChecker) leaf(x *leaf) (border float64, err error) {
	if x.letter == letterUnknown {
		return math.Inf(1), nil
	}
	whole := x.box
	if x.letter == letterMeets {
		// The minimiser is the only stationary point, and the least value, of a convex
		// set on which h, or with the Gauss–Newton rule what continues it across the
		// border of stability, is strictly convex.
		m := &c.minima[x.meets].box
		whole = squareOf([2]interval.Interval{whole.b[0].Hull(m.b[0]), whole.b[1].Hull(m.b[1])})
	}
	if border, err = c.cut(x.letter, whole); err != nil {
		err = fmt.Errorf("box k₁ ∈ %v, k₂ ∈ %v: %w", x.box.b[0], x.box.b[1], err)
	}
	return border, err
}

// cut verifies that a letter holds on s, by cutting it where need be.
func (c *planarChecker) cut(letter byte, s square) (border float64, err error) {
	border = math.Inf(1)
	stack := []square{s}
	for n := 0; len(stack) > 0; n++ {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		ok, lower, axis := c.holds(letter, &s)
		// Beside the border a sharper bound of h may be needed than the letter is.
		if ok && (lower >= c.l.Infimum.Lo() || n >= borderEvaluations) {
			border = min(border, lower)
			continue
		}
		m := s.c[axis]
		if n >= leafEvaluations || !(s.b[axis].Lo() < m && m < s.b[axis].Hi()) {
			return border, fmt.Errorf("%q is not found to hold on k₁ ∈ %v, k₂ ∈ %v", letter, s.b[0], s.b[1])
		}
		lower2, upper2 := s.halves(axis)
		stack = append(stack, upper2, lower2)
	}
	return border, nil
}

// holds reports whether a square is shown to be what its letter says, or anything
// else that keeps minimisers with h ≤ Level out of it; a lower bound of h, if it
// touches the border of the domain or h is high there; and which axis to cut.
func (c *planarChecker) holds(letter byte, s *square) (ok bool, lower float64, axis int) {
	p := c.p
	lower = math.Inf(1)
	if s.r[1] > s.r[0] {
		axis = 1
	}
	var h *form
	switch letter {
	case letterAfar:
		w := p.gains(s)
		if w[0].round().Disjoint(c.l.Region[0]) || w[1].round().Disjoint(c.l.Region[1]) {
			return true, lower, axis
		}
	case letterCorner:
		if c.inStrip(s) {
			return true, lower, axis
		}
	case letterMeets:
		for _, deg := range [2]int{usualOrder, formOrder} {
			if h = p.closedH(s, deg); h == nil {
				return false, lower, axis
			}
			if convex(h) {
				return true, lower, axis
			}
			axis = wavier(h, axis)
		}
		return false, lower, axis
	case letterSlope, letterSaddle:
		// Quicker where these hold well inside the domain.
		h = p.closedH(s, usualOrder)
		ok = h != nil && (letter == letterSlope && steep(h) || letter == letterSaddle && saddle(h))
	case letterRegular:
		ok = p.oneMap == nil && p.regular(s)
	}
	if ok && (p.rule != family.RuleGaussNewton || p.still) {
		return true, lower, axis // h → ∞ at the border of the domain
	}
	v := p.look(s, usualOrder)
	switch {
	case v.outside:
		return true, lower, axis
	case v.least > c.l.Level:
		return true, v.least, axis
	}
	axis = v.axis
	if !ok {
		if h == nil {
			h = p.closedH(s, usualOrder)
		}
		if h == nil {
			return false, lower, axis
		}
		axis = wavier(h, axis)
		if h.over[0].Lo() > c.l.Level {
			return true, h.over[0].Lo(), axis
		}
		ok = letter != letterSlope && steep(h) || letter != letterSaddle && saddle(h) ||
			letter != letterRegular && p.oneMap == nil && p.regular(s)
	}
	if ok && v.touches {
		lower = v.least
		if h != nil {
			lower = max(lower, h.over[0].Lo())
		}
	}
	return ok, lower, axis
}

// wavier is the coordinate along which the higher terms of h vary more.
func wavier(h *form, otherwise int) int {
	var s [2]float64
	for n := 3; n <= h.deg; n++ {
		for j := range n + 1 {
			c := h.at[n*(n+1)/2+j].Mag()
			s[0] += float64(n-j) * c
			s[1] += float64(j) * c
		}
	}
	switch {
	case s[0] > 2*s[1]:
		return 0
	case s[1] > 2*s[0]:
		return 1
	}
	return otherwise
}

// gains encloses W over a square.
func (p *planarProblem) gains(s *square) [2]fine {
	return p.gain([2]fine{widen(s.b[0]), widen(s.b[1])})
}

// regular reports whether det F′ ≠ 0 and F ≠ W* over a square: with one map F,
// ∇h = (F′)ᵀ∇C̃(F) is 0 nowhere in the domain then.
func (p *planarProblem) regular(s *square) bool {
	return p.regularAt(s, usualOrder) || p.regularAt(s, formOrder)
}

func (p *planarProblem) regularAt(s *square, deg int) bool {
	t := p.tasks[0]
	touched := untouched
	if p.rule == family.RuleGaussNewton {
		touched = everyEdge
	}
	l := land(&t.near, s.coordinates(deg), touched, p.still)
	if l.τ.bad || l.δ.bad || !l.whole {
		return false
	}
	d := func(f *form, axis int) *form { // ∂f, one order lower
		var m mixture
		m.mix(f, 1, 1-axis, axis)
		return &form{deg: m.deg, at: m.at, over: m.over}
	}
	det := d(l.τ, 0).mul(d(l.δ, 1)).sub(d(l.τ, 1).mul(d(l.δ, 0))).tight()
	if det.bad || det.over[0].Sign() == 0 {
		return false
	}
	off := [2]*form{l.τ.plus(t.f.opt[0].round().Neg()), l.δ.plus(t.f.opt[1].round().Neg())}
	a, b := off[0].at[1].Mid(), off[0].at[2].Mid()
	c, e := off[1].at[1].Mid(), off[1].at[2].Mid()
	for _, r := range [7][2]float64{{1, 0}, {0, 1}, {1, -1}, {1, 1}, {e, -b}, {-c, a}, {off[0].at[0].Mid(), off[1].at[0].Mid()}} {
		n := math.Max(math.Abs(r[0]), math.Abs(r[1]))
		if !(n > 0) || math.IsInf(n, 0) {
			continue
		}
		var m mixture
		m.mix(off[0], r[0]/n, 0, 0)
		m.mix(off[1], r[1]/n, 0, 0)
		if m.bound().Sign() != 0 {
			return true
		}
	}
	return false
}

// exact is h and its gradient in k, in 256 bits.
func (p *planarProblem) exact(k [2]fine) *dual {
	x := [2]*dual{
		{k[0], [2]fine{exactly(1), exactly(0)}},
		{k[1], [2]fine{exactly(0), exactly(1)}},
	}
	touched := untouched
	if p.rule == family.RuleGaussNewton && !p.still {
		touched = everyEdge
	}
	var h *dual
	for _, t := range p.tasks {
		y := value(&t.fine, x, touched, p.still)
		if h == nil {
			h = y
		} else {
			h = h.add(y)
		}
	}
	return h
}

// allMinima verifies the list of minimisers.
func (c *planarChecker) allMinima() error {
	for i := range c.l.Minima {
		m := &c.l.Minima[i]
		if err := c.minimum(m); err != nil {
			return fmt.Errorf("minimiser %d: %w", i+1, err)
		}
		for j := range i {
			if o := &c.l.Minima[j]; !o.Chart[0].Disjoint(m.Chart[0]) && !o.Chart[1].Disjoint(m.Chart[1]) {
				return fmt.Errorf("minimisers %d and %d are not shown to be two", j+1, i+1)
			}
		}
	}
	return nil
}

// minimum verifies one: that ∇h has exactly one zero in its box, ∇²h being positive
// definite there, by Krawczyk's operator with the gradient in 256 bits; and what is
// said of it. In t ∈ [−1, 1]², k = c + rt, with G the gradient at the centre, H an
// enclosure of the Hessian over the box and any Y,
//
//	K = −YG + (I − YH) [−1, 1]²  holds every zero, and one if it lies inside.
func (c *planarChecker) minimum(m *certificate.PlanarMinimum) error {
	if len(m.Chart) != 2 || !(m.Chart[0].Lo() > -1 && m.Chart[0].Hi() < 1 && m.Chart[1].Lo() > -1 && m.Chart[1].Hi() < 1) ||
		m.Chart.IsEmpty() || m.Chart[0].IsPoint() || m.Chart[1].IsPoint() {
		return fmt.Errorf("its box %v is no box inside the chart", m.Chart)
	}
	s := squareOf([2]interval.Interval{m.Chart[0], m.Chart[1]})
	if _, err := c.cut(letterMeets, s); err != nil {
		return fmt.Errorf("∇²h is not found to be positive definite: %w", err)
	}
	k, ok := c.p.stationary(&s)
	if !ok {
		return fmt.Errorf("no stationary point is found in k₁ ∈ %v, k₂ ∈ %v", m.Chart[0], m.Chart[1])
	}
	v := planarMinimum{box: s, k: k}
	if m.Optimal {
		if !c.l.OneMap {
			return fmt.Errorf("it is said to adapt to the optimum of one task, and there are several")
		}
		if !c.arrives(&s) {
			return fmt.Errorf("that it adapts to the optimum is not found")
		}
		v.value = c.p.optimum
	} else {
		v.value = c.p.value(k)
	}
	w := c.p.gain(k)
	v.inside = c.l.Region == nil || w[0].within(c.l.Region[0]) && w[1].within(c.l.Region[1])
	c.minima = append(c.minima, v)
	if !m.Listed {
		if m.Gain != nil || m.Value != (interval.Interval{}) {
			return fmt.Errorf("it is not in the list, but something is said of it")
		}
		if c.l.Region == nil || !w[0].round().Disjoint(c.l.Region[0]) && !w[1].round().Disjoint(c.l.Region[1]) {
			return fmt.Errorf("it belongs in the list")
		}
		return nil
	}
	if len(m.Gain) != 2 || !w[0].within(m.Gain[0]) || !w[1].within(m.Gain[1]) {
		return fmt.Errorf("its gain lies in %v × %v, which %v does not hold", w[0].round(), w[1].round(), m.Gain)
	}
	if c.l.Region != nil && m.Gain.Intersect(c.l.Region).IsEmpty() {
		return fmt.Errorf("it is in the list, and its gain in %v lies outside the region %v", m.Gain, c.l.Region)
	}
	if !v.value.within(m.Value) {
		return fmt.Errorf("h lies in %v, which %v does not hold", v.value.round(), m.Value)
	}
	return nil
}

// stationary encloses a zero of ∇h in s by 256-bit numbers, around the point where
// Newton's steps lead.
func (p *planarProblem) stationary(s *square) (k [2]fine, exists bool) {
	near := *s
	found := false
	for range 12 {
		h := p.h(&near, 2)
		if h == nil {
			return k, false
		}
		g := p.exact([2]fine{exactly(near.c[0]), exactly(near.c[1])}).d
		next, ok := contract(&near, [2]fine{g[0].times(near.r[0]), g[1].times(near.r[1])}, [2][2]interval.Interval{
			{h.over[3].Scale(2), h.over[4]},
			{h.over[4], h.over[5].Scale(2)},
		})
		if ok && next[0].within(s.b[0]) && next[1].within(s.b[1]) {
			k, found = next, true
			b := [2]interval.Interval{k[0].round(), k[1].round()}
			if !(b[0].Width() < 0.5*near.b[0].Width() || b[1].Width() < 0.5*near.b[1].Width()) {
				return k, true
			}
			near = squareOf(b)
			if near.r[0] == 0 || near.r[1] == 0 {
				return k, true
			}
			continue
		}
		if found {
			return k, true
		}
		// Smaller, about where the middle of h's Hessian leads.
		a, b, d := 2*h.at[3].Mid(), h.at[4].Mid(), 2*h.at[5].Mid()
		det := a*d - b*b
		x, y := g[0].round().Mid()*near.r[0], g[1].round().Mid()*near.r[1]
		c := [2]float64{near.c[0] - near.r[0]*(d*x-b*y)/det, near.c[1] - near.r[1]*(a*y-b*x)/det}
		for i := range c {
			r := max(near.r[i]*0x1p-6, 0x1p-51)
			if !(math.Abs(c[i]) < 1) {
				return k, false
			}
			near.b[i] = interval.New(c[i]-r, c[i]+r).Intersect(s.b[i])
			if near.b[i].IsEmpty() {
				return k, false
			}
		}
		near = squareOf(near.b)
	}
	return k, found
}

// value encloses h at a point of k: by that in the middle, and the gradient over k.
func (p *planarProblem) value(k [2]fine) fine {
	mid := [2]fine{k[0].mid(), k[1].mid()}
	y, over := p.exact(mid), p.exact(k)
	return y.v.add(over.d[0].mul(k[0].sub(mid[0]))).add(over.d[1].mul(k[1].sub(mid[1])))
}

// contract is Krawczyk's operator in t for a function with the value g at t = 0
// and the Jacobian jac.
func contract(s *square, g [2]fine, jac [2][2]interval.Interval) (k [2]fine, ok bool) {
	a, b, c, d := jac[0][0].Mid(), jac[0][1].Mid(), jac[1][0].Mid(), jac[1][1].Mid()
	det := a*d - b*c
	y := [2][2]float64{{d / det, -b / det}, {-c / det, a / det}}
	ok = true
	for i := range 2 {
		if y[i][0]-y[i][0] != 0 || y[i][1]-y[i][1] != 0 {
			return k, false
		}
		move := g[0].times(y[i][0]).add(g[1].times(y[i][1])).neg()
		r := exactly(0)
		for j := range 2 {
			x := jac[0][j].Scale(-y[i][0]).Add(jac[1][j].Scale(-y[i][1]))
			if i == j {
				x = x.Add(unit)
			}
			r = r.add(exactly(clip(x.Mag())))
		}
		t := move.add(r.mul(fine{down().SetFloat64(-1), up().SetFloat64(1)}))
		k[i] = exactly(s.c[i]).add(t.times(s.r[i]))
		lo, hi := exactly(s.b[i].Lo()), exactly(s.b[i].Hi())
		ok = ok && k[i].sub(lo).sign() > 0 && hi.sub(k[i]).sign() > 0
	}
	return k, ok
}

// arrives proves that F = W* somewhere in s.
func (c *planarChecker) arrives(s *square) bool {
	t := c.p.tasks[0]
	touched := untouched
	if c.p.rule == family.RuleGaussNewton && !c.p.still {
		touched = everyEdge
	}
	over := land(&t.near, s.coordinates(2), touched, c.p.still)
	if over.τ.bad || over.δ.bad {
		return false
	}
	at := land(&t.fine, [2]*dual{
		{exactly(s.c[0]), [2]fine{exactly(1), exactly(0)}},
		{exactly(s.c[1]), [2]fine{exactly(0), exactly(1)}},
	}, touched, c.p.still)
	τ, δ := over.τ.tight(), over.δ.tight()
	_, ok := contract(s, [2]fine{at.τ.v.sub(t.f.opt[0]), at.δ.v.sub(t.f.opt[1])}, [2][2]interval.Interval{
		{τ.over[1], τ.over[2]}, {δ.over[1], δ.over[2]},
	})
	return ok
}

// conclude verifies what follows from minimisers and cover.
//
// A minimising sequence of h, bounded as the chart is, has infinitely many terms in
// one of the boxes that the leaves were cut into, and a limit there. If that is in
// the domain it is a local minimiser: a known one, or h > Level, or it is in a box
// left or outside the region. If it is not, the box touches the border.
func (c *planarChecker) conclude(leaves []leaf, border float64) error {
	l := c.l
	low, high := exactly(math.MaxFloat64), fine{}
	lower := func(y fine) {
		if y.ok() && y.lo.Cmp(low.lo) < 0 {
			low = y
		}
	}
	attained := false // some minimiser adapts to the optimum: nothing is less
	complete := l.Left == 0
	for i := range c.minima {
		v := c.minima[i].value
		if !v.ok() {
			return fmt.Errorf("h at minimiser %d is not enclosed", i+1)
		}
		lower(v)
		if !high.ok() || v.hi.Cmp(high.hi) < 0 {
			high = v
		}
		attained = attained || l.Minima[i].Optimal
	}
	if l.Witness != nil {
		y, err := c.height(l.Witness)
		if err != nil {
			return err
		}
		if !high.ok() || y.hi.Cmp(high.hi) < 0 {
			high = y
		}
	}
	// From below, apart from the minimisers.
	others := exactly(clip(border))
	near := make([][2]interval.Interval, len(c.minima))
	for j := range near {
		near[j] = [2]interval.Interval{c.minima[j].k[0].round(), c.minima[j].k[1].round()}
	}
	for i := range leaves {
		x := &leaves[i]
		switch x.letter {
		case letterUnknown, letterAfar:
			if y := c.p.optimum; y.lo.Cmp(others.lo) < 0 {
				others = y
			}
		}
		for j := range c.minima {
			m := &c.minima[j]
			in := true
			for a := range 2 {
				in = in && near[j][a].Subset(x.box.b[a])
			}
			if !in || x.letter == letterUnknown || x.letter == letterAfar || x.letter == letterCorner || x.letter == letterMeets && x.meets == j {
				continue
			}
			if m.value.hi.Cmp(exactly(l.Level).lo) >= 0 {
				continue
			}
			return fmt.Errorf("minimiser %d lies in a box of the letter %q", j+1, x.letter)
		}
	}
	// The least minimiser, with nothing else that might come below it, is global.
	least := -1
	for i := range c.minima {
		first := complete && c.minima[i].value.hi.Cmp(others.lo) <= 0
		for j := range c.minima {
			first = first && (i == j || c.minima[i].value.hi.Cmp(c.minima[j].value.lo) <= 0)
		}
		if first {
			least = i
		}
	}
	lower(others)
	if low.lo.Cmp(c.p.optimum.lo) < 0 {
		low = c.p.optimum
	}
	if attained {
		low, high = c.p.optimum, c.p.optimum
	}
	if b := low.low(); b < l.Infimum.Lo() {
		return fmt.Errorf("inf h may be as low as %v, and is said to be in %v", b, l.Infimum)
	}
	if high.ok() && high.high() > l.Infimum.Hi() || !high.ok() && l.Infimum.Hi() < math.MaxFloat64 {
		return fmt.Errorf("inf h is not shown to be at most %v", l.Infimum.Hi())
	}
	level := exactly(l.Level)
	known := 0 // listed ones proved to be in the region, with h ≤ Level
	excess, excessLow := 0.0, 0.0
	for i := range c.minima {
		m := &l.Minima[i]
		if !m.Listed {
			continue
		}
		v := c.minima[i].value
		if c.minima[i].inside && v.hi.Cmp(level.lo) <= 0 {
			known++
			if d := v.sub(high); d.lo.Sign() > 0 {
				excessLow = max(excessLow, d.low())
			}
		}
		if !m.Optimal && i != least && v.lo.Cmp(level.hi) <= 0 {
			excess = max(excess, v.sub(low).high())
		}
	}
	if !complete {
		excess = max(excess, level.sub(low).high())
	}
	return follows(l.Verdict, l.Epsilon, l.EpsilonLow, excess, excessLow, complete, known > 0)
}

// height is h at a point of the chart, which is shown to be in the domain.
func (c *planarChecker) height(at []float64) (fine, error) {
	if len(at) != 2 || !(math.Abs(at[0]) < 1 && math.Abs(at[1]) < 1) {
		return fine{}, fmt.Errorf("the witness %v is no point of the chart", at)
	}
	k := [2]interval.Interval{interval.Of(at[0]), interval.Of(at[1])}
	s := squareOf(k)
	for _, t := range c.p.tasks {
		if r := s.ranges(&t.near.pg); !t.spare && !(r.u.Positive() && r.v.Positive() && r.z.Positive()) {
			return fine{}, fmt.Errorf("the witness %v is not found to be in the domain", at)
		}
	}
	y := c.p.exact([2]fine{exactly(at[0]), exactly(at[1])}).v
	if !y.ok() {
		return fine{}, fmt.Errorf("the witness %v is not found to be in the domain", at)
	}
	return y, nil
}

// claim says what was proved.
func (c *planarChecker) claim() string {
	l := c.l
	var b strings.Builder
	if l.Left > 0 {
		fmt.Fprintf(&b, "Outside %s left unresolved, ", number(l.Left, "box", "boxes"))
	}
	fmt.Fprintf(&b, "the local minimisers of h with h ≤ %s ", atLeast(l.Level))
	if l.Region != nil {
		fmt.Fprintf(&b, "in %v × %v ", l.Region[0], l.Region[1])
	}
	var at []string
	above := false // one listed has h > Level
	for i := range l.Minima {
		if m := &l.Minima[i]; m.Listed {
			above = above || m.Value.Lo() > l.Level
			at = append(at, fmt.Sprintf("(%s, %s) with h %s", digits(m.Gain[0]), digits(m.Gain[1]), enclosed(m.Value)))
		}
	}
	if len(at) == 0 {
		b.WriteString("are none")
	} else {
		fmt.Fprintf(&b, "are among %s: %s", number(len(at), "strict local minimiser", "strict local minimisers"), strings.Join(at, ", "))
	}
	switch l.Verdict {
	case certificate.Global:
		b.WriteString("; each ")
		if above {
			fmt.Fprintf(&b, "with h ≤ %s ", atLeast(l.Level))
		}
		b.WriteString("is global")
	case certificate.NotGlobal:
		fmt.Fprintf(&b, "; one is at least %s above inf h", atLeast(l.EpsilonLow))
	}
	if l.Infimum.Hi() < math.MaxFloat64 {
		fmt.Fprintf(&b, "; inf h %s", enclosed(l.Infimum))
	}
	if l.Epsilon != nil && l.Verdict != certificate.Global {
		fmt.Fprintf(&b, "; those with h ≤ %s are at most %s above it", atLeast(l.Level), atMost(*l.Epsilon))
	}
	return b.String()
}
