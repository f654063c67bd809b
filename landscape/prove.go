package landscape

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A Landscape is what is known of a meta-objective with one scalar gain. Every
// interval is an enclosure.
type Landscape struct {
	Domain     []Component
	Stationary []Stationary        // ascending
	Unresolved []interval.Interval // where a stationary point or an end of the domain may hide
	Infimum    interval.Interval   // of h over its domain
	LowerBound interval.Interval   // Σ λᵢ Cᵢ*, which h need not attain

	// Every local minimum lies at most Epsilon.Hi() above inf h, and one at
	// least Epsilon.Lo(); Hi is +Inf where that is not known.
	Epsilon interval.Interval
	Verdict certificate.Verdict
	OneMap  bool // the family comes to one task, whose optima have one value

	Singular []Singular
	Boxes    int  // examined
	Spent    bool // the budget ran out

	family string
	proof  certificate.Landscape
}

// A Component is a maximal interval of the domain, its ends enclosed.
type Component struct {
	Low, High interval.Interval
	// LowBorder and HighBorder are enclosures of h at an end towards which it
	// falls without a minimum, as it may at the border of stability with the
	// Gauss–Newton rule; nil at an end where it rises.
	LowBorder, HighBorder *interval.Interval
}

// A Stationary point: h′ has exactly one zero in Gain.
type Stationary struct {
	Gain    interval.Interval
	Value   interval.Interval // of h
	Gap     interval.Interval // h − Σ λᵢ Cᵢ*, without subtracting
	Kind    certificate.Kind
	Optimal bool // the adapted gain is the one task's optimum

	// Of a minimum: the gains from which descent on h ends there, and their
	// share of the domain.
	Basin [2]interval.Interval // its ends, enclosed
	Share float64              // an estimate from the enclosures, exact to rounding

	// Distance to the nearest singular point of any task, or to the nearest box
	// in which one may be: none is nearer. +Inf where there is none.
	Singular float64
}

// Singular is where the derivative of a task's inner map is zero: with one
// gradient step, where η C″(w) = 1. The map is not locally open there.
type Singular struct {
	Task       string
	Points     []interval.Interval // exactly one zero in each
	Unresolved []interval.Interval
}

// Minima are the local minimisers.
func (l *Landscape) Minima() []Stationary {
	var m []Stationary
	for _, s := range l.Stationary {
		if s.Kind == certificate.Minimum {
			m = append(m, s)
		}
	}
	return m
}

// Spurious reports whether a local minimum above inf h is proved to exist.
func (l *Landscape) Spurious() bool { return l.Epsilon.Lo() > 0 }

