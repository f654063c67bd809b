package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/report"
	"github.com/metalqr/metalqr/run"
)

// A planarClaim is what a landscape's flags say of a claim over several gains.
type planarClaim struct {
	level  float64  // 0: chosen
	region []string // two files, or none
}

// flag is one that was given, or nothing.
func (c planarClaim) flag() string {
	switch {
	case c.level != 0:
		return "--level"
	case len(c.region) > 0:
		return "--region"
	}
	return ""
}

// options are those of a proof.
func (c planarClaim) options(f *family.Family, o landscape.Options) (landscape.PlanarOptions, error) {
	po := landscape.PlanarOptions{Options: o, Level: c.level}
	if len(c.region) == 0 {
		return po, nil
	}
	low, err := family.ReadGain(c.region[0], f.Inputs(), f.States())
	if err != nil {
		return po, &inputError{err}
	}
	high, err := family.ReadGain(c.region[1], f.Inputs(), f.States())
	if err != nil {
		return po, &inputError{err}
	}
	po.Region, err = run.Region(low, high)
	return po, err
}

// planarLandscape proves the landscape of a gain of more than one number where that
// can be attempted, and otherwise searches.
func (a *app) planarLandscape(ctx context.Context, p *run.Problem, o landscape.Options, claim planarClaim, search searching, out string, expect certificate.Verdict) error {
	var po landscape.PlanarOptions
	if p.TwoGains() || p.RegionGains() && claim.flag() != "" {
		if len(search.slice) > 0 {
			return &inputError{errors.New("--slice draws what a search found: give --search")}
		}
		var err error
		if po, err = claim.options(p.Family, o); err != nil {
			return err
		}
	}
	bar := a.boxes()
	po.Progress = bar.observe
	l, err := p.Planar(ctx, po)
	bar.end()
	switch {
	case errors.As(err, new(*landscape.AlgorithmError)): // no more can a search
		return err
	case errors.Is(err, landscape.ErrUnsupported), errors.Is(err, landscape.ErrTask):
		if flag := claim.flag(); flag != "" {
			return &inputError{fmt.Errorf("%s is about a proof, and none can be attempted: %w", flag, err)}
		}
		return a.searchLandscape(ctx, p, search, plain(err), out, expect)
	case err != nil:
		return told(ctx, err)
	}
	if l.Undecided > 0 {
		s, err := a.search(ctx, p, search)
		switch {
		case ctx.Err() != nil:
			return told(ctx, err)
		case err != nil:
			fmt.Fprintf(a.warn(), "warning: beside the boxes left undecided nothing was searched: %s\n", plain(err))
		}
		l.Search = s
	}
	var files []string
	var verified *check.Report
	if out != "" {
		if files, err = report.KeepPlanar(l, out); err != nil {
			return err
		}
		data, err := l.Certificate()
		if err != nil {
			return err
		}
		r, err := a.verifyPatiently(ctx, data)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; what was proved is written, but not yet verified: metalqr check %s", shell(filepath.Join(out, "certificate.json")))
		}
		if err != nil {
			return err
		}
		verified = &r
	}
	err = a.print(struct {
		*run.PlanarLandscape
		Files       []string      `json:"files,omitempty"`
		Certificate *check.Report `json:"certificate,omitempty"`
	}{l, files, verified}, func(b *bytes.Buffer) { a.printPlanar(b, p, l, claim, out, verified, len(files) > 0) })
	if err == nil && expect != "" && l.Verdict != expect {
		err = &printedError{fmt.Sprintf("the verdict is %s, expected %s", l.Verdict, expect)}
	}
	return err
}

// verifyPatiently is verify, which may take minutes: it is shown on a terminal, and
// given up when ctx is done.
func (a *app) verifyPatiently(ctx context.Context, data []byte) (check.Report, error) {
	type outcome struct {
		report check.Report
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := verify(data)
		done <- outcome{r, err}
	}()
	bar := a.boxes()
	defer bar.end()
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case o := <-done:
			return o.report, o.err
		case <-ctx.Done():
			return check.Report{}, ctx.Err()
		case <-tick.C:
			bar.show("verifying the certificate")
		}
	}
}

