package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/report"
	"github.com/metalqr/metalqr/run"
)

func (a *app) landscapeCommand() *cobra.Command {
	var o landscape.Options
	var out, expect string
	var seconds float64
	var claim planarClaim
	var search searching
	cmd := &cobra.Command{
		Use:   "landscape FILE",
		Short: "Every minimiser, proved for one gain, for two, and up to four in a region; or searched",
		Long: `Prove where the meta-objective of a family with one scalar gain is finite, where
all its stationary points are, whether a local minimiser is spurious (above the
infimum), and the least ε for which the objective is ε-global.

Verdicts: global (one local minimiser, or all of one value: ε = 0), not-global (a
spurious one exists), epsilon-global (all are found, their values are within ε
but not proved equal), undecided (the budget ran out, or points are degenerate;
what is left is listed). Each is proved in
intervals; a number printed alone is the middle of its enclosure.

With two states, one input and one inner step the same is proved of all local
minimisers with h ≤ L: L is three times the largest minimum that a search found, or
--level. With --region LOW,HIGH, two gain files, only minimisers between these gains
are looked for. Two tasks take from a second to a minute, and verifying --out up to
four times as long; where boxes are left undecided, what a search finds is shown beside
what is proved.

Of other gains of two to four numbers, and of two after several inner steps, the same
is proved of the minimisers in a --region; plants have no sample_time then.

Otherwise minimisers are searched for, and nothing is proved of them: the verdict is
undecided, epsilon is as found, proof is "search", and it is said why nothing could be
proved. --search does that where there is a proof, too, and it is so for tasks over
data and finite horizons. The figure is then h on a slice: of gains with two entries
their plane, of others the plane through three minimisers or the line through two,
or through the gains that --slice names.

--out DIR writes certificate.json, which is verified as metalqr check does, landscape.json,
the figure as SVG, PNG and PDF, and the family as spec.yaml; files that exist are
refused. A verdict is an answer, with exit status 0, unless --expect asks for
another. A domain that is empty is exit status 1, and the error names tasks that
exclude each other.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch v := certificate.Verdict(expect); v {
			case "", certificate.Global, certificate.NotGlobal, certificate.EpsilonGlobal, certificate.Undecided:
			default:
				return fmt.Errorf("--expect must be %s, %s, %s or %s, got %q", certificate.Global, certificate.NotGlobal, certificate.EpsilonGlobal, certificate.Undecided, expect)
			}
			if cmd.Flags().Changed("boxes") && o.Boxes < 1 {
				return fmt.Errorf("--boxes must be positive, got %d", o.Boxes)
			}
			if cmd.Flags().Changed("expect") && expect == "" {
				return errors.New("--expect needs a verdict; it is empty")
			}
			var err error
			if o.Time, err = duration(seconds); err != nil {
				return err
			}
			if cmd.Flags().Changed("level") {
				if err := checkLevel(claim.level); err != nil {
					return err
				}
			}
			if n := len(claim.region); cmd.Flags().Changed("region") && n != 2 {
				return fmt.Errorf("--region needs two gain files, LOW,HIGH; got %d", n)
			}
			if search.only && claim.flag() != "" {
				return fmt.Errorf("%s is about a proof, --search is not", claim.flag())
			}
			if search.starts < 0 {
				return fmt.Errorf("--starts must not be negative, got %d", search.starts)
			}
			search.workers, search.time = o.Workers, o.Time
			return a.does(func(args []string) error {
				return a.landscape(args[0], o, claim, search, out, certificate.Verdict(expect))
			})(cmd, args)
		},
	}
	cmd.Flags().IntVar(&o.Boxes, "boxes", 0, fmt.Sprintf("examine at most `N` boxes (%d for one gain, %d for two, %d in regions of others)", landscape.DefaultBoxes, landscape.DefaultPlanarBoxes, landscape.DefaultGainBoxes))
	cmd.Flags().Float64Var(&seconds, "seconds", 0, "stop after `T` seconds, undecided if need be; 0: no limit")
	cmd.Flags().Float64Var(&claim.level, "level", 0, "of several gains: prove which minimisers have h ≤ `L` (three times the largest found)")
	cmd.Flags().StringSliceVar(&claim.region, "region", nil, "of two to four gains: prove it of gains between those in two `FILES`, LOW,HIGH")
	cmd.Flags().BoolVar(&search.only, "search", false, "search, and prove nothing, where there is a proof too")
	cmd.Flags().IntVar(&search.starts, "starts", 0, "of a search: at most `N` starts; 0: 100 for each entry of the gain, from 400 to 1000")
	cmd.Flags().Uint64Var(&search.seed, "seed", 1, "of a search")
	cmd.Flags().StringSliceVar(&search.slice, "slice", nil, "of a search: draw h on the line through two gains, or the plane through three, in these `FILES`, separated by commas")
	cmd.Flags().StringVar(&out, "out", "", "write certificate, figure and result in `DIR`")
	cmd.Flags().StringVar(&expect, "expect", "", "exit with 1 unless this is the `VERDICT`")
	if err := cmd.MarkFlagDirname("out"); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}

func (a *app) landscape(path string, o landscape.Options, claim planarClaim, search searching, out string, expect certificate.Verdict) error {
	p, err := a.problem(path)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()

	switch {
	case search.only:
		return a.searchLandscape(ctx, p, search, "", out, expect)
	case p.Dim() != 1 || p.Family.Beyond() != "":
		return a.planarLandscape(ctx, p, o, claim, search, out, expect)
	case claim.flag() != "":
		return &inputError{fmt.Errorf("%s is about gains of several numbers", claim.flag())}
	}
	if len(search.slice) > 0 {
		return &inputError{errors.New("--slice is about gains of more than one number, or a --search")}
	}
	bar := a.boxes()
	o.Progress = bar.observe
	l, err := p.Landscape(ctx, o)
	bar.end()
	if err != nil {
		return told(ctx, err)
	}
	var files []string
	var verified *check.Report
	if out != "" {
		if files, err = report.KeepLandscape(l, out); err != nil {
			return err
		}
		data, err := l.Certificate()
		if err != nil {
			return err
		}
		r, err := verify(data)
		if err != nil {
			return err
		}
		verified = &r
	}
	err = a.print(struct {
		*run.Landscape
		Files       []string      `json:"files,omitempty"`
		Certificate *check.Report `json:"certificate,omitempty"`
	}{l, files, verified}, func(b *bytes.Buffer) { a.printLandscape(b, p, l, out, verified) })
	if err == nil && expect != "" && l.Verdict != expect {
		err = &printedError{fmt.Sprintf("the verdict is %s, expected %s", l.Verdict, expect)}
	}
	return err
}

// duration is a number of seconds from the command line; the shortest that is
// not zero is a nanosecond.
func duration(seconds float64) (time.Duration, error) {
	if !(seconds >= 0) || seconds > math.MaxInt64/1e9 {
		return 0, fmt.Errorf("--seconds must be a number from 0 to 9e9, got %v", seconds)
	}
	d := time.Duration(seconds * float64(time.Second))
	if seconds > 0 && d == 0 {
		d = 1
	}
	return d, nil
}

func (a *app) printLandscape(b *bytes.Buffer, p *run.Problem, l *run.Landscape, out string, verified *check.Report) {
	fmt.Fprintf(b, "%s\n", describeTraining(p.Family))
	fmt.Fprintf(b, "%s\n\n", steps(p.Family, l.Rates)+auto(p.Family, l.RateFrom))
	fmt.Fprintf(b, "%s: %s\n", l.Verdict, l.Reason)
	summary := facts{
		{"infimum", bounds(l.Enclosed.Minimum[0], l.Enclosed.Minimum[1]), "of h (proved)"},
		{"ε", epsilon(l.EpsilonLow, l.Epsilon), "how far local minima may lie above it (proved)"},
		{"lower bound", number(l.LowerBound), "Σ λᵢ Cᵢ*: the optimal costs, each task by itself"},
	}
	for i, d := range l.Domain {
		name, note := "domain", "where h is finite"
		if i > 0 {
			name, note = "", ""
		}
		ends := l.Enclosed.Domain[i]
		for _, e := range ends {
			if d := float64(e[1] - e[0]); d > 1e-6*math.Abs(float64(e[1])) && !math.IsInf(d, 0) {
				note = fmt.Sprintf("its ends lie in [%s, %s] and [%s, %s]", number(ends[0][0]), number(ends[0][1]), number(ends[1][0]), number(ends[1][1]))
			}
		}
		summary = append(summary, fact{name, fmt.Sprintf("(%s, %s)", number(d[0]), number(d[1])), note})
	}
	summary.print(b)
	b.WriteByte('\n')

	t := table{columns: []column{text("minimiser"), numbers("w"), numbers("h"), numbers("above infimum"), numbers("gap"), numbers("basin"), numbers("to singular set")}}
	rows, rest := a.limitTo(len(l.Minimizers), "minimisers")
	for _, m := range l.Minimizers[:rows] {
		share := "–"
		if !math.IsInf(float64(m.Share), 0) {
			share = fmt.Sprintf("%.2f %%", 100*float64(m.Share))
		}
		above, far := size(m.Excess), known(m.Singular)
		if m.Kind == "undetermined" {
			above = "≤ " + above
		}
		for _, s := range l.Singular {
			if s.Unresolved > 0 && !strings.HasPrefix(far, "≥") {
				far = "≥ " + far
			}
		}
		t.row(m.Kind, number(run.Number(m.Gain.Data[0])), number(m.Value), above, size(m.Gap), share, far)
	}
	if len(t.rows) > 0 {
		t.print(b)
	}
	b.WriteString(rest)
	if a.detail {
		b.WriteByte('\n')
		t := table{columns: []column{text("maximiser"), numbers("w"), numbers("h")}}
		for i, m := range l.Maximizers {
			t.row(fmt.Sprint(i+1), number(run.Number(m.Gain.Data[0])), number(m.Value))
		}
		t.print(b)
		for _, s := range l.Singular {
			fmt.Fprintf(b, "singular set of %s:", s.Task)
			for _, w := range s.Gains {
				fmt.Fprintf(b, " %s", number(w))
			}
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "boxes examined: %d\n", l.Boxes)
	}
	for _, u := range l.Unresolved {
		fmt.Fprintf(b, "undecided: [%v, %v]\n", float64(u[0]), float64(u[1]))
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
	if len(l.Domain) > 0 {
		fmt.Fprintf(b, "figure: %s\n", filepath.Join(out, "landscape.svg"))
	}
}

// bounds shows a number that is known between two others.
func bounds(low, high run.Number) string {
	switch {
	case number(low) == number(high):
		return number(high)
	case math.Abs(float64(high)) >= 1e300:
		return "≥ " + number(low)
	case math.Abs(float64(high-low)) < 1e-9*math.Abs(float64(high)):
		return number(high) // they straddle a rounding
	}
	return fmt.Sprintf("in [%s, %s]", number(low), number(high))
}

// epsilon shows what is proved of ε.
func epsilon(low, high run.Number) string {
	switch {
	case high == 0:
		return "0"
	case high >= 1e300 && low > 0: // as good as none
		return "≥ " + landscape.AtLeast(float64(low))
	case high >= 1e300:
		return "no bound found"
	}
	return "≤ " + landscape.AtMost(float64(high))
}

// boxes shows how a proof goes on, on a terminal, once it has taken a second.
func (a *app) boxes() *boxBar {
	b := &boxBar{begun: time.Now()}
	if f, ok := a.err.(*os.File); ok && !a.quiet && term.IsTerminal(int(f.Fd())) {
		b.w = f
	}
	return b
}

type boxBar struct {
	w            io.Writer
	begun, drawn time.Time
	shown        *progressbar.ProgressBar
}

func (b *boxBar) observe(doing string, examined, waiting int) {
	b.show(fmt.Sprintf("%s: %d boxes examined, %d waiting", doing, examined, waiting))
}

func (b *boxBar) show(what string) {
	now := time.Now()
	if b.w == nil || now.Sub(b.begun) < patience || now.Sub(b.drawn) < redraw {
		return
	}
	b.drawn = now
	if b.shown == nil {
		b.shown = progressbar.NewOptions(-1, progressbar.OptionSetWriter(b.w), progressbar.OptionClearOnFinish())
	}
	b.shown.Describe(what)
	_ = b.shown.Add(1) // a bar is not worth an error
}

func (b *boxBar) end() {
	if b.shown != nil {
		_ = b.shown.Clear() // a terminal that went away needs no clearing
	}
}
