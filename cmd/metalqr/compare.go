package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/report"
	"github.com/metalqr/metalqr/run"
)

func (a *app) compareCommand() *cobra.Command {
	var names []string
	var out string
	var budget run.Budget
	var seconds float64
	cmd := &cobra.Command{
		Use:   "compare FILE",
		Short: "All algorithms from one start, by linear solves and seconds",
		Long: `Run MAML and its relatives on a family from one start and with one inner rate, and
measure each by the same yardstick: h, the mean cost after the family's own inner
steps, in linear matrix equations solved and in seconds; over data, in evaluations
and products with derivatives in place of the equations. MAML is taken by Newton's
method and by Algorithm 1; FO-MAML, HF-MAML and Reptile by Algorithm 1 with the
same outer rate; iMAML and the Moreau envelope, with κ = 1/rate, by Newton's
method; FTML plays the tasks in their order.

Each row says which stationary point of h the gain is, if one: for a scalar gain
the nearest of those that landscape proves. --out DIR writes compare.json and the figure; files that exist are
refused.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			var only []family.Algorithm
			for _, name := range names {
				var alg family.Algorithm
				if err := alg.UnmarshalText([]byte(name)); err != nil {
					return fmt.Errorf("--algorithms: %w", err)
				}
				only = append(only, alg)
			}
			if budget.Iterations < 0 || budget.Solves < 0 {
				return fmt.Errorf("--iterations and --solves must not be negative")
			}
			var err error
			if budget.Time, err = duration(seconds); err != nil {
				return err
			}
			return a.does(func(args []string) error { return a.compare(args[0], only, budget, out) })(cmd, args)
		},
	}
	cmd.Flags().StringSliceVar(&names, "algorithms", nil, "only these, `A,B,…`: maml, fo-maml, hf-maml, reptile, imaml, moreau, ftml")
	cmd.Flags().IntVar(&budget.Iterations, "iterations", 0, "at most `N` outer iterations each; 0: as the family says")
	cmd.Flags().Int64Var(&budget.Solves, "solves", 0, "at most `N` linear matrix equations (over data: evaluations and products) each; 0: no limit")
	cmd.Flags().Float64Var(&seconds, "seconds", 0, "at most `T` seconds each; 0: no limit")
	cmd.Flags().StringVar(&out, "out", "", "write compare.json and the figure in `DIR`")
	if err := cmd.MarkFlagDirname("out"); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}

func (a *app) compare(path string, only []family.Algorithm, budget run.Budget, out string) error {
	p, err := a.problem(path)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	c, err := p.Compare(ctx, only, budget, func(name string) {
		if a.detail {
			fmt.Fprintf(a.err, "%s …\n", name)
		}
	})
	if err != nil {
		return told(ctx, err)
	}
	var files []string
	if out != "" {
		if files, err = report.KeepComparison(c, out); err != nil {
			return err
		}
	}
	return a.print(struct {
		*run.Comparison
		Files []string `json:"files,omitempty"`
	}{c, files}, func(b *bytes.Buffer) { a.printComparison(b, p, c, out) })
}

func (a *app) printComparison(b *bytes.Buffer, p *run.Problem, c *run.Comparison, out string) {
	fmt.Fprintf(b, "%s\n%s\n", describeTraining(p.Family), steps(p.Family, c.Rates)+auto(p.Family, c.RateFrom))
	printMatrix(b, "start W", c.Start)
	fmt.Fprintf(b, "lower bound of h: %s\n\n", number(c.LowerBound))
	t := table{columns: []column{text("algorithm"), text("method"), numbers("h"), numbers("gap"), numbers("above the best"), numbers("‖∇h‖"),
		numbers("iterations"), numbers(c.Unit()), numbers("seconds"), text("status"), text("reached")}}
	for _, r := range c.Algorithms {
		where := r.Reached
		if where == "" {
			where = "–"
		}
		t.row(r.Algorithm, r.Method, number(r.Value), size(r.Gap), size(r.Excess), size(r.Gradient), fmt.Sprint(r.Iterations), fmt.Sprint(r.Solves),
			fmt.Sprintf("%.4f", r.Seconds), r.Status, where)
	}
	t.print(b)
	for _, r := range c.Algorithms {
		if r.Reason != "" {
			fmt.Fprintf(b, "%s: %s\n", r.Algorithm, plainText(r.Reason))
		}
	}
	for _, s := range c.Skipped {
		fmt.Fprintf(b, "%s is left out: %s\n", s.Algorithm, s.Reason)
	}
	if out != "" {
		fmt.Fprintf(b, "\nfigure: %s\n", filepath.Join(out, "compare.svg"))
	}
}
