package main

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/run"
)

func (a *app) evalCommand() *cobra.Command {
	var gain string
	var check bool
	cmd := &cobra.Command{
		Use:   "eval FILE --gain G",
		Short: "Costs, gradients and the meta-objective at a gain",
		Long: `Evaluate every task and the meta-objective at a gain. A gain that does not
stabilise is an answer, not an error: its cost is infinite (null in JSON).

--gradcheck compares every derivative with differences: gradient, Hessian and
third derivative of each task and of the meta-objective, and the Jacobian of
each inner step. The noise is the error that the differences estimate of
themselves.`,
		Args:              file,
		ValidArgsFunction: completeFile,
		RunE: a.does(func(args []string) error {
			p, w, err := a.problemAndGain(args[0], gain)
			if err != nil {
				return err
			}
			e, err := p.Evaluate(context.Background(), w, check)
			if err != nil {
				return err
			}
			return a.print(e, func(b *bytes.Buffer) { a.printEvaluation(b, p, e) })
		}),
	}
	gainFlag(cmd, &gain)
	cmd.Flags().BoolVar(&check, "gradcheck", false, "compare every derivative with differences")
	return cmd
}

// problemAndGain reads a family and a gain that fits it.
func (a *app) problemAndGain(path, gain string) (*run.Problem, matrixeq.Matrix, error) {
	if path == "-" && gain == "-" {
		return nil, matrixeq.Matrix{}, &inputError{fmt.Errorf("the family and the gain cannot both come from standard input")}
	}
	p, err := a.problem(path)
	if err != nil {
		return nil, matrixeq.Matrix{}, err
	}
	rows, cols := p.Family.Shape()
	w, err := family.ReadGain(gain, rows, cols)
	if err != nil {
		return nil, matrixeq.Matrix{}, &inputError{err}
	}
	if p.Family.Meta.Inner.Learn != family.LearnNone {
		fmt.Fprintf(a.warn(), "warning: rates that training learned are no part of a gain file; the gain is judged with the family's own rate\n")
	}
	return p, w, nil
}

func (a *app) printEvaluation(b *bytes.Buffer, p *run.Problem, e *run.Evaluation) {
	fmt.Fprintf(b, "%s\n", describeTraining(p.Family))
	printMatrix(b, "W", e.Gain)
	b.WriteByte('\n')
	t := table{columns: []column{text("task"), text("stable").where("–"), numbers("cost"), numbers("optimal cost"), numbers("gap"),
		numbers("‖gradient‖"), numbers("spectral radius").where("–")}}
	rows, rest := a.limit(len(e.Tasks))
	for _, task := range e.Tasks[:rows] {
		stable, gradient := "no", "–"
		if task.Stable {
			stable, gradient = "yes", size(dense.Norm(task.Gradient.Data))
			if math.IsNaN(float64(task.Radius)) { // nothing to be stable
				stable = "–"
			}
		}
		t.row(task.Name, stable, number(task.Cost), number(task.OptimalCost), size(task.Gap), gradient, number(task.Radius))
	}
	t.print(b)
	b.WriteString(rest)

	fmt.Fprintf(b, "\nmeta-objective")
	if len(e.Rates) > 0 {
		fmt.Fprintf(b, " (%s)", steps(p.Family, e.Rates)+auto(p.Family, e.RateFrom))
	}
	if e.Meta == nil {
		fmt.Fprintf(b, ": infinite\n  %s\n", plainText(e.Reason))
	} else {
		b.WriteByte('\n')
		facts{
			{"value", number(e.Meta.Value), ""},
			{"lower bound", number(e.Meta.LowerBound), boundNote(len(e.Tasks), func(i int) run.Number { return e.Tasks[i].OptimalCost })},
			{"gap", size(e.Meta.Gap), "the value is above its minimum by at most this"},
			{"‖gradient‖", size(dense.Norm(e.Meta.Gradient.Data)), ""},
		}.print(b)
		if a.detail {
			printMatrix(b, "gradient", e.Meta.Gradient)
		}
	}
	if len(e.GradCheck) > 0 {
		a.printGradCheck(b, e.GradCheck)
	}
}

// printGradCheck writes the worst of each derivative, or with -v all.
func (a *app) printGradCheck(b *bytes.Buffer, checks []run.GradCheck) {
	b.WriteString("\nderivatives against differences\n")
	t := table{columns: []column{text("of"), text("derivative"), numbers("relative difference"), numbers("noise")}}
	show := checks
	const each = 24
	if !a.detail && len(show) > each {
		show = worst(show)
	}
	for _, c := range show {
		t.row(c.Of, c.Derivative, size(c.Relative), size(c.Noise))
	}
	t.print(b)
	if len(show) < len(checks) {
		fmt.Fprintf(b, "the largest of each kind, of %d checks (-v shows all)\n", len(checks))
	}
}

// worst keeps, for the meta-objective and for the tasks together, the largest
// difference of each derivative, in the order met.
func worst(checks []run.GradCheck) []run.GradCheck {
	type kind struct {
		meta       bool
		derivative string
	}
	var out []run.GradCheck
	at := map[kind]int{}
	for _, c := range checks {
		k := kind{c.Of == "meta", c.Derivative}
		if i, ok := at[k]; !ok {
			at[k] = len(out)
			out = append(out, c)
		} else if c.Relative > out[i].Relative {
			out[i] = c
		}
	}
	return out
}

// steps describes the inner steps; the last rate stands for those after it too.
func steps(f *family.Family, rates []run.Number) string {
	if f.Meta.Algorithm.Proximal() {
		return "the proximal step, κ = " + strength(f, rates)
	}
	s := count(len(rates), f.Meta.Inner.Rule.String()+" step") + " at " + rateWord(rates) + " " + entry(rates[0])
	last := len(rates) - 1
	for last > 0 && rates[last] == rates[last-1] {
		last--
	}
	for _, r := range rates[1 : last+1] {
		s += ", " + entry(r)
	}
	return s
}

// strength is κ of a proximal step.
func strength(f *family.Family, rates []run.Number) string {
	if κ := f.Meta.Inner.Strength; κ > 0 {
		return entry(κ)
	}
	return entry(1/rates[0]) + ", 1/rate"
}

// auto says where a rate is from that is not the file's.
func auto(f *family.Family, from string) string {
	if from == "file" {
		return ""
	}
	slope := "∇²C"
	if f.Meta.Inner.Rule != family.RuleGradient {
		slope = "(I − J)/η"
	}
	return fmt.Sprintf(", auto: ½ / max ‖%s‖ at the %s", slope, from)
}

// rateWord is rates where the steps have more than one.
func rateWord(rates []run.Number) string {
	for _, r := range rates {
		if r != rates[0] {
			return "rates"
		}
	}
	return "rate"
}