// Prove finds and proves the landscape: the domain, all stationary points, and
// what follows. Where the budget ends first, or points are degenerate, boxes
// are left in Unresolved and the verdict may be undecided. The only error is an
// [*EmptyError], for a domain proved empty, or that of ctx.
//
// The result depends on o.Boxes, not on o.Workers. A box costs about a
// microsecond for each task and inner step; a family of a dozen tasks takes
// some hundred boxes.
func (p *Problem) Prove(ctx context.Context, o Options) (*Landscape, error) {
	m := newMeter(ctx, o)
	cover, err := p.domain(m)
	if err != nil {
		return nil, err
	}
	l := &Landscape{OneMap: p.oneMap}
	l.proof.DomainCover = cover
	components, unknown := componentsOf(cover)
	if len(components) == 0 && len(unknown) == 0 {
		return nil, p.empty(ctx, cover)
	}
	for _, c := range components {
		l.Domain = append(l.Domain, Component{Low: c.low(), High: c.high()})
	}
	l.Unresolved = unknown
	l.LowerBound = zero
	for i := range p.tasks {
		l.LowerBound = l.LowerBound.Add(p.tasks[i].weight.Mul(p.tasks[i].f.best))
	}
	l.LowerBound = spared(l.LowerBound)
	s := &scratch{}
	if p.oneMap {
		l.proof.Mode = certificate.OneMap
		p.factors(l, components, m, s)
	} else {
		l.proof.Mode = certificate.Sum
		p.zeros(l, components, m, s)
	}
	l.Unresolved = joined(l.Unresolved)
	p.conclude(l, components, s)
	p.singular(l, components, m)
	l.basins()
	l.Boxes, l.Spent = m.examined, m.spent
	l.family = string(formatFamily(p.family))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// componentsOf reads the components off a cover, and the pieces of which
// nothing is known. What lies between two pieces outside is one component, if
// any of it is known to be inside; if not, nothing is known of it, though ends of
// the domain may be seen there.
func componentsOf(cover []certificate.Piece) (components []component, unknown []interval.Interval) {
	var c component
	begun := false
	flush := func() {
		switch {
		case len(c.inner) > 0:
			components = append(components, c)
		case begun:
			unknown = append(unknown, c.outer)
		}
		c, begun = component{}, false
	}
	take := func(x interval.Interval) {
		if begun {
			x = x.Hull(c.outer)
		}
		c.outer, begun = x, true
	}
	for i, piece := range cover {
		switch piece.Is {
		case certificate.Out:
			flush()
		case certificate.End: // the low one of a component, or the high one
			low := i+1 < len(cover) && cover[i+1].Is == certificate.In
			if low && len(c.inner) > 0 {
				flush()
			}
			take(piece.Box)
			if !low && len(c.inner) > 0 {
				flush()
			}
		case certificate.Unknown:
			unknown = append(unknown, piece.Box)
			take(piece.Box)
		case certificate.In:
			take(piece.Box)
			if i > 0 && cover[i-1].Is == certificate.In {
				c.inner[len(c.inner)-1] = c.inner[len(c.inner)-1].Hull(piece.Box)
			} else {
				c.inner = append(c.inner, piece.Box)
			}
		}
	}
	flush()
	return components, joined(unknown)
}

// joined is a list in order, intervals that touch made one.
func joined(list []interval.Interval) []interval.Interval {
	slices.SortFunc(list, func(x, y interval.Interval) int { return cmp.Compare(x.Lo(), y.Lo()) })
	var all []interval.Interval
	for _, x := range list {
		all = join(all, x)
	}
	return all
}

// join appends an interval, to the last one if they touch.
func join(list []interval.Interval, x interval.Interval) []interval.Interval {
	if n := len(list); n > 0 && list[n-1].Hi() >= x.Lo() {
		list[n-1] = list[n-1].Hull(x)
		return list
	}
	return append(list, x)
}

// zeros isolates the zeros of h′ itself.
func (p *Problem) zeros(l *Landscape, components []component, m *meter, s *scratch) {
	cover := certificate.Cover{Of: certificate.Slope}
	for ci, c := range components {
		blocks := c.isolate(p.slope, m, "stationary points")
		for _, b := range blocks {
			cover.Pieces = append(cover.Pieces, certificate.Piece{Box: b.box, Is: b.is})
			switch b.is {
			case certificate.Unknown:
				l.Unresolved = append(l.Unresolved, b.box)
			case certificate.Zero:
				gain := c.narrow(p.slope, b, s)
				st := Stationary{Gain: gain, Kind: certificate.Minimum}
				if b.low > 0 {
					st.Kind = certificate.Maximum
				}
				st.Value, st.Gap = p.worth(l, gain, s)
				l.Stationary = append(l.Stationary, st)
			}
		}
		first, last := blocks[0], blocks[len(blocks)-1]
		if len(blocks) == 1 { // h is monotone
			at, _, _ := p.slope(c.center(), true, s)
			first.high, last.low = at.Sign(), at.Sign()
		}
		if first.is == certificate.Unknown {
			first.high = 0
		}
		if last.is == certificate.Unknown {
			last.low = 0
		}
		p.borders(l, ci, c, first.high, last.low, s)
	}
	l.proof.Covers = []certificate.Cover{cover}
}

// borders notes where h falls towards an end of component i: low and high are
// the signs of h′ next to the ends. Where a sign is not known, 0, nothing is known
// of h there, unless the end is among what is unresolved.
func (p *Problem) borders(l *Landscape, i int, c component, low, high int, s *scratch) {
	d := &l.Domain[i]
	if !c.outer.IsBounded() {
		return // h rises without end
	}
	at := func(end interval.Interval) *interval.Interval {
		v, ok := p.value(end, false, s)
		if !ok {
			v = interval.Entire()
		}
		return &v
	}
	open := func(end interval.Interval) {
		if !slices.ContainsFunc(l.Unresolved, end.Subset) {
			l.Unresolved = append(l.Unresolved, end)
		}
	}
	switch {
	case low > 0:
		d.LowBorder = at(d.Low)
	case low == 0:
		open(d.Low)
	}
	switch {
	case high < 0:
		d.HighBorder = at(d.High)
	case high == 0:
		open(d.High)
	}
}

// A factorZero is a zero of one factor, from one of its pieces.
type factorZero struct {
	Stationary
	factor, piece int
}

// factors isolates the zeros of the factors of h′ of one task:
//
//	h′ = C′(x_K) F_1′(x_0) … F_K′(x_{K−1}),
//	x_K − W* = (w − W*) κ_1(x_0) … κ_K(x_{K−1})   where f = g.
//
// Zeros of x_K − W* are optima of one value; those of an F_k′ are folds.
func (p *Problem) factors(l *Landscape, components []component, m *meter, s *scratch) {
	t := &p.tasks[0]
	type factor struct {
		certificate.Cover
		f       probe
		optimal bool
		open    map[int]interval.Interval // the parts of pieces with a zero that are given up
	}
	var all []factor
	add := func(of certificate.Function, step int, f probe, optimal bool) {
		all = append(all, factor{certificate.Cover{Of: of, Step: step}, f, optimal, map[int]interval.Interval{}})
	}
	if p.same {
		add(certificate.Offset, 0, t.offset, true)
		for k := range t.steps {
			add(certificate.Reach, k+1, t.reach(k+1), true)
		}
	} else {
		add(certificate.Arrive, 0, t.arrive, true)
	}
	for k := range t.steps {
		add(certificate.Fold, k+1, t.fold(k+1, p.same), false)
	}
	for ci, c := range components {
		var zeros []*factorZero
		var unknown []interval.Interval
		for k := range c.inner[1:] {
			unknown = append(unknown, interval.New(c.inner[k].Hi(), c.inner[k+1].Lo()))
		}
		for i := range all {
			for _, b := range c.isolate(all[i].f, m, "stationary points") {
				all[i].Pieces = append(all[i].Pieces, certificate.Piece{Box: b.box, Is: b.is})
				switch b.is {
				case certificate.Unknown:
					unknown = append(unknown, b.box)
				case certificate.Zero:
					gain := c.narrow(all[i].f, b, s)
					zeros = append(zeros, &factorZero{Stationary{Gain: gain, Optimal: all[i].optimal}, i, len(all[i].Pieces) - 1})
				}
			}
		}
		// Zeros of two factors that are not told apart are one degenerate point,
		// and so is what another factor leaves unknown, or a zero beside which the
		// sign of h′ is not found.
		drop := func(z *factorZero) {
			part := beside(all[z.factor].Pieces[z.piece].Box, z.Gain)
			all[z.factor].open[z.piece] = part
			unknown = append(unknown, part)
		}
		var kept []Stationary
		var low, high int // the signs of h′ next to the ends
		for again := true; again; {
			again = false
			for i := 0; i < len(zeros); i++ {
				z := zeros[i]
				clash := slices.ContainsFunc(unknown, func(u interval.Interval) bool { return !u.Disjoint(z.Gain) })
				for _, y := range zeros[:i] {
					clash = clash || !y.Gain.Disjoint(z.Gain)
				}
				if clash {
					drop(z)
					zeros = slices.Delete(zeros, i, i+1)
					i--
					again = true
				}
			}
			if again {
				continue
			}
			slices.SortFunc(zeros, func(x, y *factorZero) int { return cmp.Compare(x.Gain.Lo(), y.Gain.Lo()) })
			kept = kept[:0]
			for _, z := range zeros {
				kept = append(kept, z.Stationary)
			}
			low, high = p.classify(l, c, kept, unknown, s)
			for i := len(kept) - 1; i >= 0; i-- {
				if kept[i].Kind == "" {
					drop(zeros[i])
					zeros = slices.Delete(zeros, i, i+1)
					again = true
				}
			}
		}
		l.Unresolved = append(l.Unresolved, unknown...)
		l.Stationary = append(l.Stationary, kept...)
		p.borders(l, ci, c, low, high, s)
	}
	for _, f := range all {
		var pieces []certificate.Piece
		for i, piece := range f.Pieces {
			part, ok := f.open[i]
			if !ok {
				pieces = append(pieces, piece)
				continue
			}
			// Monotone, the factor has no zero but the one given up.
			for _, b := range []certificate.Piece{
				{Box: interval.New(piece.Box.Lo(), part.Lo()), Is: certificate.Free},
				{Box: part, Is: certificate.Unknown},
				{Box: interval.New(part.Hi(), piece.Box.Hi()), Is: certificate.Free},
			} {
				if !b.Box.IsPoint() {
					pieces = append(pieces, b)
				}
			}
		}
		f.Pieces = pieces
		l.proof.Covers = append(l.proof.Covers, f.Cover)
	}
}

// beside is the part of a piece around the zero in gain that is given up where
// it cannot be used: wide enough that the function is plainly not zero at its
// ends.
func beside(piece, gain interval.Interval) interval.Interval {
	margin := max(64*gain.Width(), 0x1p-20*piece.Width())
	return interval.New(gain.Lo()-margin, gain.Hi()+margin).Intersect(piece)
}

// classify gives the zeros of a component, ascending and apart from what is
// unknown, their kinds and their values. It returns the signs of h′ next to the
// two ends, 0 where they are not known.
//
// Each factor changes its sign at its zero, and no other factor has a zero there,
// so that h′ changes its own at each, and has one sign between two unless
// something unknown lies between. Where it is too small for its sign to be seen,
// those of the neighbours tell it. The kind is "" where they do not.
func (p *Problem) classify(l *Landscape, c component, found []Stationary, unknown []interval.Interval, s *scratch) (low, high int) {
	sign := func(from, to float64) int {
		v := 0
		if from < to {
			cuts(interval.New(from, to), func(w float64) bool {
				y, _, ok := p.slope(interval.Of(w), true, s)
				v = y.Sign()
				return ok && v != 0
			})
		}
		return v
	}
	// A stretch lies between two neighbours among the zeros and the unknown.
	type stretch struct {
		from, to float64
		sign     int
	}
	var all []stretch
	next := make([]int, len(found)) // the stretch behind a zero
	from := c.from()
	zeros := found
	rest := slices.Clone(unknown)
	slices.SortFunc(rest, func(x, y interval.Interval) int { return cmp.Compare(x.Lo(), y.Lo()) })
	for len(zeros) > 0 || len(rest) > 0 {
		if len(rest) == 0 || len(zeros) > 0 && zeros[0].Gain.Lo() < rest[0].Lo() {
			all = append(all, stretch{from: from, to: zeros[0].Gain.Lo()})
			next[len(found)-len(zeros)] = len(all)
			from, zeros = zeros[0].Gain.Hi(), zeros[1:]
		} else {
			all = append(all, stretch{from: from, to: rest[0].Lo()})
			from, rest = max(from, rest[0].Hi()), rest[1:]
		}
	}
	all = append(all, stretch{from: from, to: c.to()})
	for i := range all {
		all[i].sign = sign(all[i].from, all[i].to)
	}
	for i, st := range found {
		before, after := &all[next[i]-1].sign, &all[next[i]].sign
		if st.Optimal {
			if *before > 0 || *after < 0 {
				panic(fmt.Sprintf("landscape: h rises to the optimum in %v", st.Gain)) // C* is the least value there is
			}
			*before, *after = -1, 1
		}
		if *after == 0 {
			*after = -*before
		}
	}
	for i := len(found) - 1; i >= 0; i-- {
		if before := &all[next[i]-1].sign; *before == 0 {
			*before = -all[next[i]].sign
		}
	}
	for i := range found {
		st := &found[i]
		switch all[next[i]].sign {
		case 1:
			st.Kind = certificate.Minimum
		case -1:
			st.Kind = certificate.Maximum
		}
		if st.Optimal {
			st.Value, st.Gap = l.LowerBound, zero
		} else {
			st.Value, st.Gap = p.worth(l, st.Gain, s)
		}
	}
	touches := func(end interval.Interval) bool {
		return slices.ContainsFunc(unknown, func(u interval.Interval) bool { return !u.Disjoint(end) })
	}
	if !touches(c.low()) {
		low = all[0].sign
	}
	if !touches(c.high()) {
		high = all[len(all)-1].sign
	}
	return low, high
}

// worth encloses h over box, which is known to be inside, and its gap, from
// which h is known better near the ends of the domain.
func (p *Problem) worth(l *Landscape, box interval.Interval, s *scratch) (value, gap interval.Interval) {
	value, _ = p.value(box, true, s)
	gap, _ = p.gap(box, s)
	return spared(value.Intersect(l.LowerBound.Add(gap))), gap
}

// spared widens the enclosure of a value by its own width and a few units in the
// last place, for those who enclose it otherwise.
func spared(x interval.Interval) interval.Interval {
	d := x.Width() + 0x1p-50*x.Mag()
	return interval.New(interval.SubDown(x.Lo(), d), interval.AddUp(x.Hi(), d))
}

// gap encloses h − Σ λᵢ Cᵢ* over box, which is known to be inside.
func (p *Problem) gap(box interval.Interval, s *scratch) (interval.Interval, bool) {
	sum := zero
	for i := range p.tasks {
		t := &p.tasks[i]
		if !t.track(box, 1, true, s) {
			return sum, false
		}
		sum = sum.Add(t.weight.Mul(t.f.gap(s.wide.end.w, s.wide.end.d)))
	}
	return sum, true
}

// conclude draws the infimum, ε and the verdict from what was found.
func (p *Problem) conclude(l *Landscape, components []component, s *scratch) {
	low, high := math.Inf(1), math.Inf(1) // of inf h
	least := func(v interval.Interval) {
		low, high = min(low, v.Lo()), min(high, v.Hi())
	}
	minima := l.Minima()
	for _, st := range minima {
		least(st.Value)
	}
	lowest := high // an upper bound of the lowest minimum
	attained := true
	for _, d := range l.Domain {
		for _, b := range []*interval.Interval{d.LowBorder, d.HighBorder} {
			if b != nil {
				least(*b)
				attained = attained && b.Lo() >= lowest
			}
		}
	}
	worst := math.Inf(-1) // the highest local minimum there may be
	allOptimal := len(minima) > 0
	for _, st := range minima {
		worst = max(worst, st.Value.Hi())
		allOptimal = allOptimal && st.Optimal
	}
	for _, u := range l.Unresolved {
		v, ok := p.value(u, slices.ContainsFunc(components, func(c component) bool { return c.knows(u) }), s)
		if !ok {
			continue // no gain of u is in the domain
		}
		low = min(low, v.Lo())
		worst = max(worst, v.Hi())
	}
	for _, c := range components { // any value bounds the infimum
		if at, ok := p.value(c.center(), true, s); ok {
			high = min(high, at.Hi())
		}
	}
	if p.oneMap && slices.ContainsFunc(minima, func(st Stationary) bool { return st.Optimal }) {
		low, high, attained = l.LowerBound.Lo(), l.LowerBound.Hi(), true
	}
	low = max(low, l.LowerBound.Lo())
	if math.IsInf(high, 1) {
		high = maxFloat
	}
	l.Infimum = interval.New(min(low, high), high)
	complete := len(l.Unresolved) == 0

	lower := 0.0
	for _, st := range minima {
		lower = max(lower, interval.SubDown(st.Value.Lo(), high))
	}
	upper := math.Inf(1)
	if worst <= maxFloat && !math.IsInf(low, 0) {
		upper = max(0, interval.SubUp(worst, low))
	}
	if complete && attained && (len(minima) == 1 || allOptimal) {
		upper = 0
	}
	l.Epsilon = interval.New(lower, upper)
	switch {
	case lower > 0:
		l.Verdict = certificate.NotGlobal
	case !complete:
		l.Verdict = certificate.Undecided
	case upper == 0 && len(minima) > 0:
		l.Verdict = certificate.Global
	case upper <= maxFloat:
		l.Verdict = certificate.EpsilonGlobal
	default:
		l.Verdict = certificate.Undecided
	}
}

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

// empty is the error about a domain of which every piece is outside. It looks
// for a task or a pair that is enough; failing that it names all that the cover
// needs.
func (p *Problem) empty(ctx context.Context, cover []certificate.Piece) error {
	// Left and right of the cover the tasks that bound it exclude every gain.
	var needed []int
	_, _, atLow, atHigh := p.window()
	for _, i := range []int{atLow, atHigh} {
		if i >= 0 && !slices.Contains(needed, i) {
			needed = append(needed, i)
		}
	}
	for _, c := range cover {
		if c.Is == certificate.Out && !slices.Contains(needed, c.Task) {
			needed = append(needed, c.Task)
		}
	}
	slices.Sort(needed)
	names := func(index ...int) []string {
		var list []string
		for _, i := range index {
			list = append(list, p.tasks[i].name)
		}
		return list
	}
	excludes := func(index ...int) bool {
		q := &Problem{family: p.family}
		for _, i := range index {
			q.tasks = append(q.tasks, p.tasks[i])
		}
		cover, err := q.domain(newMeter(ctx, Options{Boxes: 10000, Workers: 1}))
		return err != nil || !slices.ContainsFunc(cover, func(c certificate.Piece) bool { return c.Is != certificate.Out })
	}
	for _, i := range needed {
		if excludes(i) {
			return &EmptyError{Tasks: names(i)}
		}
	}
	for k, i := range needed {
		for _, j := range needed[:k] {
			if excludes(j, i) {
				return &EmptyError{Tasks: names(j, i)}
			}
		}
	}
	return &EmptyError{Tasks: names(needed...)}
}
