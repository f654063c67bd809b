package main

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
	"github.com/metalqr/metalqr/run"
)

// printResult writes what a training run came to.
func (a *app) printResult(b *bytes.Buffer, f *family.Family, r *run.Result, directory string) {
	fmt.Fprintf(b, "%s\n", ending(r))
	summary := facts{
		{"value", number(r.Value), "mean cost after " + steps(f, r.Rates)},
		{"lower bound", number(r.LowerBound), boundNote(len(r.Tasks), func(i int) run.Number { return r.Tasks[i].OptimalCost })},
		{"gap", size(r.Gap), "the value is above its minimum by at most this"},
		{"gradient norm", size(r.GradientNorm), ""},
		{"certificate", r.Certificate.Verdict, r.Certificate.Reason},
	}
	if l := r.LargestRate; l != nil {
		rate := "at lower rates, " + slopeSymbol(f) + " < 1 for every task at every inner step from here"
		if !l.Exact {
			rate = "at most, the norms being known from below; " + rate
		}
		if len(r.Rates) > 1 {
			rate += "; " + l.How
		}
		summary = slices.Insert(summary, len(summary)-1, fact{"largest rate", number(l.Rate), rate})
	}
	if r.Best != nil {
		best := fact{"best met", number(r.Best.Value), fmt.Sprintf("after %s; its gain is shown below too", count(r.Best.Iteration, "iteration"))}
		summary = slices.Insert(summary, 1, best)
	}
	summary.print(b)
	b.WriteString(timid(f, r))
	b.WriteByte('\n')
	printMatrix(b, "W", r.Gain)
	if r.Best != nil {
		printMatrix(b, "best W met", r.Best.Gain)
	}
	if r.LearnedRates != nil {
		printMatrix(b, "rates learned", *r.LearnedRates)
	}
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
	if m := &f.Meta; r.Gain.Rows*r.Gain.Cols == 1 && f.Beyond() == "" && !m.Algorithm.Proximal() && m.Inner.Learn == family.LearnNone {
		fmt.Fprintf(b, "metalqr landscape %s   proves whether there is a better minimiser\n", shell(filepath.Join(directory, "spec.yaml")))
	}
}

// timid says where rate: auto, which is half the largest at the start, is far below
// what the gain found allows: a start near the border of the domain makes it so.
func timid(f *family.Family, r *run.Result) string {
	const usual = 10 // from a mean-optimal start they are within a few times of each other
	if !f.Meta.Inner.Rate.Auto || r.LargestRate == nil || !r.LargestRate.Exact {
		return ""
	}
	rate, largest := float64(r.Rate), float64(r.LargestRate.Rate)
	if !(largest > usual*rate) || math.IsInf(largest, 1) {
		return ""
	}
	return wrapped(fmt.Sprintf("note: the rate, chosen at the start, is %s times below the largest at the gain found; a start near the border of the domain does that. Set meta.inner.rate, to %s say",
		number(run.Number(math.Floor(largest/rate))), number(run.Number(0.5*largest))), screen)
}

// boundNote says what a lower bound is made of: optimal costs, or where one is
// not known, bounds.
func boundNote(tasks int, optimum func(i int) run.Number) string {
	for i := range tasks {
		if math.IsNaN(float64(optimum(i))) {
			return "Σ λᵢ bᵢ: no task's cost is below its bᵢ, which some do not attain"
		}
	}
	return "Σ λᵢ Cᵢ*: the optimal costs, each task by itself"
}

// boundName names a row with a lower bound.
func boundName(tasks int, optimum func(i int) run.Number) string {
	for i := range tasks {
		if math.IsNaN(float64(optimum(i))) {
			return "bounds of the tasks"
		}
	}
	return "every task's optimum"
}

// ending says how a run ended.
func ending(r *run.Result) string {
	n := count(r.Iterations, "iteration")
	switch r.Status {
	case maml.Converged:
		if r.Direction != "" {
			return fmt.Sprintf("converged after %s: the direction followed vanishes", n)
		}
		return fmt.Sprintf("converged after %s; the Hessian there %s", n, hessian(r))
	case maml.IterationLimit:
		return fmt.Sprintf("not converged: stopped at the limit of %s", n)
	case maml.Stalled:
		return fmt.Sprintf("stalled after %s: no step lowers the value by more than rounding", n)
	case maml.LeftDomain:
		return fmt.Sprintf("left the domain after %s; the last gain inside it:", n)
	}
	return fmt.Sprintf("%s after %s", r.Status, n)
}

// hessian says what was measured of the Hessian where a run converged.
func hessian(r *run.Result) string {
	least := ""
	for _, c := range r.Certificate.Conditions {
		if c.Name == "meta-hessian-min" {
			least = size(c.Value)
		}
	}
	if least == "" { // there is no certificate to measure it for
		return map[maml.Kind]string{maml.Minimum: "is positive definite", maml.Saddle: "is indefinite, as at a saddle", maml.Maximum: "is negative definite, as at a maximum",
			maml.Degenerate: "is singular as far as can be told", maml.Unclassified: "has signs that are not known"}[r.Kind]
	}
	switch r.Kind {
	case maml.Minimum:
		return "is positive definite (λ_min = " + least + ")"
	case maml.Saddle:
		return "is indefinite, as at a saddle (λ_min ≤ " + least + ")"
	case maml.Maximum:
		return "is negative definite, as at a maximum (λ_min = " + least + ")"
	case maml.Degenerate:
		return "is singular as far as can be told (λ_min = " + least + ")"
	}
	return "has λ_min ≤ " + least + ", and its sign is not known"
}

func (a *app) printTasks(b *bytes.Buffer, r *run.Result) {
	small := r.Gain.Rows*r.Gain.Cols <= inlineEntries
	t := table{columns: []column{text("task"), numbers("before"), numbers("after"), numbers("optimum"), numbers("gap"), numbers("radius").where("–")}}
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
	t.row(boundName(len(r.Tasks), func(i int) run.Number { return r.Tasks[i].OptimalCost }), number(r.LowerBound), "", "the lower bound")
	t.print(b)
}

func (a *app) printCertificate(b *bytes.Buffer, r *run.Result) {
	for _, t := range r.Certificate.Theorems {
		fmt.Fprintf(b, "%s: %s\n", t.Name, t.Verdict)
	}
	t := table{columns: []column{text("condition"), text("task"), numbers("step"), numbers("value"), text("must be"), numbers("limit"), numbers("margin"), text("holds")}}
	for _, c := range r.Certificate.Conditions {
		holds := "no"
		switch {
		case c.Holds:
			holds = "yes"
		case c.Undetermined:
			holds = "not known"
		}
		t.row(c.Name, c.Task, fmt.Sprint(c.Step), known(c.Value), c.Sense, entry(c.Limit), known(c.Margin), holds)
	}
	t.print(b)
	b.WriteByte('\n')
}

// known is size, of what may not have been formed.
func known(x run.Number) string {
	if math.IsInf(float64(x), 0) {
		return "–"
	}
	return size(x)
}
