package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A plain prover for these tests: it halves boxes until the enclosures of this
// package decide, and states what they say.

func parse(t testing.TB, text string) *family.Family {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func landscapeOf(t testing.TB, text string, mode certificate.Mode) *certificate.Certificate {
	t.Helper()
	f := parse(t, text)
	p, err := newProblem(f)
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{problem: p}
	l := &certificate.Landscape{Mode: mode, Infimum: interval.Entire(), Verdict: certificate.Undecided}
	box := p.tasks[0].g.near.stable
	for _, k := range p.tasks {
		box = box.Intersect(k.g.near.stable)
	}
	if !box.IsBounded() {
		box = interval.New(-100, 100)
	} else {
		box = interval.New(box.Lo()-1e-3, box.Hi()+1e-3)
	}
	small := box.Width() * 0x1p-30
	l.DomainCover = mergeDomain(c, halve(box, func(b interval.Interval) (certificate.Piece, bool) {
		all := true
		for i, k := range p.tasks {
			c.lens.at(k, b, p.steps)
			switch c.lens.box.where {
			case outside:
				return certificate.Piece{Box: b, Is: certificate.Out, Task: i}, true
			case across:
				all = false
			}
		}
		if all {
			return certificate.Piece{Box: b, Is: certificate.In}, true
		}
		return certificate.Piece{Box: b, Is: certificate.End}, b.Width() < small
	}))
	found, err := c.domainCover(l.DomainCover)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		l.Domain = append(l.Domain, certificate.Component{Low: d.low.box, High: d.high.box})
	}
	required, err := p.required(mode)
	if err != nil {
		t.Fatal(err)
	}
	var crossings []crossing
	for _, fn := range required {
		cover := certificate.Cover{Of: fn.of, Step: fn.step}
		for _, d := range found {
			cover.Pieces = append(cover.Pieces, c.coverOf(fn, interval.New(d.low.box.Lo(), d.high.box.Hi()))...)
		}
		for _, x := range cover.Pieces {
			switch x.Is {
			case certificate.Zero:
				cr, err := c.zero(fn, x.Box)
				if err != nil {
					t.Fatal(err)
				}
				crossings = append(crossings, cr)
			case certificate.Unknown:
				c.unresolved = append(c.unresolved, x.Box)
			}
		}
		l.Covers = append(l.Covers, cover)
	}
	slices.SortFunc(c.unresolved, func(a, b interval.Interval) int {
		if a.Lo() < b.Lo() {
			return -1
		}
		return 1
	})
	l.Unresolved = c.unresolved
	for _, x := range crossings {
		lo, hi := x.box.Lo(), x.box.Hi()
		for hi-lo > 1e-13*math.Max(1, math.Abs(lo)) {
			m := (lo + hi) / 2
			s, _ := x.sign(&c.lens, m)
			switch s {
			case x.direction:
				hi = m
			case -x.direction:
				lo = m
			default:
				lo, hi = m-(hi-lo)/8, m+(hi-lo)/8
			}
		}
		l.Stationary = append(l.Stationary, certificate.Stationary{Gain: interval.New(lo, hi), Value: interval.Entire(), Optimal: x.optimal()})
	}
	slices.SortFunc(l.Stationary, func(a, b certificate.Stationary) int {
		if a.Gain.Lo() < b.Gain.Lo() {
			return -1
		}
		return 1
	})
	// Kinds, values and conclusions, by asking.
	points := make([]stationary, len(l.Stationary))
	for _, x := range crossings {
		i, err := c.match(l.Stationary, x)
		if err != nil {
			t.Fatal(err)
		}
		points[i] = stationary{crossing: x, gain: l.Stationary[i].Gain}
	}
	for i := range points {
		if l.Stationary[i].Kind, err = c.kind(points, i); err != nil {
			t.Fatal(err)
		}
	}
	points, err = c.stationary(l.Stationary, crossings, mode)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range points {
		v := s.value.round()
		l.Stationary[i].Value = interval.New(interval.SubDown(v.Lo(), 1e-14*v.Mag()), interval.AddUp(v.Hi(), 1e-14*v.Mag()))
	}
	s, err := c.summarise(points, found)
	if err != nil {
		t.Fatal(err)
	}
	l.Infimum, l.EpsilonLow = s.infimum, s.excessLow
	if e := max(s.excess, s.hidden(c.top())); !math.IsInf(e, 1) && s.minima > 0 {
		l.Epsilon = &e
	}
	complete := len(l.Unresolved) == 0
	switch {
	case s.excessLow > 0:
		l.Verdict = certificate.NotGlobal
	case complete && s.minima > 0 && s.excess == 0 && !s.border && (s.minima == 1 || s.optimal):
		l.Verdict = certificate.Global
	case l.Epsilon != nil:
		l.Verdict = certificate.EpsilonGlobal
	}
	return &certificate.Certificate{Family: text, Landscape: l}
}

func halve(b interval.Interval, decide func(interval.Interval) (certificate.Piece, bool)) []certificate.Piece {
	if p, ok := decide(b); ok {
		return []certificate.Piece{p}
	}
	m := b.Mid()
	return append(halve(interval.New(b.Lo(), m), decide), halve(interval.New(m, b.Hi()), decide)...)
}

func mergeDomain(c *checker, ps []certificate.Piece) []certificate.Piece {
	var out []certificate.Piece
	for _, p := range ps {
		if n := len(out); n > 0 && out[n-1].Is == p.Is && out[n-1].Task == p.Task {
			out[n-1].Box = out[n-1].Box.Hull(p.Box)
			continue
		}
		out = append(out, p)
	}
	return out
}

// coverOf covers b by pieces as large as 200 evaluations decide.
func (c *checker) coverOf(f function, b interval.Interval) []certificate.Piece {
	small := b.Width() * 0x1p-40
	ps := halve(b, func(b interval.Interval) (certificate.Piece, bool) {
		v := f.over(&c.lens, b)
		switch {
		case v.where == outside || v.value.Sign() != 0:
			return certificate.Piece{Box: b, Is: certificate.Free}, true
		case v.slope.Sign() != 0:
			if _, err := c.zero(f, b); err == nil {
				return certificate.Piece{Box: b, Is: certificate.Zero}, true
			}
		}
		return certificate.Piece{Box: b, Is: certificate.Unknown}, b.Width() < small
	})
	var out []certificate.Piece
	merged := 0
	for _, p := range ps {
		if n := len(out); n > 0 && merged < 40 && p.Is != certificate.Zero && out[n-1].Is == p.Is {
			out[n-1].Box = out[n-1].Box.Hull(p.Box)
			merged++
			continue
		}
		merged = 0
		out = append(out, p)
	}
	return out
}

// encode is certificate.Encode, with the report of Check.
func report(t testing.TB, c *certificate.Certificate) *Report {
	t.Helper()
	b, err := certificate.Encode(*c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Check(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scalar is a family of tasks (a, b, q, r).
func scalar(inner string, tasks ...[4]float64) string {
	s := "tasks:\n"
	for _, k := range tasks {
		s += fmt.Sprintf("  - {A: %v, B: %v, Q: %v, R: %v}\n", k[0], k[1], k[2], k[3])
	}
	return s + "meta: {inner: {" + inner + "}}\n"
}

// decodeAnyway reads a certificate whose hashes do not fit.
func decodeAnyway(data []byte) (*certificate.Certificate, error) {
	var c certificate.Certificate
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return &c, d.Decode(&c)
}
