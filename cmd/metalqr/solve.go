package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/run"
)

func (a *app) solveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "solve FILE",
		Short: "Each task's own optimum: gain, cost, spectral radius, residual",
		Long: `Solve every task of a family on its own: the optimal gain W* of a = −W s, its
cost, the spectral radius of A − B W*, and the relative residual of the Riccati
equation, measured. Of a task over data, the parameters that fit it best and
their cost, where there is a way to them; where there is none, it says so.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: a.does(func(args []string) error {
			f, err := a.read(args[0])
			if err != nil {
				return err
			}
			s := run.Solve(f)
			return a.print(s, func(b *bytes.Buffer) { a.printSolution(b, f, s) })
		}),
	}
}

// problem reads a family and makes it ready.
func (a *app) problem(path string) (*run.Problem, error) {
	f, err := a.read(path)
	if err != nil {
		return nil, err
	}
	return run.NewProblem(f)
}

// describe says what a family is.
func describe(f *family.Family) string {
	s := fmt.Sprintf("family %s: %s, ", f.Name, count(len(f.Tasks), "task"))
	if f.Kind != family.LQR {
		rows, cols := f.Shape()
		s += fmt.Sprintf("%v over data, %s", f.Kind, count(rows*cols, "parameter"))
		if d := f.Drawn; d != nil {
			s += fmt.Sprintf(" (%d by %s; seed %d)", d.Count, d.Generator, d.Seed)
		}
		return s
	}
	s += count(f.States(), "state") + ", " + count(f.Inputs(), "input") + horizons(f)
	if f.Drawn != nil {
		s += fmt.Sprintf(" (%d by %s, the nominal one included; seed %d, %s)", f.Drawn.Count, f.Drawn.Generator, f.Drawn.Seed, count(f.Drawn.Redraws, "redraw"))
	}
	return s
}

// horizons says how long the tasks of a family last, where they end.
func horizons(f *family.Family) string {
	least, most := 0, 0
	for i := range f.Tasks {
		if h := f.Tasks[i].Finite; h != nil {
			if t := h.Outer.Horizon; most == 0 {
				least, most = t, t
			} else {
				least, most = min(least, t), max(most, t)
			}
		}
	}
	switch {
	case most == 0:
		return ""
	case least < most:
		return fmt.Sprintf(", horizons of %d to %d steps, one gain", least, most)
	case f.Gains == family.GainsPerTime:
		return fmt.Sprintf(", a horizon of %s, a gain for each", count(most, "step"))
	}
	return fmt.Sprintf(", a horizon of %s, one gain", count(most, "step"))
}

// describeTraining says what a family is, and what is done to its costs.
func describeTraining(f *family.Family) string {
	if f.Meta.Normalize == family.NormalizeOptimalCost {
		return describe(f) + "; costs are divided by each task's optimum"
	}
	return describe(f)
}

func (a *app) printSolution(b *bytes.Buffer, f *family.Family, s *run.Solution) {
	fmt.Fprintf(b, "%s\n\n", describe(f))
	r, d := f.Shape()
	small := r*d <= inlineEntries
	t := table{columns: []column{text("task"), numbers("optimal cost"), numbers("spectral radius").where("–"), numbers("residual").where("–")}}
	if small {
		t.columns = append(t.columns, text("W*"))
	}
	rows, rest := a.limit(len(s.Tasks))
	for _, task := range s.Tasks[:rows] {
		cells := []string{task.Name, number(task.Cost), number(task.Radius), size(task.Residual)}
		if small {
			cells = append(cells, inline(task.Gain))
		}
		t.row(cells...)
	}
	t.print(b)
	b.WriteString(rest)
	for _, task := range s.Tasks[:rows] {
		if task.Reason != "" {
			fmt.Fprintf(b, "%s: %s\n", task.Name, plainText(task.Reason))
		}
	}
	switch {
	case a.detail:
		for _, task := range s.Tasks {
			fmt.Fprintf(b, "\ntask %s\n", task.Name)
			if !task.Gain.IsZero() {
				printMatrix(b, "W*", task.Gain)
			}
			if !task.P.IsZero() {
				printMatrix(b, "P", task.P)
			}
		}
	case !small:
		b.WriteString("\nthe gains are too wide for the table: -v or --json shows them\n")
	}
}
