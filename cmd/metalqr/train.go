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
	to.Version = version()

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
	fmt.Fprintf(&b, "%s\n\n", steps(f, shown, from))

	symbol := slopeSymbol(f)
	table := table{columns: []column{text("task"), numbers(symbol + " at the start")}}
	rows, rest := a.limit(len(t.RateCheck))
	for _, c := range t.RateCheck[:rows] {
		value := number(c.Value)
		if !c.Exact {
			value = "≥ " + value
		}
		table.row(c.Task, value)
	}
	table.print(&b)
	fmt.Fprintf(&b, "%s\n", rest)
	_, _ = a.note().Write(b.Bytes()) // standard output remembers its error
	a.warnRates(symbol, rates[0], t.RateCheck)
}

// warnRates says for which tasks the condition on the rate fails before the
// first step.
func (a *app) warnRates(symbol string, rate float64, checks []run.RateCheck) {
	failing := slices.DeleteFunc(slices.Clone(checks), func(c run.RateCheck) bool { return !c.Warn })
	rows, rest := a.limit(len(failing))
	for _, c := range failing[:rows] {
		fmt.Fprintf(a.warn(), "warning: %s = %s ≥ 1 at the start for task %s; the largest rate is %s there\n",
			symbol, number(c.Value), c.Task, number(rate/float64(c.Value)))
	}
	if rest != "" {
		fmt.Fprintf(a.warn(), "warning: %s", rest)
	}
}

// slopeSymbol is what a rate is checked by: ‖I − J‖ of an inner step, which for
// the gradient rule is η‖∇²g‖.
func slopeSymbol(f *family.Family) string {
	if f.Meta.Inner.Rule != family.RuleGradient {
		return "‖I − J‖"
	}
	for _, t := range f.Tasks {
		if t.G != t.F {
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
	case "given":
		return "given, the gain in the file"
	}
	return s.Kind
}
