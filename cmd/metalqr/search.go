package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/report"
	"github.com/metalqr/metalqr/run"
)

// searching is what a landscape's flags ask of a search.
type searching struct {
	only    bool // even where there is a proof
	starts  int
	seed    uint64
	workers int
	time    time.Duration
	slice   []string // files
}

// search runs a search as the flags ask.
func (a *app) search(ctx context.Context, p *run.Problem, o searching) (*run.Search, error) {
	bar := a.starts()
	defer bar.end()
	return p.Search(ctx, landscape.SearchOptions{Starts: o.starts, Seed: o.seed, Workers: o.workers, Time: o.time, Progress: bar.observe})
}

// searchLandscape searches; unproved says why there is no proof, where one was wanted.
func (a *app) searchLandscape(ctx context.Context, p *run.Problem, o searching, unproved, out string, expect certificate.Verdict) error {
	var through []matrixeq.Matrix
	for _, path := range o.slice {
		rows, cols := p.Family.Shape()
		w, err := family.ReadGain(path, rows, cols)
		if err != nil {
			return &inputError{err}
		}
		through = append(through, w)
	}
	s, err := a.search(ctx, p, o)
	if err != nil {
		return told(ctx, err)
	}
	s.Unproved = unproved
	switch {
	case len(through) > 0:
		if s.Slice, err = s.Through(through...); err != nil {
			return err
		}
	case out != "":
		s.Slice = s.Automatic()
	}
	var files []string
	if out != "" {
		if files, err = report.KeepSearch(s, out); err != nil {
			return err
		}
	}
	err = a.print(struct {
		*run.Search
		Files []string `json:"files,omitempty"`
	}{s, files}, func(b *bytes.Buffer) { a.printSearch(b, p, s, out, len(files) > 0) })
	if err == nil && expect != "" && s.Verdict != expect {
		err = &printedError{fmt.Sprintf("the verdict is %s, expected %s", s.Verdict, expect)}
	}
	return err
}

// zeroOr is a number that may be exactly zero, or unknown.
func zeroOr(x run.Number) string {
	switch {
	case x == 0:
		return "0"
	case math.IsInf(float64(x), 0):
		return "–"
	}
	return number(x)
}

func (a *app) printSearch(b *bytes.Buffer, p *run.Problem, s *run.Search, out string, figure bool) {
	fmt.Fprintf(b, "%s\n", describeTraining(p.Family))
	fmt.Fprintf(b, "%s\n\n", steps(p.Family, s.Rates)+auto(p.Family, s.RateFrom))
	b.WriteString(wrapped(fmt.Sprintf("%s: %s", s.Verdict, s.Reason), screen))
	if s.Unproved != "" {
		b.WriteString(wrapped("no proof was attempted: "+s.Unproved, screen))
	}
	a.printFound(b, p, s)
	if figure {
		fmt.Fprintf(b, "\nfigure: %s\n", filepath.Join(out, "landscape.svg"))
	}
}

// printFound shows what a search found.
func (a *app) printFound(b *bytes.Buffer, p *run.Problem, s *run.Search) {
	facts{
		{"least h", number(s.Minimum), "of the minima found"},
		{"ε as found", zeroOr(s.Epsilon), "the highest local minimum less the least; nothing is proved"},
		{"lower bound", number(s.LowerBound), "Σ λᵢ Cᵢ*: the optimal costs, each task by itself"},
		{"starts", fmt.Sprint(s.Starts), fmt.Sprintf("%d without an end; %s of a task's optimum among them", s.Lost, count(s.Preimages, "preimage"))},
		{"unseen", size(s.Unseen), "share of descents that end elsewhere, estimated (Good and Turing)"},
	}.print(b)
	b.WriteByte('\n')
	small := p.Dim() <= inlineEntries
	t := table{columns: []column{text("minimiser"), numbers("h"), numbers("above least"), numbers("gap"), numbers("λ_min"), numbers("λ_max"), numbers("reached")}}
	if small {
		t.columns = append(t.columns, text("W"))
	}
	rows, rest := a.limitTo(len(s.Minimizers), "minimisers")
	for _, m := range s.Minimizers[:rows] {
		cells := []string{m.Kind, number(m.Value), size(m.Excess), size(m.Gap), size(m.Least), size(m.Most), fmt.Sprint(m.Reached)}
		if small {
			cells = append(cells, inline(m.Gain))
		}
		t.row(cells...)
	}
	t.print(b)
	b.WriteString(rest)
	if s.Slice == nil {
		return
	}
	off, nearest := 0, math.Inf(1)
	for _, x := range s.Slice.Points {
		if !s.Slice.On(x) {
			off++
			nearest = min(nearest, float64(x.Distance))
		}
	}
	kind := "line"
	if len(s.Slice.Axes) == 2 {
		kind = "plane"
	}
	if !s.Slice.Whole {
		fmt.Fprintf(b, "\nslice: a %s with %d of the minimisers on it", kind, len(s.Slice.Points)-off)
		if off > 0 {
			fmt.Fprintf(b, "; the others are at least %s off it", size(nearest))
		}
		b.WriteByte('\n')
	}
}
