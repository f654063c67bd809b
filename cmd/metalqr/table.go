package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/metalqr/metalqr/matrixeq"
)

// A table prints rows in aligned columns. Columns of numbers have their
// decimal points below one another.
type table struct {
	columns []column
	rows    [][]string
}

type column struct {
	head    string
	numbers bool
}

func text(head string) column    { return column{head, false} }
func numbers(head string) column { return column{head, true} }

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// shown is how many rows of tasks fit a screen; -v prints all.
const shown = 20

// limit is how many of n rows to print, and the line that says what is left
// out.
func (a *app) limit(n int) (rows int, rest string) {
	if a.detail || n <= shown {
		return n, ""
	}
	return shown, fmt.Sprintf("… and %d more tasks (-v shows all)\n", n-shown)
}

// print writes the table, two spaces between columns and none at the ends of
// lines.
func (t *table) print(w io.Writer) {
	cells := make([][]string, len(t.columns)) // by column, padded alike
	for j, c := range t.columns {
		column := make([]string, len(t.rows))
		for i, row := range t.rows {
			column[i] = row[j]
		}
		if c.numbers {
			alignPoints(column)
		}
		width := width(c.head)
		for _, s := range column {
			width = max(width, utf8.RuneCountInString(s))
		}
		pad := func(s string) string {
			space := strings.Repeat(" ", width-utf8.RuneCountInString(s))
			if c.numbers {
				return space + s
			}
			return s + space
		}
		cells[j] = append(cells[j], pad(c.head))
		for _, s := range column {
			cells[j] = append(cells[j], pad(s))
		}
	}
	for i := range len(t.rows) + 1 {
		var line strings.Builder
		for j := range cells {
			if j > 0 {
				line.WriteString("  ")
			}
			line.WriteString(cells[j][i])
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

func width(s string) int { return utf8.RuneCountInString(s) }

// alignPoints pads numbers on the right so that, aligned on the right, their
// points are below one another.
func alignPoints(column []string) {
	tail := func(s string) int {
		if i := strings.IndexAny(s, ".e"); i >= 0 {
			return len(s) - i
		}
		return 0
	}
	longest := 0
	for _, s := range column {
		longest = max(longest, tail(s))
	}
	for i, s := range column {
		column[i] = s + strings.Repeat(" ", longest-tail(s))
	}
}

// number shows six digits, which every computed quantity here is known to.
func number[T ~float64](x T) string {
	if math.IsInf(float64(x), 1) {
		return "∞"
	}
	return strings.TrimSuffix(fmt.Sprintf("%#.6g", float64(x)), ".")
}

// entry shows up to six digits of a number that may be a round one: a rate, an
// entry of a gain.
func entry[T ~float64](x T) string { return fmt.Sprintf("%.6g", float64(x)) }

// size shows what only the size matters of: gaps, residuals, norms.
func size[T ~float64](x T) string {
	switch {
	case x == 0:
		return "0"
	case math.IsInf(float64(x), 1):
		return "∞"
	}
	return fmt.Sprintf("%.2e", float64(x))
}

// inline shows a matrix on one line, [1 2; 3 4].
func inline(m matrixeq.Matrix) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range m.Rows {
		if i > 0 {
			b.WriteString("; ")
		}
		for j, x := range m.Row(i) {
			if j > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(entry(x))
		}
	}
	b.WriteByte(']')
	return b.String()
}

// inlineEntries is how many entries of a gain fit a line of a table.
const inlineEntries = 4

// printMatrix writes a matrix over several lines, or on one if it is small.
func printMatrix(w io.Writer, name string, m matrixeq.Matrix) {
	if m.Rows*m.Cols <= inlineEntries {
		fmt.Fprintf(w, "%s = %s\n", name, inline(m))
		return
	}
	t := table{columns: make([]column, m.Cols)}
	for j := range t.columns {
		t.columns[j] = numbers(fmt.Sprint(j + 1))
	}
	for i := range m.Rows {
		row := make([]string, m.Cols)
		for j, x := range m.Row(i) {
			row[j] = entry(x)
		}
		t.row(row...)
	}
	var b strings.Builder
	t.print(&b)
	_, body, _ := strings.Cut(b.String(), "\n") // without the heads
	fmt.Fprintf(w, "%s =\n", name)
	for line := range strings.Lines(body) {
		fmt.Fprintf(w, "  %s", line)
	}
}

// count shows a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
