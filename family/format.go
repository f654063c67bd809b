package family

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/metalqr/metalqr/matrixeq"
)

// Format writes a family as it is run: every task listed, drawn ones
// included, every setting of training written out, every number in the
// shortest digits that read back to the same bits. [Parse] of the result gives
// the same family, bit for bit, but for Drawn: how tasks were drawn is a
// comment.
func Format(f *Family) []byte {
	var b []byte
	if d := f.Drawn; d != nil {
		b = fmt.Appendf(b, "# The last %d tasks were drawn: generator %s, seed %d, %d redraws", d.Count, d.Generator, d.Seed, d.Redraws)
		for i, c := range d.Failed {
			sep := ", "
			if i == 0 {
				sep = " for want of: "
			}
			b = fmt.Appendf(b, "%s%s (%d)", sep, c.Condition, c.Count)
		}
		b = append(b, ".\n"...)
	}
	b = fmt.Appendf(b, "family: %s\n", scalarWord(f.Name))
	if f.Kind != LQR {
		b = fmt.Appendf(b, "kind: %v\n", f.Kind)
	}
	if f.Gains != GainsOne {
		b = fmt.Appendf(b, "gains: %v\n", f.Gains)
	}
	tasks := f.Tasks
	fresh := f.Meta.Outer.Sampling == SampleFresh
	if fresh { // training goes on drawing: the generator is kept, and draws them again
		tasks = tasks[:len(tasks)-f.Drawn.Count]
	}
	if len(tasks) > 0 {
		b = append(b, "tasks:\n"...)
	}
	for i := range tasks {
		b = appendTask(append(b, "  - "...), &tasks[i])
	}
	if fresh {
		b = appendGenerate(b, f)
	}
	return appendMeta(b, &f.Meta)
}

// appendGenerate writes the generator of a family, by which Parse draws the
// same tasks.
func appendGenerate(b []byte, f *Family) []byte {
	b = fmt.Appendf(b, "generate:\n  count: %d\n  seed: %d\n", f.Drawn.Count, f.Drawn.Seed)
	bounds := func(x *interval) string { return string(appendVector(nil, []float64{x.Lo, x.Hi})) }
	fields := func(name string, field func(i int) string) {
		b = fmt.Appendf(b, "  %s:\n", name)
		for i, key := range matrixNames {
			if text := field(i); text != "" {
				b = fmt.Appendf(b, "    %s: %s\n", key, text)
			}
		}
	}
	switch g := f.more.gen.(type) {
	case within:
		b = fmt.Appendf(b, "  within: %s\n", number(g.radius))
	case pairwise:
		fields("pairwise", func(i int) string { return number(g.bound[i]) })
	case masks:
		fields("masks", func(i int) string {
			if g.mask[i].IsZero() {
				return ""
			}
			return string(appendMatrix(nil, g.mask[i]))
		})
		b = fmt.Appendf(b, "    scale: %s\n", number(g.scale))
	case ranges:
		fields("ranges", func(i int) string {
			lo, hi := g.bounds[i].lo, g.bounds[i].hi
			if lo.IsZero() {
				return ""
			}
			text := []byte{'['}
			for r := range lo.Rows {
				text = append(text, '[')
				for c := range lo.Cols {
					text = append(text, bounds(&interval{lo.At(r, c), hi.At(r, c)})...)
					text = append(text, ", "...)
				}
				text = append(text[:len(text)-2], "], "...)
			}
			return string(append(text[:len(text)-2], ']'))
		})
	case factors:
		fields("factors", func(i int) string {
			if g.bounds[i] == nil {
				return ""
			}
			return bounds(g.bounds[i])
		})
	}
	return appendTask(append(b, "  nominal:\n    "...), &f.more.nominal)
}

