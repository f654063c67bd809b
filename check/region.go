package check

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// letterCut + k is a box that is cut in the middle of entry k of the gain.
const letterCut = '1'

// regionEvaluations bounds the boxes that one leaf may be cut into.
const regionEvaluations = 4000

// A regionChecker verifies a certificate about a box of gains.
type regionChecker struct {
	p       *gainProblem
	l       *certificate.Region
	rows    int
	optimum interval.Interval // Σ λᵢ Cᵢ*
	borders []border
}

// checkRegion verifies that the minimisers with h ≤ Level in a box of gains are those
// listed.
func checkRegion(f *family.Family, l *certificate.Region) (string, error) {
	n := f.Inputs() * f.States()
	switch {
	case !(l.Level-l.Level == 0):
		return "", fmt.Errorf("the level is %v", l.Level)
	case n > 9:
		return "", fmt.Errorf("%w: a region of gains of %d numbers", ErrUnsupported, n)
	case f.Meta.Inner.Steps < 1:
		return "", fmt.Errorf("%w: a landscape of no inner step", ErrUnsupported)
	}
	if err := gainBox(l.Box, n); err != nil {
		return "", fmt.Errorf("the region: %w", err)
	}
	p, err := newGainProblem(f, matrixeq.Matrix{Rows: f.Inputs(), Cols: f.States(), Data: l.Box.Mid()})
	if err != nil {
		return "", err
	}
	if p.definite != nil {
		return "", p.definite
	}
	if l.OneMap && p.oneMap != nil {
		return "", fmt.Errorf("that the family comes to one map is wrong: %w", p.oneMap)
	}
	c := &regionChecker{p: p, l: l, rows: f.Inputs()}
	for _, t := range p.tasks {
		c.optimum = c.optimum.Add(t.λ.Mul(t.best.cost))
	}
	for _, t := range p.tasks {
		b, err := newBorder(t, l.Level, c.optimum)
		if err != nil {
			return "", fmt.Errorf("task %q: %w", t.name, err)
		}
		c.borders = append(c.borders, b)
	}
	leaves, err := c.tree()
	if err != nil {
		return "", err
	}
	// What does not follow even if all is as it is said need not be looked at.
	if err := c.conclude(); err != nil {
		return "", err
	}
	if err := c.minima(); err != nil {
		return "", err
	}
	if err := c.leaves(leaves); err != nil {
		return "", err
	}
	return c.claim(), nil
}

// gainBox reports what is wrong with a box of n entries.
func gainBox(b interval.Box, n int) error {
	if len(b) != n {
		return fmt.Errorf("it has %d entries, a gain of this family %d", len(b), n)
	}
	for _, x := range b {
		if x.IsEmpty() || !x.IsBounded() || x.IsPoint() {
			return fmt.Errorf("%v is no interval of gains", x)
		}
	}
	return nil
}

// A regionLeaf is a box of the tree; meets is the minimiser of an m.
type regionLeaf struct {
	box    interval.Box
	letter byte
	meets  int
}

// tree reads the cover: depth first, the lower half first, halves of a box meeting in
// its middle.
func (c *regionChecker) tree() ([]regionLeaf, error) {
	stack := []interval.Box{c.l.Box}
	var leaves []regionLeaf
	meets, left := c.l.Meets, 0
	for i := range len(c.l.Cover) {
		if len(stack) == 0 {
			return nil, fmt.Errorf("the cover goes on after its last box, at letter %d", i+1)
		}
		b := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x := regionLeaf{box: b, letter: c.l.Cover[i]}
		if axis := int(x.letter) - letterCut; axis >= 0 && axis < len(b) {
			if m := b[axis].Mid(); !(b[axis].Lo() < m && m < b[axis].Hi()) {
				return nil, fmt.Errorf("the box %v cannot be cut", b)
			}
			lower, upper := b.Split(axis)
			stack = append(stack, upper, lower)
			continue
		}
		switch x.letter {
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
				return nil, fmt.Errorf("the letter %q is for families that come to one map", x.letter)
			}
		case letterUnknown:
			left++
		case letterOutside, letterUnstable, letterHigh, letterSlope, letterSaddle:
		default:
			return nil, fmt.Errorf("the letter %q of the cover is none", x.letter)
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

// leaves verifies all leaves. Of those that fail the first one in the order of the cover
// is reported, and those after it need not be looked at.
func (c *regionChecker) leaves(leaves []regionLeaf) error {
	errs := make([]error, len(leaves))
	var next, failed atomic.Int64
	failed.Store(int64(len(leaves)))
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < failed.Load(); i = next.Add(1) - 1 {
				if errs[i] = c.leaf(&leaves[i]); errs[i] == nil {
					continue
				}
				for f := failed.Load(); i < f && !failed.CompareAndSwap(f, i); f = failed.Load() {
				}
			}
		})
	}
	all.Wait()
	if i := failed.Load(); i < int64(len(leaves)) {
		return errs[i]
	}
	return nil
}

