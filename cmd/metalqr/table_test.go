package main

import (
	"math"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/matrixeq"
)

func TestTable(t *testing.T) {
	table := table{columns: []column{text("task"), numbers("cost"), numbers("gap"), text("why")}}
	table.row("größer", "1.61803", "1.00e-08", "")
	table.row("b", "37.0", "0", "because")
	table.row("c", "∞", "∞", "")
	table.row("d", "–", "1.5e+00", "x")
	var b strings.Builder
	table.print(&b)
	want := `task        cost       gap  why
größer   1.61803  1.00e-08
b       37.0      0         because
c        ∞        ∞
d        –        1.5e+00   x
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{number(1.5), "1.50000"}, {number(1.0 / 3), "0.333333"}, {number(123456.4), "123456"}, {number(1e6), "1.00000e+06"},
		{number(math.Inf(1)), "∞"}, {number(0.0), "0.00000"},
		{entry(0.05), "0.05"}, {entry(1.0 / 3), "0.333333"},
		{size(0.0), "0"}, {size(1.234e-17), "1.23e-17"}, {size(math.Inf(1)), "∞"},
		{count(1, "task"), "1 task"}, {count(0, "task"), "0 tasks"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestMatrices(t *testing.T) {
	small, err := matrixeq.FromRows([][]float64{{1, 0.5}, {-3, 1.0 / 3}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	printMatrix(&b, "W", small)
	wide, err := matrixeq.FromRows([][]float64{{1, 0.5, 100}, {-3, 1.0 / 3, 0}})
	if err != nil {
		t.Fatal(err)
	}
	printMatrix(&b, "V", wide)
	want := `W = [1 0.500000; -3 0.333333]
V =
   1  0.500000  100
  -3  0.333333    0
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// One notation and one number of decimals in a column.
func TestEntries(t *testing.T) {
	for _, tt := range []struct {
		column []float64
		want   string
	}{
		{[]float64{0.36927, 0.784503001}, "0.369270 0.784503"},
		{[]float64{-1.5809666, 0.55743}, "-1.58097 0.55743"},
		{[]float64{-1.5809666, 0.5574301}, "-1.580967 0.557430"},
		{[]float64{1, -2, 0}, "1 -2 0"},
		{[]float64{2e6, 0.5, 0}, "2.00000e+06 5.00000e-01 0"},
		{[]float64{123456.25, 1.0 / 3000}, "1.23456e+05 3.33333e-04"},
	} {
		if got := strings.Join(entries(tt.column), " "); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.column, got, tt.want)
		}
	}
	column := []string{"69893.0", "1.02496e+06", "0.00012", "∞", "0", "1", "≥ 1.5"}
	oneNotation(column)
	if got, want := strings.Join(column, "|"), "6.98930e+04|1.02496e+06|1.2e-04|∞|0|1|≥ 1.5"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestColumns(t *testing.T) {
	same := func(a, b []int) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	for _, tt := range []struct {
		steps int
		want  []int
	}{
		{0, []int{0}}, {6, []int{0, 1, 2, 3, 4, 5, 6}}, {7, []int{0, 1, 2, 5, 7}}, {10, []int{0, 1, 2, 5, 10}},
		{1000, []int{0, 10, 20, 50, 100, 200, 500, 1000}},
	} {
		if got := (&app{}).columns(tt.steps); !same(got, tt.want) {
			t.Errorf("%d steps: %v, want %v", tt.steps, got, tt.want)
		}
	}
}
