package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
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
	absent  string // left out where every cell is this; empty: never
}

func text(head string) column    { return column{head: head} }
func numbers(head string) column { return column{head: head, numbers: true} }

// where is a column that is left out where every cell is none.
func (c column) where(none string) column {
	c.absent = none
	return c
}

// without is the table without the columns that no row has anything in.
func (t *table) without() *table {
	out := &table{rows: make([][]string, len(t.rows))}
	for j, c := range t.columns {
		if c.absent != "" && len(t.rows) > 0 && !slices.ContainsFunc(t.rows, func(row []string) bool { return row[j] != c.absent }) {
			continue
		}
		out.columns = append(out.columns, c)
		for i, row := range t.rows {
			out.rows[i] = append(out.rows[i], row[j])
		}
	}
	return out
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// shown is how many rows of tasks fit a screen; -v prints all.
const shown = 20

// limit is how many of n rows to print, and the line that says what is left
// out.
func (a *app) limit(n int) (rows int, rest string) { return a.limitTo(n, "tasks") }

// limitTo is limit for other things than tasks.
func (a *app) limitTo(n int, things string) (rows int, rest string) {
	if a.detail || n <= shown {
		return n, ""
	}
	return shown, fmt.Sprintf("… and %d more %s (-v shows all)\n", n-shown, things)
}

// print writes the table, two spaces between columns and none at the ends of
// lines.
func (t *table) print(w io.Writer) {
	t = t.without()
	cells := make([][]string, len(t.columns)) // by column, padded alike
	for j, c := range t.columns {
		column := make([]string, len(t.rows))
		for i, row := range t.rows {
			column[i] = row[j]
		}
		if c.numbers {
			oneNotation(column)
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

// oneNotation gives all of a column an exponent where one number has one. The
// digits stay as they are; an integer needs none.
func oneNotation(column []string) {
	if !slices.ContainsFunc(column, func(s string) bool { return strings.ContainsRune(s, 'e') && isNumber(s) }) {
		return
	}
	for i, s := range column {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || !strings.ContainsRune(s, '.') || strings.ContainsRune(s, 'e') {
			continue
		}
		digits := len(strings.TrimLeft(strings.Map(digit, s), "0"))
		column[i] = strconv.FormatFloat(x, 'e', max(digits-1, 0), 64)
	}
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// digit drops everything but digits.
func digit(r rune) rune {
	if '0' <= r && r <= '9' {
		return r
	}
	return -1
}

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
	switch {
	case math.IsInf(float64(x), 1):
		return "∞"
	case math.IsInf(float64(x), -1):
		return "-∞"
	case math.IsNaN(float64(x)):
		return "–"
	}
	return strings.TrimSuffix(fmt.Sprintf("%#.6g", float64(x)), ".")
}

// entry shows a number that may be a round one, a rate or an entry of a gain:
// as it is where six digits are all of it, and otherwise six digits.
func entry[T ~float64](x T) string {
	short := fmt.Sprintf("%.6g", float64(x))
	if y, err := strconv.ParseFloat(short, 64); err == nil && y == float64(x) {
		return short
	}
	return number(x)
}

// entries shows a column of a matrix: all with as many decimals as the entry
// that has most, or all with an exponent where that would take more than ten
// digits. Zeros are bare.
func entries(column []float64) []string {
	decimals, whole := 0, 0
	exponent := false
	for _, x := range column {
		s := entry(x)
		exponent = exponent || strings.ContainsRune(s, 'e')
		before, after, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
		whole, decimals = max(whole, len(before)), max(decimals, len(after))
	}
	format, digits := byte('f'), decimals
	if exponent || whole+decimals > 10 {
		format, digits = 'e', 5
	}
	cells := make([]string, len(column))
	for i, x := range column {
		cells[i] = "0"
		if x != 0 {
			cells[i] = strconv.FormatFloat(x, format, digits, 64)
		}
	}
	return cells
}

// cellsOf shows a matrix, row by row.
func cellsOf(m matrixeq.Matrix) [][]string {
	cells := make([][]string, m.Rows)
	for j := range m.Cols {
		column := make([]float64, m.Rows)
		for i := range column {
			column[i] = m.At(i, j)
		}
		for i, s := range entries(column) {
			cells[i] = append(cells[i], s)
		}
	}
	return cells
}

// size shows what only the size matters of: gaps, residuals, norms.
func size[T ~float64](x T) string {
	switch {
	case x == 0:
		return "0"
	case math.IsInf(float64(x), 1):
		return "∞"
	case math.IsNaN(float64(x)):
		return "–"
	}
	return fmt.Sprintf("%.2e", float64(x))
}

// inline shows a matrix on one line, [1 2; 3 4].
func inline(m matrixeq.Matrix) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, row := range cellsOf(m) {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.Join(row, " "))
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
	for _, row := range cellsOf(m) {
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
