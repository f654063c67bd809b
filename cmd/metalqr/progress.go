package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/metalqr/metalqr/maml"
)

// A progress shows people how a run goes on. Its zero value shows nothing.
type progress struct {
	lines io.Writer // one line an iteration: -v
	bar   *bar
}

// progress shows every iteration with -v; otherwise a bar, on a terminal only.
func (a *app) progress(iterations int) progress {
	if a.detail {
		fmt.Fprintf(a.err, "%9s  %-14s  %-9s  %-13s  %-9s  %s\n", "iteration", "value", "gap", "gradient norm", "step", "backtracks")
		return progress{lines: a.err}
	}
	if f, ok := a.err.(*os.File); ok && !a.quiet && term.IsTerminal(int(f.Fd())) {
		return progress{bar: &bar{w: f, iterations: iterations, begun: time.Now()}}
	}
	return progress{}
}

func (p progress) observe(r maml.Record) {
	if p.lines != nil {
		gap := "–"
		if r.Gap != nil {
			gap = size(*r.Gap)
		}
		fmt.Fprintf(p.lines, "%9d  %-14.9g  %-9s  %-13s  %-9s  %d\n", r.Iteration, r.Value, gap, size(r.GradientNorm), size(r.Step), r.Backtracks.Total())
	}
	if p.bar != nil {
		p.bar.observe(r)
	}
}

func (p progress) end() {
	if p.bar != nil && p.bar.shown != nil {
		_ = p.bar.shown.Clear() // a terminal that went away needs no clearing
	}
}

// A bar appears once a run has taken a second.
type bar struct {
	w          io.Writer
	iterations int
	begun      time.Time
	drawn      time.Time
	shown      *progressbar.ProgressBar
}

const (
	patience = time.Second
	redraw   = 100 * time.Millisecond
)

func (b *bar) observe(r maml.Record) {
	now := time.Now()
	if now.Sub(b.begun) < patience || now.Sub(b.drawn) < redraw {
		return
	}
	b.drawn = now
	if b.shown == nil {
		b.shown = progressbar.NewOptions(b.iterations, progressbar.OptionSetWriter(b.w), progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	}
	_ = b.shown.Set(r.Iteration) // a bar is not worth an error
	b.shown.Describe(fmt.Sprintf("value %s, gradient norm %s", number(r.Value), size(r.GradientNorm)))
}