// leaf verifies one leaf, cutting it where need be.
func (c *regionChecker) leaf(x *regionLeaf) error {
	if x.letter == letterUnknown {
		return nil
	}
	whole := x.box
	if x.letter == letterMeets {
		// h is strictly convex on a convex set that holds the minimiser.
		whole = make(interval.Box, len(x.box))
		for k, m := range c.l.Minima[x.meets].Gain {
			whole[k] = x.box[k].Hull(m)
		}
	}
	stack := []interval.Box{whole}
	for n := 0; len(stack) > 0; n++ {
		b := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		ok, axis := c.holds(x.letter, b)
		if ok {
			continue
		}
		if m := b[axis].Mid(); n >= regionEvaluations || !(b[axis].Lo() < m && m < b[axis].Hi()) {
			return fmt.Errorf("box %v: %q is not found to hold on %v", x.box, x.letter, b)
		}
		lower, upper := b.Split(axis)
		stack = append(stack, upper, lower)
	}
	return nil
}

// holds reports whether a box is shown to be what its letter says, or anything else that
// keeps minimisers with h ≤ Level out of it; and which entry to cut otherwise.
func (c *regionChecker) holds(letter byte, b interval.Box) (ok bool, axis int) {
	w := unflat(interval.Matrix{Rows: len(b), Cols: 1, Data: b}, c.rows)
	axis = b.Widest()
	if letter == letterOutside || letter == letterUnstable || letter == letterHigh {
		if c.away(w) {
			return true, axis
		}
	}
	over, err := c.p.expand(w)
	if err != nil {
		return letter == letterSlope && c.away(w), axis
	}
	axis = over.widest(b)
	if letter == letterMeets {
		return curved(over.hessian), axis
	}
	return over.steep() || over.saddle() || c.l.OneMap && c.p.apart(over) || over.above(c.p, c.l.Level), axis
}

// away reports whether no gain of a box is in the domain and has h ≤ Level.
func (c *regionChecker) away(w interval.Matrix) bool {
	sum := c.optimum
	for i, t := range c.p.tasks {
		if neverStable(t.seen.loop(w)) || c.borders[i].beyond(t, w) {
			return true
		}
		to, known := w, true
		for _, rule := range t.steps {
			var err error
			if to, err = t.seen.step(rule, to); err != nil {
				known = false
				break
			}
		}
		if !known {
			continue
		}
		if neverStable(t.outer.loop(to)) {
			return true
		}
		more := t.outer.atLeast(to).Sub(t.best.cost)
		if more.Positive() {
			sum = sum.Add(t.λ.Mul(more))
		}
	}
	return sum.Lo() > c.l.Level
}

// minima verifies the list.
func (c *regionChecker) minima() error {
	for i := range c.l.Minima {
		m := &c.l.Minima[i]
		fail := func(err error) error { return fmt.Errorf("minimiser %d: %w", i+1, err) }
		for j := range i {
			if !m.Gain.Intersect(c.l.Minima[j].Gain).IsEmpty() {
				return fail(fmt.Errorf("it is not shown to be another than minimiser %d", j+1))
			}
		}
		box := unflat(interval.Matrix{Rows: len(m.Gain), Cols: 1, Data: m.Gain}, c.rows)
		proof, err := c.p.isolated(box)
		if err != nil {
			return fail(err)
		}
		if err := c.p.minimum(proof); err != nil {
			return fail(err)
		}
		if m.Optimal {
			if !c.l.OneMap || !proof.optimal {
				return fail(fmt.Errorf("that it adapts to the optimum of one task is not found"))
			}
			if !c.optimum.Subset(m.Value) {
				return fail(fmt.Errorf("h lies in %v, which %v does not hold", c.optimum, m.Value))
			}
			continue
		}
		over, err := c.p.expand(box)
		if err != nil {
			return fail(err)
		}
		h, err := over.value(c.p)
		if err != nil {
			return fail(err)
		}
		if !h.Subset(m.Value) {
			return fail(fmt.Errorf("h lies in %v, which %v does not hold", h, m.Value))
		}
	}
	return nil
}

