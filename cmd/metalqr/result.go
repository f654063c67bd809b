package main

import (
	"bytes"
	"fmt"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/run"
)

// printResult writes what a training run came to.
func (a *app) printResult(b *bytes.Buffer, f *family.Family, r *run.Result, directory string) {
	fmt.Fprintf(b, "%s\n", ending(r))
	rate := slopeSymbol(f) + " < 1 for every task at every inner step from here, below this rate"
	if !r.LargestRate.Exact {
		rate += "; norms estimated from below"
	}
	facts{
		{"value", number(r.Value), "mean cost after " + steps(f, r.Rates, r.RateFrom)},
		{"lower bound", number(r.LowerBound), "Σ λᵢ Cᵢ*: the optimal costs, each task by itself"},
		{"gap", size(r.Gap), "the value is above its minimum by at most this"},
		{"gradient norm", size(r.GradientNorm), ""},
		{"largest rate", number(r.LargestRate.Rate), rate},
		{"certificate", r.Certificate.Verdict, r.Certificate.Reason},
	}.print(b)
	b.WriteByte('\n')
	printMatrix(b, "W", r.Gain)
	b.WriteByte('\n')
	if a.detail {
		a.printCertificate(b, r)
	}
	a.printTasks(b, r)
	a.printBaselines(b, r)
	if a.detail {
		fmt.Fprintf(b, "\nstarted from %s: ", r.Start.Kind)
		printMatrix(b, "W", r.Start.Gain)
		fmt.Fprintf(b, "%s of the meta-objective, %s with its Hessian\n",
			count(r.Evaluations, "evaluation"), count(r.Products, "product"))
	}
	fmt.Fprintf(b, "\nrun directory: %s\n", directory)
}

// ending says how a run ended.
func ending(r *run.Result) string {
	n := count(r.Iterations, "iteration")
	switch r.Status {
	case maml.Converged:
		return fmt.Sprintf("converged after %s, at %s", n, kind(r.Kind))
	case maml.IterationLimit:
		return fmt.Sprintf("not converged: stopped at the limit of %s", n)
	case maml.Stalled:
		return fmt.Sprintf("stalled after %s: no step lowers the value by more than rounding", n)
	case maml.LeftDomain:
		return fmt.Sprintf("left the domain after %s; the last gain inside it:", n)
	}
	return fmt.Sprintf("%s after %s", r.Status, n)
}

func kind(k maml.Kind) string {
	switch k {
	case maml.Minimum:
		return "a strict local minimum"
	case maml.Saddle:
		return "a saddle"
	case maml.Maximum:
		return "a maximum"
	case maml.Degenerate:
		return "a degenerate stationary point: the Hessian is singular as far as can be told"
	}
	return "a stationary point"
}

func (a *app) printTasks(b *bytes.Buffer, r *run.Result) {
	small := r.Gain.Rows*r.Gain.Cols <= inlineEntries
	t := table{columns: []column{text("task"), numbers("before"), numbers("after"), numbers("optimum"), numbers("gap"), numbers("radius")}}
	if small {
		t.columns = append(t.columns, text("adapted W"))
	}
	rows, rest := a.limit(len(r.Tasks))
	for _, task := range r.Tasks[:rows] {
		cells := []string{task.Name, number(task.CostBefore), number(task.CostAfter), number(task.OptimalCost),
			size(task.GapAfter), number(task.RadiusAfter)}
		if small {
			cells = append(cells, inline(task.AdaptedGain))
		}
		t.row(cells...)
	}
	t.print(b)
	b.WriteString(rest)
	if a.detail && !small {
		for _, task := range r.Tasks {
			b.WriteByte('\n')
			printMatrix(b, "adapted W, task "+task.Name, task.AdaptedGain)
		}
	}
}

// printBaselines answers whether it was worth it.
func (a *app) printBaselines(b *bytes.Buffer, r *run.Result) {
	b.WriteString("\nwas it worth it? mean cost before and after the same inner steps\n")
	before := objective.Sum(len(r.Tasks), func(i int) float64 { return float64(r.Tasks[i].Weight * r.Tasks[i].CostBefore) })
	t := table{columns: []column{text("from"), numbers("before"), numbers("after"), text("")}}
	t.row("the gain found", number(before), number(r.Value), "")
	for _, base := range []struct {
		name string
		run.Baseline
	}{
		{"mean of the optima", r.Baselines.MeanOptimal},
		{"argmin of the mean cost", r.Baselines.ArgminMeanCost},
	} {
		t.row(base.name, number(base.CostBefore), number(base.CostAfter), plainText(base.Reason))
	}
	t.row("every task's optimum", number(r.LowerBound), "", "the lower bound")
	t.print(b)
}

func (a *app) printCertificate(b *bytes.Buffer, r *run.Result) {
	for _, t := range r.Certificate.Theorems {
		fmt.Fprintf(b, "%s: %s\n", t.Name, t.Verdict)
	}
	t := table{columns: []column{text("condition"), text("task"), numbers("step"), numbers("value"), text(""), numbers("limit"), numbers("margin"), text("holds")}}
	for _, c := range r.Certificate.Conditions {
		holds := "no"
		if c.Holds {
			holds = "yes"
		}
		t.row(c.Name, c.Task, fmt.Sprint(c.Step), size(c.Value), c.Sense, entry(c.Limit), size(c.Margin), holds)
	}
	t.print(b)
	b.WriteByte('\n')
}
