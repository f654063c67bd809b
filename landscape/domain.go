package landscape

import (
	"cmp"
	"math"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A side says whether one gain is in the domain.
type side int8

const (
	unclear side = iota
	inside
	outside
)

// sideOf decides it for one gain and the tasks given.
func (p *Problem) sideOf(w float64, tasks []int, scratch *path) side {
	at := interval.Of(w)
	verdict := inside
	for _, i := range tasks {
		if !p.tasks[i].follow(at, 0, nil, scratch) {
			return outside
		}
		if scratch.cut {
			verdict = unclear
		}
	}
	return verdict
}

// A patch is an interval of gains on the way to the domain's cover.
type patch struct {
	box       interval.Interval
	low, high side  // of its ends
	tasks     []int // those not known to be inside all over it

	is   certificate.PieceKind // once it is known
	task int
	next []patch // or what it falls into
}

// window is where all inner plants may be stable, and which tasks bound it; −1
// where none does.
func (p *Problem) window() (low, high float64, atLow, atHigh int) {
	low, high, atLow, atHigh = math.Inf(-1), math.Inf(1), -1, -1
	for i := range p.tasks {
		s := p.tasks[i].g.stable
		if s.Lo() > low {
			low, atLow = s.Lo(), i
		}
		if s.Hi() < high {
			high, atHigh = s.Hi(), i
		}
	}
	return low, high, atLow, atHigh
}

// domain covers the line: pieces in, out, holding one end of the domain, or
// unknown. Gains left and right of the first and the last piece are outside.
//
// A gain is in the domain where D(x_k) > 0 for k = 0 … K − 1 with each task's
// inner plant, and D(x_K) > 0 with its outer one.
func (p *Problem) domain(m *meter) ([]certificate.Piece, error) {
	low, high, atLow, atHigh := p.window()
	all := make([]int, len(p.tasks))
	for i := range all {
		all[i] = i
	}
	if !(low < high) {
		return nil, &EmptyError{Tasks: []string{p.tasks[atLow].name, p.tasks[atHigh].name}}
	}
	// Begun a little outside, where D < 0 is plain.
	if width := high - low; !math.IsInf(width, 0) {
		low, high = low-width*0x1p-30, high+width*0x1p-30
	}
	first := patch{box: interval.New(low, high), low: outside, high: outside, tasks: all}
	if atLow < 0 {
		first.low = unclear
	}
	if atHigh < 0 {
		first.high = unclear
	}
	var pieces []certificate.Piece
	round := []patch{first}
	scratch := make([]path, m.o.Workers)
	for len(round) > 0 {
		if !m.round("domain", len(round)) {
			for _, b := range round {
				pieces = append(pieces, certificate.Piece{Box: b.box, Is: certificate.Unknown})
			}
			break
		}
		m.each(len(round), func(w, i int) { p.examine(&round[i], &scratch[w]) })
		var next []patch
		for _, b := range round {
			if b.is != "" {
				b.next = []patch{b}
			}
			for _, c := range b.next {
				if c.is == "" {
					next = append(next, c)
				} else {
					pieces = append(pieces, certificate.Piece{Box: c.box, Is: c.is, Task: c.task})
				}
			}
		}
		round = next
	}
	slices.SortFunc(pieces, func(x, y certificate.Piece) int { return cmp.Compare(x.Box.Lo(), y.Box.Lo()) })
	return pieces, nil
}

// examine decides a patch or splits it.
func (p *Problem) examine(b *patch, scratch *path) {
	left := b.tasks[:0:0]
	clean, dir := true, 0
	for _, i := range b.tasks {
		if !p.tasks[i].follow(b.box, 1, nil, scratch) {
			b.is, b.task = certificate.Out, i
			return
		}
		if scratch.cut {
			left = append(left, i)
			clean = clean && scratch.clean && (dir == 0 || dir == scratch.dir)
			dir = scratch.dir
		}
	}
	if len(left) == 0 {
		b.is = certificate.In
		return
	}
	if clean && b.low == inside && b.high == inside {
		b.is = certificate.In // monotone, and positive at both ends
		return
	}
	if clean && b.low != unclear && b.high != unclear && b.low != b.high {
		b.next = p.corner(b.box, b.low, b.high, left, scratch)
		return
	}
	mid, side, ok := p.cut(b.box, left, scratch)
	if !ok {
		b.is = certificate.Unknown
		return
	}
	b.next = []patch{
		{box: interval.New(b.box.Lo(), mid), low: b.low, high: side, tasks: left},
		{box: interval.New(mid, b.box.Hi()), low: side, high: b.high, tasks: left},
	}
}

// fractions of an interval at which it may be cut, in order of preference: a
// gain on which nothing can be decided is passed by.
var fractions = [...]float64{0.5, 0.46, 0.55, 0.39, 0.62, 0.3, 0.7}

// cuts calls try with gains at which box may be cut, until it returns true.
func cuts(box interval.Interval, try func(w float64) bool) bool {
	low, high := box.Lo(), box.Hi()
	if !box.IsBounded() {
		for _, f := range fractions {
			w := f - 0.5
			switch {
			case !math.IsInf(low, -1):
				w = max(2*low, low) + f
			case !math.IsInf(high, 1):
				w = min(2*high, high) - f
			}
			if math.Abs(w) < 0x1p500 && try(w) {
				return true
			}
		}
		return false
	}
	for _, f := range fractions {
		w := low + f*(high-low)
		if w > low && w < high && try(w) {
			return true
		}
	}
	return false
}

// cut finds a gain at which to split, one whose side is clear.
func (p *Problem) cut(box interval.Interval, tasks []int, scratch *path) (w float64, s side, ok bool) {
	ok = cuts(box, func(x float64) bool {
		w, s = x, p.sideOf(x, tasks, scratch)
		return s != unclear
	})
	return w, s, ok
}

// corner closes in on the one end of the domain in box, whose constraints are
// monotone, and cuts box into what is outside, a narrow piece that holds the
// end, and what is inside.
func (p *Problem) corner(box interval.Interval, low, high side, tasks []int, scratch *path) []patch {
	end := box
	for {
		mid, s, ok := p.cut(end, tasks, scratch)
		if !ok {
			break
		}
		if s == low {
			end = interval.New(mid, end.Hi())
		} else {
			end = interval.New(end.Lo(), mid)
		}
	}
	by := p.excludes(tasks, end, low, scratch) // asked where the side is clear
	// With room to spare, for those who enclose the constraints otherwise: at
	// least a few units, and if it takes little more, so much that a side is
	// clear of all gains nearby at once.
	spare := func(w, bound float64, want side) float64 {
		way := math.Copysign(1, bound-w)
		least := max(8*math.Abs(w-math.Nextafter(w, bound)), 0.5*end.Width())
		for d := least; d <= 0x1p12*least && 2*d < math.Abs(bound-w); d *= 2 {
			x := w + way*d
			if p.clear(interval.New(x-d/2, x+d/2), tasks, want, scratch) {
				return x
			}
		}
		if least < math.Abs(bound-w) {
			return w + way*least
		}
		return bound
	}
	end = interval.New(spare(end.Lo(), box.Lo(), low), spare(end.Hi(), box.Hi(), high))
	done := []patch{}
	add := func(lo, hi float64, is side) {
		if lo == hi {
			return
		}
		b := patch{box: interval.New(lo, hi), is: certificate.In}
		if is == outside {
			b.is, b.task = certificate.Out, by
		}
		done = append(done, b)
	}
	add(box.Lo(), end.Lo(), low)
	done = append(done, patch{box: end, is: certificate.End})
	add(end.Hi(), box.Hi(), high)
	return done
}

// clear reports whether all gains of box are shown to be on one side at once.
func (p *Problem) clear(box interval.Interval, tasks []int, want side, scratch *path) bool {
	for _, i := range tasks {
		in := p.tasks[i].follow(box, 0, nil, scratch)
		switch {
		case want == outside && !in:
			return true
		case want == inside && (!in || scratch.cut):
			return false
		}
	}
	return want == inside
}

// excludes is the task outside whose domain the outer end of a corner is.
func (p *Problem) excludes(tasks []int, end interval.Interval, low side, scratch *path) int {
	w := end.Lo()
	if low == inside {
		w = end.Hi()
	}
	for _, i := range tasks {
		if p.sideOf(w, []int{i}, scratch) == outside {
			return i
		}
	}
	return tasks[0]
}