// conclude verifies what follows from the numbers stated of the minimisers, and from the
// witness. inf h, over the whole domain, is at least Σ λᵢCᵢ*, and exactly that if one
// of them adapts to the optimum.
func (c *regionChecker) conclude() error {
	l := c.l
	if !l.Infimum.IsBounded() || l.Infimum.IsEmpty() || !(l.Infimum.Lo() <= c.optimum.Lo()) {
		return fmt.Errorf("inf h is only known to be at least %v; it is said to be in %v", c.optimum.Lo(), l.Infimum)
	}
	high, optimal := math.Inf(1), true
	known, worst := 0, math.Inf(-1) // known: proved to be in the box, with h ≤ Level
	low := 0.0
	for i := range l.Minima {
		m := &l.Minima[i]
		if err := gainBox(m.Gain, len(l.Box)); err != nil {
			return fmt.Errorf("minimiser %d: %w", i+1, err)
		}
		if m.Gain.Intersect(l.Box).IsEmpty() {
			return fmt.Errorf("minimiser %d: its gain in %v lies outside the region %v", i+1, m.Gain, l.Box)
		}
		if m.Value.IsEmpty() || !m.Value.IsBounded() {
			return fmt.Errorf("h at minimiser %d is said to lie in %v", i+1, m.Value)
		}
		if high = min(high, m.Value.Hi()); m.Optimal {
			high = min(high, c.optimum.Hi())
		}
	}
	if l.Witness != nil {
		h, err := c.height(l.Witness)
		if err != nil {
			return err
		}
		high = min(high, h)
	}
	if l.Infimum.Hi() < math.MaxFloat64 && !(l.Infimum.Hi() >= high) {
		return fmt.Errorf("inf h is not shown to be at most %v", l.Infimum.Hi())
	}
	for i := range l.Minima {
		m := &l.Minima[i]
		if m.Value.Lo() <= l.Level {
			if optimal = optimal && m.Optimal; !m.Optimal {
				worst = max(worst, m.Value.Hi())
			}
		}
		if !m.Gain.Subset(l.Box) || m.Value.Hi() > l.Level {
			continue
		}
		if known++; !m.Optimal {
			low = max(low, interval.SubDown(m.Value.Lo(), l.Infimum.Hi()))
		}
	}
	if l.Left > 0 {
		worst = max(worst, l.Level)
	}
	excess := max(0, interval.SubUp(worst, l.Infimum.Lo()))
	return follows(l.Verdict, l.Epsilon, l.EpsilonLow, excess, low, l.Left == 0, known > 0 && optimal)
}

// height is at least h at a gain, which is shown to be in the domain.
func (c *regionChecker) height(w []float64) (float64, error) {
	if len(w) != len(c.l.Box) || !isFinite(matrixeq.Matrix{Data: w}) {
		return 0, fmt.Errorf("the witness %v is no gain", w)
	}
	var h interval.Interval
	for _, t := range c.p.tasks {
		r, err := t.follow(interval.FromFloats(c.rows, len(w)/c.rows, w), nil)
		if err != nil {
			return 0, fmt.Errorf("the witness %v: %w", w, err)
		}
		g, err := t.outer.gapFrom(r.end, t.best)
		if err != nil {
			return 0, fmt.Errorf("the witness %v: %w", w, err)
		}
		h = h.Add(t.λ.Mul(t.best.cost.Add(g)))
	}
	return h.Hi(), nil
}

// claim says what was proved.
func (c *regionChecker) claim() string {
	l := c.l
	var b strings.Builder
	if l.Left > 0 {
		fmt.Fprintf(&b, "Outside %s left unresolved, ", number(l.Left, "box", "boxes"))
	}
	fmt.Fprintf(&b, "the local minimisers of h with h ≤ %s in ", atLeast(l.Level))
	for k, x := range l.Box {
		if k > 0 {
			b.WriteString(" × ")
		}
		fmt.Fprint(&b, x)
	}
	var at []string
	for i := range l.Minima {
		var gain []string
		for _, x := range l.Minima[i].Gain {
			gain = append(gain, digits(x))
		}
		at = append(at, fmt.Sprintf("(%s) with h %s", strings.Join(gain, ", "), enclosed(l.Minima[i].Value)))
	}
	if len(at) == 0 {
		b.WriteString(" are none")
	} else {
		fmt.Fprintf(&b, " are among %s: %s", number(len(at), "strict local minimiser", "strict local minimisers"), strings.Join(at, ", "))
	}
	switch l.Verdict {
	case certificate.Global:
		b.WriteString("; each is global")
	case certificate.NotGlobal:
		fmt.Fprintf(&b, "; one is at least %s above inf h", atLeast(l.EpsilonLow))
	}
	if l.Infimum.Hi() < math.MaxFloat64 {
		fmt.Fprintf(&b, "; inf h over the whole domain %s", enclosed(l.Infimum))
	}
	if l.Epsilon != nil && l.Verdict != certificate.Global {
		fmt.Fprintf(&b, "; those with h ≤ %s are at most %s above it", atLeast(l.Level), atMost(*l.Epsilon))
	}
	return b.String()
}
