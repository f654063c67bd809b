package landscape

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

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
