package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/run"
)

func (a *app) adaptCommand() *cobra.Command {
	var gain, out string
	var steps int
	cmd := &cobra.Command{
		Use:   "adapt FILE --gain G --steps K",
		Short: "Costs after 0…K inner steps from a gain, on every task",
		Long: `Take K inner steps from a gain on every task of a family: the cost after each,
against the task's own optimum, and the mean cost against that from the mean of
the optima and from the minimiser of the mean cost. A step that would
destabilise its task is refused, and counted.

--out DIR writes the adapted gains to DIR/adapted.csv and DIR/adapted.npy; files
that exist are refused.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if steps < 0 || steps > family.MaxSteps {
				return fmt.Errorf("--steps must be from 0 to %d, got %d", family.MaxSteps, steps)
			}
			return a.does(func(args []string) error { return a.adapt(args[0], gain, steps, out) })(cmd, args)
		},
	}
	gainFlag(cmd, &gain)
	cmd.Flags().IntVar(&steps, "steps", 0, "number `K` of inner steps")
	cmd.Flags().StringVar(&out, "out", "", "write adapted.csv and adapted.npy in `DIR`")
	for _, err := range []error{cmd.MarkFlagRequired("steps"), cmd.MarkFlagDirname("out")} {
		if err != nil {
			panic(err) // there is no such flag
		}
	}
	return cmd
}

func (a *app) adapt(path, gain string, steps int, out string) error {
	p, w, err := a.problemAndGain(path, gain)
	if err != nil {
		return err
	}
	r, err := p.Adapt(context.Background(), w, steps)
	if err != nil {
		return err
	}
	if out != "" {
		if err := r.Keep(out); err != nil {
			return err
		}
	}
	return a.print(r, func(b *bytes.Buffer) {
		a.printAdaptation(b, p, r)
		if out != "" {
			fmt.Fprintf(b, "\nadapted gains: %s and adapted.npy\n", filepath.Join(out, "adapted.csv"))
		}
	})
}

func (a *app) printAdaptation(b *bytes.Buffer, p *run.Problem, r *run.Adaptation) {
	fmt.Fprintf(b, "%s\n", describeTraining(p.Family))
	if len(r.Rates) > 0 {
		fmt.Fprintf(b, "%s\n", steps(p.Family, r.Rates)+auto(p.Family, r.RateFrom))
	}
	b.WriteString("\ncost of each task after 0, 1, … inner steps\n")
	after := a.columns(r.Steps)
	t := table{columns: []column{text("task"), numbers("optimum")}}
	for _, k := range after {
		t.columns = append(t.columns, numbers(fmt.Sprint(k)))
	}
	t.columns = append(t.columns, numbers("gap"), numbers("radius").where("–"), numbers("refused"))
	rows, rest := a.limit(len(r.Tasks))
	for _, task := range r.Tasks[:rows] {
		cells := []string{task.Name, number(task.OptimalCost)}
		for _, k := range after {
			cells = append(cells, number(task.Costs[k]))
		}
		t.row(append(cells, size(task.Gaps[r.Steps]), number(task.Radii[r.Steps]), fmt.Sprint(len(task.Refused)))...)
	}
	t.print(b)
	b.WriteString(rest)
	a.printRefusals(b, r)

	b.WriteString("\nmean cost, from this gain and from others\n")
	t = table{columns: []column{text("from")}}
	for _, k := range after {
		t.columns = append(t.columns, numbers(fmt.Sprint(k)))
	}
	t.columns = append(t.columns, numbers("refused"), text(""))
	mean := func(name string, costs []run.Number, refused, reason string) {
		cells := []string{name}
		for _, k := range after {
			cell := "–"
			if k < len(costs) {
				cell = number(costs[k])
			}
			cells = append(cells, cell)
		}
		t.row(append(cells, refused, reason)...)
	}
	refused := 0
	for _, task := range r.Tasks {
		refused += len(task.Refused)
	}
	mean("this gain", r.MeanCosts, fmt.Sprint(refused), "")
	for _, base := range []struct {
		name string
		run.AdaptBaseline
	}{
		{"mean of the optima", r.Baselines.MeanOptimal},
		{"argmin of the mean cost", r.Baselines.ArgminMeanCost},
	} {
		mean(base.name, base.MeanCosts, fmt.Sprint(base.Refused), plainText(base.Reason))
	}
	mean(boundName(len(r.Tasks), func(i int) run.Number { return r.Tasks[i].OptimalCost }), slices.Repeat([]run.Number{r.LowerBound}, r.Steps+1), "–", "the lower bound")
	t.print(b)

	if a.detail {
		for _, task := range r.Tasks {
			b.WriteByte('\n')
			printMatrix(b, "adapted W, task "+task.Name, task.AdaptedGain)
		}
	}
}

// columns chooses the numbers of steps that a table has room for: all up to
// six; else 0, 1, 2, 5, 10, 20, 50, … and the last.
func (a *app) columns(k int) []int {
	var out []int
	if k <= 6 {
		for i := range k + 1 {
			out = append(out, i)
		}
		return out
	}
	out = []int{0}
	for decade := 1; decade < k; decade *= 10 {
		for _, m := range []int{1, 2, 5} {
			if decade*m < k {
				out = append(out, decade*m)
			}
		}
	}
	if len(out) > 7 && !a.detail {
		out = slices.Concat(out[:1], out[len(out)-6:])
	}
	return append(out, k)
}

// printRefusals says for each task why its first refused step was.
func (a *app) printRefusals(b *bytes.Buffer, r *run.Adaptation) {
	said := 0
	for _, task := range r.Tasks {
		if len(task.Refused) == 0 {
			continue
		}
		if said++; said == 1 {
			b.WriteString("\nrefused steps\n")
		}
		if first := task.Refused[0]; a.detail || said <= shown {
			fmt.Fprintf(b, "  %s, from step %d: %s\n", task.Name, first.Step, plainText(first.Reason))
		}
	}
	if said > shown && !a.detail {
		fmt.Fprintf(b, "  … and on %d more tasks (-v shows all)\n", said-shown)
	}
}
