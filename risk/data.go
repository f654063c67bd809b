package risk

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// Data is n rows of p features, and a target for each row: a number for
// regression, a class 0, 1, 2 … for classification, nothing for clustering.
type Data struct {
	X     []float64 // n×p, row by row
	Y     []float64 // n targets; nil: none
	Rows  int       // n
	Cols  int       // p
	Names []string  // of the features; nil: they have none
}

// Row is the features of row i, from 0.
func (d Data) Row(i int) []float64 { return d.X[i*d.Cols : (i+1)*d.Cols : (i+1)*d.Cols] }

// Check says whether the sizes agree and every number is finite. The error is
// a *DataError.
func (d Data) Check() error {
	switch {
	case d.Rows <= 0:
		return &DataError{Message: fmt.Sprintf("%d rows, want at least one", d.Rows)}
	case d.Cols <= 0:
		return &DataError{Message: fmt.Sprintf("%d features, want at least one", d.Cols)}
	case d.Rows > math.MaxInt/d.Cols || len(d.X) != d.Rows*d.Cols:
		return &DataError{Message: fmt.Sprintf("%d numbers, %d rows of %d features need another count", len(d.X), d.Rows, d.Cols)}
	case d.Y != nil && len(d.Y) != d.Rows:
		return &DataError{Message: fmt.Sprintf("%d targets for %d rows", len(d.Y), d.Rows)}
	case d.Names != nil && len(d.Names) != d.Cols:
		return &DataError{Message: fmt.Sprintf("%d names for %d features", len(d.Names), d.Cols)}
	}
	for i, x := range d.X {
		if !isFinite(x) {
			return &DataError{Row: i/d.Cols + 1, Column: i%d.Cols + 1, Field: d.name(i % d.Cols), Message: fmt.Sprintf("the feature is %v", x), Value: x, Kind: ErrNotFinite}
		}
	}
	for i, y := range d.Y {
		if !isFinite(y) {
			return &DataError{Row: i + 1, Message: fmt.Sprintf("the target is %v", y), Value: y, Kind: ErrNotFinite}
		}
	}
	return nil
}

func (d Data) name(j int) string {
	if j < len(d.Names) {
		return d.Names[j]
	}
	return ""
}

// checkTargets is Check for a model that needs targets.
func (d Data) checkTargets(of string) error {
	if err := d.Check(); err != nil {
		return err
	}
	if d.Y == nil {
		return &DataError{Message: of + " needs targets, and there are none"}
	}
	return nil
}

// Pick returns the rows of the given indices, from 0, in their order.
func (d Data) Pick(rows []int) (Data, error) {
	s := Data{X: make([]float64, 0, len(rows)*d.Cols), Rows: len(rows), Cols: d.Cols, Names: d.Names}
	if d.Y != nil {
		s.Y = make([]float64, 0, len(rows))
	}
	for _, i := range rows {
		if i < 0 || i >= d.Rows {
			return Data{}, &DataError{Message: fmt.Sprintf("row index %d of %d rows", i, d.Rows)}
		}
		s.X = append(s.X, d.Row(i)...)
		if d.Y != nil {
			s.Y = append(s.Y, d.Y[i])
		}
	}
	return s, nil
}

// A Scaler brings features to comparable size: x ← (x − mean)/scale, column by
// column. It is fitted on one set and applied to all, so that they keep
// meaning the same. Targets are left alone.
type Scaler struct {
	Mean  []float64
	Scale []float64 // standard deviation, divisor n; 1 where a column is constant
}

// Standardize fits a Scaler, in two passes over the data.
func Standardize(d Data) (Scaler, error) {
	if err := d.Check(); err != nil {
		return Scaler{}, err
	}
	s := Scaler{Mean: make([]float64, d.Cols), Scale: make([]float64, d.Cols)}
	n := float64(d.Rows)
	column := make([]float64, d.Rows)
	for j := range d.Cols {
		for i := range column {
			column[i] = d.X[i*d.Cols+j]
		}
		// Divided first, so that the sum cannot overflow.
		top := 0.0
		for _, x := range column {
			top = math.Max(top, math.Abs(x))
		}
		s.Scale[j] = 1
		if top == 0 {
			continue
		}
		mean := blockSum(d.Rows, func(i int) float64 { return column[i] / top }) / n
		// The second pass corrects the mean by the mean of what is left.
		left := blockSum(d.Rows, func(i int) float64 { return column[i]/top - mean }) / n
		mean += left
		square := blockSum(d.Rows, func(i int) float64 { t := column[i]/top - mean; return t * t }) / n
		s.Mean[j] = mean * top
		// A column that varies by rounding alone is constant.
		if dev := math.Sqrt(square); dev > 0x1p-51 {
			s.Scale[j] = dev * top
		}
	}
	return s, nil
}

// Apply returns the scaled data; d is not modified.
func (s Scaler) Apply(d Data) (Data, error) {
	if err := d.Check(); err != nil {
		return Data{}, err
	}
	if len(s.Mean) != d.Cols || len(s.Scale) != d.Cols {
		return Data{}, &DataError{Message: fmt.Sprintf("%d features, the scaler was fitted on %d", d.Cols, len(s.Mean))}
	}
	x := make([]float64, len(d.X))
	for i := range d.Rows {
		for j, v := range d.Row(i) {
			x[i*d.Cols+j] = (v - s.Mean[j]) / s.Scale[j]
		}
	}
	d.X = x
	return d, d.Check()
}

// block is how many terms are summed plainly; the sums of blocks are added
// with their rounding errors carried along.
const block = 128

// blockSum is Σ term(i), i = 0 … n−1.
func blockSum(n int, term func(int) float64) float64 {
	var s total
	for lo := 0; lo < n; lo += block {
		var part float64
		for i := lo; i < min(lo+block, n); i++ {
			part += term(i)
		}
		s.add(part)
	}
	return s.value()
}

// total is a sum that carries its rounding error (Knuth's TwoSum).
type total struct{ s, e float64 }

func (t *total) add(x float64) {
	s := float64(t.s + x)
	b := float64(s - t.s)
	t.e += float64(t.s-float64(s-b)) + float64(x-b)
	t.s = s
}

func (t *total) value() float64 {
	if !isFinite(t.s) {
		return t.s
	}
	return t.s + t.e
}

// clip shortens s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
