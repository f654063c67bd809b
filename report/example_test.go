package report_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/metalqr/metalqr/report"
)

// The meta-objective of one task, C(w) = (1 + w²)/(1 − (1 − w)²), after a step of rate
// η = 0.05, and its three global minimisers.
func ExampleLandscape() {
	cost := func(w float64) (value, slope float64) {
		z := 1 - w
		n, m := 1+w*w, 1-z*z
		return n / m, (2*w - n/m*2*z) / m
	}
	const eta = .05
	landscape := report.Landscape{
		Objective: func(w float64) float64 {
			_, g := cost(w)
			h, _ := cost(w - eta*g)
			return h
		},
		Domain: []report.Interval{{Lo: .1140772, Hi: 1.7319973}},
		Points: []report.Mark{
			{X: .2462, Y: 1.618034, Kind: report.GlobalMinimiser},
			{X: .618034, Y: 1.618034, Kind: report.GlobalMinimiser},
			{X: 1.6542, Y: 1.618034, Kind: report.GlobalMinimiser},
		},
		Bound: 1.618034,
	}
	panel, err := landscape.Panel()
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "figure")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	figure := report.Figure{Panels: []report.Panel{panel}}
	for _, name := range []string{"landscape.svg", "landscape.pdf", "landscape.png"} {
		if err := figure.Save(filepath.Join(dir, name)); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(len(panel.Marks), "marks")
	// Output: 3 marks
}

func ExampleFormatOf() {
	_, err := report.FormatOf("figure.jpg")
	fmt.Println(err, errors.Is(err, report.ErrFormat))
	// Output: report: ".jpg" is not a figure format: want .svg, .png or .pdf true
}

// Data that contradict themselves are errors that say where.
func ExampleDataError() {
	err := report.Figure{Panels: []report.Panel{{
		Curves: []report.Curve{{Label: "gap", X: []float64{1, 2}, Y: []float64{1}}},
	}}}.Write(nil, report.SVG)
	var data *report.DataError
	fmt.Println(errors.As(err, &data), err)
	// Output: true report: panel 0, curve 0 (gap): 2 abscissae, 1 ordinates
}