func (a *app) printPlanar(b *bytes.Buffer, p *run.Problem, l *run.PlanarLandscape, claim planarClaim, out string, verified *check.Report, figure bool) {
	fmt.Fprintf(b, "%s\n", describeTraining(p.Family))
	fmt.Fprintf(b, "%s\n\n", steps(p.Family, l.Rates)+auto(p.Family, l.RateFrom))
	b.WriteString(wrapped(fmt.Sprintf("%s: %s", l.Verdict, l.Reason), screen))
	level := "three times the largest minimum that a search found"
	if claim.level != 0 {
		level = "as given"
	}
	ε := fact{"ε", epsilon(l.EpsilonLow, l.Epsilon), "how far these minima may lie above it (proved)"}
	if l.Empty() {
		ε = fact{"ε", "–", "there is no minimiser that it could be about"}
	}
	summary := facts{
		{"infimum", bounds(l.Enclosed.Minimum[0], l.Enclosed.Minimum[1]), "of h (proved)"},
		ε,
		{"lower bound", number(l.LowerBound), "Σ λᵢ Cᵢ*: the optimal costs, each task by itself"},
		{"L", landscape.AtLeast(float64(l.Level)), level},
	}
	if r := l.Region; r != nil {
		summary = append(summary, fact{"region", product(r), "of the gains that this is about"})
	}
	summary.print(b)
	b.WriteByte('\n')

	t := table{columns: []column{text("minimiser"), numbers("h"), numbers("above infimum"), numbers("gap"), numbers("±"), text("W")}}
	rows, rest := a.limitTo(len(l.Minimizers), "minimisers")
	for _, m := range l.Minimizers[:rows] {
		above := size(m.Excess)
		switch {
		case m.Kind == "undetermined":
			above = "≤ " + landscape.AtMost(float64(m.Excess))
		case m.Kind == "spurious" && number(l.Enclosed.Minimum[0]) != number(l.Enclosed.Minimum[1]):
			above = "≥ " + landscape.AtLeast(float64(m.Excess))
		}
		t.row(m.Kind, number(m.Value), above, size(m.Gap), size(m.Radius), inline(m.Gain))
	}
	if len(t.rows) > 0 {
		t.print(b)
	}
	b.WriteString(rest)
	if a.detail {
		fmt.Fprintf(b, "\nboxes examined: %d\n", l.Boxes)
	}
	left, rest := a.limitTo(len(l.Unresolved), "undecided boxes")
	if left > 0 {
		b.WriteByte('\n')
	}
	for _, u := range l.Unresolved[:left] {
		fmt.Fprintf(b, "undecided: W in %s\n", product(u))
	}
	b.WriteString(rest)
	if l.Spent {
		b.WriteString("more --boxes, a lower --level or a --region may decide it\n")
	}
	if s := l.Search; s != nil {
		fmt.Fprintf(b, "\nWhat a search finds, which proves nothing:\n")
		a.printFound(b, p, s)
	}
	if out == "" {
		return
	}
	b.WriteByte('\n')
	if verified.Valid {
		fmt.Fprintf(b, "metalqr check %s   verifies the proof\n", shell(filepath.Join(out, "certificate.json")))
	} else {
		fmt.Fprintf(b, "metalqr check does not verify the certificate: %s\n", plainText(verified.Reason))
	}
	if figure {
		fmt.Fprintf(b, "figure: %s\n", filepath.Join(out, "landscape.svg"))
	}
}

// product shows a box of gains.
func product[S ~[2]run.Number](box []S) string {
	var sides []string
	for _, x := range box {
		sides = append(sides, between(x[0], x[1]))
	}
	return strings.Join(sides, " × ")
}

// between shows an interval, its ends rounded outwards.
func between(low, high run.Number) string {
	return landscape.Between(float64(low), float64(high))
}

// checkLevel says what --level may be.
func checkLevel(level float64) error {
	if !(level > 0) || math.IsInf(level, 1) {
		return fmt.Errorf("--level must be a positive number, got %v", level)
	}
	return nil
}
