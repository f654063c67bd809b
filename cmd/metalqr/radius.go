package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/report"
	"github.com/metalqr/metalqr/run"
)

func (a *app) radiusCommand() *cobra.Command {
	var o run.RadiusOptions
	var ε float64
	var out string
	cmd := &cobra.Command{
		Use:   "radius FILE --epsilon E",
		Short: "How similar tasks must be for every family of them to be ε-global",
		Long: `Say how near tasks must be to a nominal one, the first of FILE, for every family
of them to be E-global, whatever its size and its weights: no local minimum of its
meta-objective lies more than E above the infimum (Propositions 2 and 3 of the
paper). Distances are the paper's, ‖ΔA‖ + ‖ΔB‖ + ‖ΔQ‖ + ‖ΔR‖; the inner rule and the
rate are the file's.

For a scalar gain both ends of the answer are proved: delta_proved, within which
every family is E-global, and delta_searched, within which the worst family found is
not. For other gains there is delta_searched alone, and nothing is proved. Where the
nominal task by itself is not E-global there is no such distance, and the answer is
none.

Where FILE has several tasks it also says how far they are from the nominal one, and
whether that is within delta_proved: then the family is proved E-global as it stands.

--out DIR writes the proof of delta_proved as certificate.json, which metalqr check
verifies, the worst family as worst.yaml, which metalqr landscape proves not to be
E-global, radius.json, and the distance against ε, from E/100 to 10 E, as a figure in
SVG, PNG and PDF; files that exist are refused.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(ε > 0) || math.IsInf(ε, 1) {
				return fmt.Errorf("--epsilon must be a positive number, got %v", ε)
			}
			if o.Boxes < 1 {
				return fmt.Errorf("--boxes must be positive, got %d", o.Boxes)
			}
			return a.does(func(args []string) error { return a.radius(args[0], ε, o, out) })(cmd, args)
		},
	}
	cmd.Flags().Float64Var(&ε, "epsilon", 0, "`E`: how far above the infimum local minima may lie")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "of the search for the worst family")
	cmd.Flags().IntVar(&o.Boxes, "boxes", landscape.DefaultBoxes, "examine at most `N` boxes for each ε")
	cmd.Flags().StringVar(&out, "out", "", "write the worst family, the figure and the result in `DIR`")
	for _, err := range []error{cmd.MarkFlagRequired("epsilon"), cmd.MarkFlagDirname("out")} {
		if err != nil {
			panic(err) // there is no such flag
		}
	}
	return cmd
}

// curve is the ε of the figure: half decades from ε/100 to 10 ε.
func curve(ε float64) []float64 {
	var list []float64
	for k := -4; k <= 2; k++ {
		list = append(list, ε*math.Pow(10, float64(k)/2))
	}
	return list
}

func (a *app) radius(path string, ε float64, o run.RadiusOptions, out string) error {
	p, err := a.problem(path)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	if out != "" {
		o.Curve = curve(ε)
	}
	boxes, starts := a.boxes(), a.starts()
	o.Progress, o.Search = boxes.observe, starts.observe
	r, err := p.Radius(ctx, ε, o)
	boxes.end()
	starts.end()
	if err != nil {
		return told(ctx, err)
	}
	var files []string
	if out != "" {
		if files, err = report.KeepRadius(r, out); err != nil {
			return err
		}
	}
	return a.print(struct {
		*run.Radius
		Files []string `json:"files,omitempty"`
	}{r, files}, func(b *bytes.Buffer) { a.printRadius(b, p, r, out, len(files) > 0) })
}

func (a *app) printRadius(b *bytes.Buffer, p *run.Problem, r *run.Radius, out string, figure bool) {
	fmt.Fprintf(b, "%s\n%s\n\n", describeTraining(p.Family), steps(p.Family, r.Rates)+auto(p.Family, r.RateFrom))
	fmt.Fprintf(b, "%s: %s\n", r.Verdict, wrapped(r.Reason, screen-len(r.Verdict)-2))
	facts{
		{"ε", entry(r.Epsilon), "how far above the infimum local minima may lie"},
		{"nominal task", r.Task, "by itself its ε is " + bounds(r.Nominal[0], r.Nominal[1])},
		{"δ proved", zeroOr(r.Proved), "every family within it is ε-global (proved)"},
		{"δ searched", zeroOr(r.Searched), "a family within it is not" + map[string]string{"interval": " (proved)", "search": " (as found)"}[r.Proof]},
	}.print(b)
	if len(r.Tasks) > 1 {
		sentence := fmt.Sprintf("the family's tasks are at most %s from %s", zeroOr(r.Largest), r.Task)
		if r.Within {
			sentence += ", within δ proved: the family is ε-global itself (proved)"
		} else {
			sentence += ", not within a δ that is proved"
		}
		fmt.Fprintf(b, "\n%s:\n", sentence)
		t := table{columns: []column{text("task"), numbers("distance")}}
		for _, x := range r.Tasks {
			t.row(x.Name, zeroOr(x.Distance))
		}
		t.print(b)
	}
	if r.Worst != nil && r.Verdict != "none" {
		fmt.Fprintf(b, "\nthe worst family found, its ε %s:\n", exactly(r.Worst.Epsilon))
		t := table{columns: []column{text("task"), numbers("weight"), numbers("distance")}}
		for _, x := range r.Worst.Tasks {
			t.row(x.Name, number(x.Weight), number(x.Distance))
		}
		t.print(b)
	}
	if len(r.Curve) > 0 {
		b.WriteByte('\n')
		t := table{columns: []column{numbers("ε"), numbers("δ proved"), numbers("δ searched")}}
		for _, c := range r.Curve {
			t.row(size(c.Epsilon), zeroOr(c.Proved), zeroOr(c.Searched))
		}
		t.print(b)
	}
	if out != "" {
		b.WriteByte('\n')
		if r.Certificate() != nil {
			fmt.Fprintf(b, "certificate: %s\n", filepath.Join(out, "certificate.json"))
		}
		if r.Worst != nil {
			fmt.Fprintf(b, "the worst family: %s\n", filepath.Join(out, "worst.yaml"))
		}
		if figure {
			fmt.Fprintf(b, "figure: %s\n", filepath.Join(out, "radius.svg"))
		}
	}
}

// exactly shows a number known between two others, or by itself.
func exactly(x [2]run.Number) string {
	if number(x[0]) == number(x[1]) {
		return number(x[0])
	}
	return bounds(x[0], x[1])
}

// starts shows how a search goes on, on a terminal, once it has taken a second.
func (a *app) starts() *startBar {
	b := &startBar{begun: time.Now()}
	if f, ok := a.err.(*os.File); ok && !a.quiet && term.IsTerminal(int(f.Fd())) {
		b.w = f
	}
	return b
}

type startBar struct {
	w            *os.File
	begun, drawn time.Time
	shown        *progressbar.ProgressBar
}

func (b *startBar) observe(done, most int) {
	now := time.Now()
	if b.w == nil || now.Sub(b.begun) < patience || now.Sub(b.drawn) < redraw {
		return
	}
	b.drawn = now
	if b.shown == nil {
		b.shown = progressbar.NewOptions(most, progressbar.OptionSetWriter(b.w), progressbar.OptionSetDescription("searching"),
			progressbar.OptionShowCount(), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish())
	}
	b.shown.ChangeMax(most)
	_ = b.shown.Set(min(done, most)) // a bar is not worth an error
}

func (b *startBar) end() {
	if b.shown != nil {
		_ = b.shown.Clear() // a terminal that went away needs no clearing
	}
}