// appendTask writes the fields of a task, the first where b ends, the others on
// lines indented by four.
func appendTask(b []byte, t *Task) []byte {
	b = fmt.Appendf(b, "name: %s\n    weight: %s\n", scalarWord(t.Name), number(t.Weight))
	switch {
	case t.Sets != nil:
		return appendSets(b, t.Sets)
	case t.Finite != nil:
		return appendFinite(b, t.Finite)
	}
	keys := []string{"A", "B", "Q", "R", "N", "Sigma0"}
	s := t.Outer
	for i, m := range specMatrices(&s) {
		b = appendKey(b, "    ", keys[i], *m)
	}
	if s.X0 != nil {
		b = append(appendVector(append(b, "    x0: "...), s.X0), '\n')
	}
	b = appendKey(b, "    ", "noise", s.Noise)
	if s.Discount != 0 {
		b = fmt.Appendf(b, "    discount: %s\n", number(s.Discount))
	}
	if s.AverageCost {
		b = append(b, "    average_cost: true\n"...)
	}
	if s.SampleTime != 0 {
		b = fmt.Appendf(b, "    sample_time: %s\n", number(s.SampleTime))
	}
	if t.Inner == nil {
		return b
	}
	b = append(b, "    inner:\n"...)
	in := *t.Inner
	for i, m := range specMatrices(&in) {
		if !m.Equal(*specMatrices(&s)[i]) {
			b = appendKey(b, "      ", keys[i], *m)
		}
	}
	return b
}

func appendMeta(b []byte, m *Meta) []byte {
	start := []byte(m.Start.Kind.String())
	if m.Start.Kind == StartGain {
		start = appendMatrix(nil, m.Start.Gain)
	}
	rate := []byte("auto")
	switch {
	case m.Inner.Rate.Auto:
	case len(m.Inner.Rate.Steps) == 1:
		rate = []byte(number(m.Inner.Rate.Steps[0]))
	default:
		rate = appendVector(nil, m.Inner.Rate.Steps)
	}
	b = fmt.Appendf(b, "meta:\n  algorithm: %v\n  normalize: %v\n  start: %s\n  seed: %d\n", m.Algorithm, m.Normalize, start, m.Seed)
	b = appendNumber(b, "  radius_limit", m.RadiusLimit)
	in, o := &m.Inner, &m.Outer
	b = fmt.Appendf(b, "  inner:\n    rule: %v\n", in.Rule)
	if in.Strength == 0 { // which stands in place of a rate
		b = fmt.Appendf(b, "    rate: %s\n", rate)
	}
	b = fmt.Appendf(b, "    steps: %d\n", in.Steps)
	if in.Learn != LearnNone {
		b = fmt.Appendf(b, "    learn: %v\n", in.Learn)
	}
	b = appendNumber(b, "    delta", in.Delta)
	b = appendNumber(b, "    strength", in.Strength)
	b = appendNumber(b, "    tolerance", in.Tolerance)
	b = fmt.Appendf(b, "  outer:\n    method: %v\n    tolerance: %s\n    iterations: %d\n", o.Method, number(o.Tolerance), o.Iterations)
	if o.Method == MethodAlgorithm1 {
		b = appendNumber(b, "    rate", o.Rate)
		b = appendNumber(b, "    last_rate", o.LastRate)
		b = appendNumber(b, "    over", float64(o.Over))
		b = fmt.Appendf(b, "    reduce: %v\n    batch: %d\n", o.Reduce, o.Batch)
		if o.Sampling != SampleReplacing {
			b = fmt.Appendf(b, "    sampling: %v\n", o.Sampling)
		}
		b = appendNumber(b, "    clip", o.Clip)
	}
	return b
}

// appendNumber writes a key whose zero means that it was not written.
func appendNumber(b []byte, key string, x float64) []byte {
	if x == 0 {
		return b
	}
	return fmt.Appendf(b, "%s: %s\n", key, number(x))
}

func appendKey(b []byte, indent, key string, m matrixeq.Matrix) []byte {
	if m.IsZero() {
		return b
	}
	b = append(append(append(b, indent...), key...), ": "...)
	return append(appendMatrix(b, m), '\n')
}

// appendMatrix writes a matrix as a list of rows; the absent matrix as null.
func appendMatrix(b []byte, m matrixeq.Matrix) []byte {
	if m.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range m.Rows {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendVector(b, m.Row(i))
	}
	return append(b, ']')
}

func appendVector(b []byte, v []float64) []byte {
	b = append(b, '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendFloat(b, x, 'g', -1, 64)
	}
	return append(b, ']')
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*$`)

// scalarWord writes text as a scalar: plain where every reader of YAML takes
// it for text, else in quotes as JSON has them.
func scalarWord(s string) string {
	switch s {
	case "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE",
		"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "Y", "n", "N":
	default:
		if plainWord.MatchString(s) {
			return s
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string can always be encoded
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}
