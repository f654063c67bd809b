package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/run"
)

func (a *app) trainCommand() *cobra.Command {
	var to run.Destination
	cmd := &cobra.Command{
		Use:   "train FILE",
		Short: "Meta-learn a gain and write a run directory",
		Long: `Meta-learn the gain W that minimises the mean cost after the family's inner
steps, and keep the run in a directory: the spec as run, the result, the gain and
the adapted gains (CSV and NPY), a trace, times, a checkpoint, and a manifest
with the SHA-256 of every file but the times.

Without --out the directory is runs/<family>/<next number>. A directory that
exists is refused, unless --resume continues the run in it: whatever stopped the
run, every hashed file ends with the same bits as without the stop. Ctrl-C saves
the newest iterate and says how to go on; the exit status is 1. A run that left
the domain prints its last iterate inside it; the exit status is 1.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to.Resume && to.Path == "" {
				return fmt.Errorf("--resume needs --out DIR, the directory of the run to go on with")
			}
			return a.does(func(args []string) error { return a.train(args[0], to) })(cmd, args)
		},
	}
	cmd.Flags().StringVar(&to.Path, "out", "", "the run directory, `DIR` (default runs/<family>/<next number>)")
	cmd.Flags().BoolVar(&to.Resume, "resume", false, "continue the run in --out, or begin it there")
	if err := cmd.MarkFlagDirname("out"); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}

func (a *app) train(path string, to run.Destination) error {
	f, err := a.read(path)
	if err != nil {
		return err
	}
	to.Command = append([]string{"metalqr"}, a.args...)
	to.Version = build()

	// The first signal ends the run in order; a second one, at once.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	var progress progress
	result, directory, err := run.Train(ctx, f, to, func(t *run.Trainer) {
		a.printBeginning(f, t)
		progress = a.progress(f.Meta.Outer.Iterations)
	}, func(r maml.Record) { progress.observe(r) })
	progress.end()
	switch {
	case err != nil && ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())):
		return &interruptedError{directory: directory, file: path, err: err}
	case err != nil:
		return err
	}
	err = a.print(struct {
		*run.Result
		Directory string `json:"directory"`
	}{result, directory}, func(b *bytes.Buffer) { a.printResult(b, f, result, directory) })
	if err == nil && result.Status == maml.LeftDomain {
		err = &printedError{fmt.Sprintf("the run left the domain after %s: %s", count(result.Iterations, "iteration"), plainText(result.Reason))}
	}
	return err
}

// printBeginning says where a run starts, and what its inner rate means there.
func (a *app) printBeginning(f *family.Family, t *run.Trainer) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", describeTraining(f))
	rates, from := t.Rates()
	fmt.Fprintf(&b, "start: %s\n", startKind(t.Start))
	if n := t.Start.Gain.Rows * t.Start.Gain.Cols; n <= inlineEntries || a.detail {
		printMatrix(&b, "W", t.Start.Gain)
	}
	shown := make([]run.Number, len(rates))
	for i, r := range rates {
		shown[i] = run.Number(r)
	}
	fmt.Fprintf(&b, "%s\n\n", steps(f, shown)+auto(f, from))

	symbol := slopeSymbol(f)
	a.printRates(&b, symbol, len(rates), t.RateCheck)
	_, _ = a.note().Write(b.Bytes()) // standard output remembers its error
	a.warnRates(symbol, rates, t.RateCheck)
}

// printRates shows the condition on the rates: for each task, where there are
// several steps, at its worst, or with -v at every one.
func (a *app) printRates(b *bytes.Buffer, symbol string, steps int, checks []run.RateCheck) {
	table := table{columns: []column{text("task"), numbers(symbol + " at the start")}}
	if steps > 1 {
		table.columns = []column{text("task"), numbers("step"), numbers(symbol)}
		if !a.detail {
			checks = worstRates(checks)
			table.columns[2].head = "largest " + symbol
		}
	}
	rows, rest := a.limit(len(checks))
	for _, c := range checks[:rows] {
		value := number(c.Value)
		if !c.Exact {
			value = "≥ " + value
		}
		if steps > 1 {
			table.row(c.Task, fmt.Sprint(c.Step), value)
		} else {
			table.row(c.Task, value)
		}
	}
	table.print(b)
	fmt.Fprintf(b, "%s\n", rest)
}

// worstRates keeps the largest value of each task, in the order met.
func worstRates(checks []run.RateCheck) []run.RateCheck {
	var out []run.RateCheck
	at := map[string]int{}
	for _, c := range checks {
		if i, ok := at[c.Task]; !ok {
			at[c.Task] = len(out)
			out = append(out, c)
		} else if c.Value > out[i].Value {
			out[i] = c
		}
	}
	return out
}

// warnRates says where the condition on the rate fails, before the first
// step.
func (a *app) warnRates(symbol string, rates []float64, checks []run.RateCheck) {
	failing := slices.DeleteFunc(slices.Clone(checks), func(c run.RateCheck) bool { return !c.Warn })
	rows := len(failing)
	if !a.detail {
		rows = min(rows, shown)
	}
	for _, c := range failing[:rows] {
		where := "at the start"
		if c.Step > 0 {
			where = "after inner step " + fmt.Sprint(c.Step)
		}
		fmt.Fprintf(a.warn(), "warning: %s = %s ≥ 1 %s for task %s; the largest rate is %s there\n",
			symbol, number(c.Value), where, c.Task, number(rates[c.Step]/float64(c.Value)))
	}
	if more := len(failing) - rows; more > 0 {
		fmt.Fprintf(a.warn(), "warning: … and %d more (-v shows all)\n", more)
	}
}

// slopeSymbol is what a rate is checked by: ‖I − J‖ of an inner step, which for
// the gradient rule is η‖∇²g‖.
func slopeSymbol(f *family.Family) string {
	if f.Meta.Inner.Rule != family.RuleGradient {
		return "‖I − J‖"
	}
	for i := range f.Tasks {
		if outer, inner := f.Tasks[i].Objectives(); outer != inner {
			return "η‖∇²g‖"
		}
	}
	return "η‖∇²C‖"
}

func startKind(s *run.Start) string {
	switch s.Kind {
	case "mean-optimal":
		return "mean-optimal, the mean of the tasks' optimal gains"
	case "search":
		return fmt.Sprintf("search, a gain inside the domain, found by %s", count(s.Evaluations, "evaluation"))
	case "random":
		return fmt.Sprintf("random, inside the domain at the %s", count(s.Draws, "draw"))
	case "infinite-horizon":
		return "infinite-horizon, the mean of the gains that would be optimal without an end"
	case "rows":
		return "rows, some of the first task's that are far apart"
	case "given":
		return "given, the gain in the file"
	}
	return s.Kind
}
