package report

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
)

// Widths of a figure in print, in millimetres: one column of a journal, its whole
// page; and one that suits a screen.
const (
	Column = 88.0
	Page   = 180.0
	Screen = 140.0
)

// A Figure is one or more panels on a white page that is as high as they need.
type Figure struct {
	Title string // drawn above; "": none, as in print, where the caption has it
	Alt   string // said to those who cannot see the figure; not drawn

	Panels  []Panel
	Columns int     // panels in a row; 0: one
	Width   float64 // millimetres; 0: Column
	ShareX  bool    // panels above one another have one X axis, numbered at the bottom

	// Legend is where the legend goes. The zero value is a corner of the only panel,
	// if one is empty, and otherwise below.
	Legend LegendPlace

	DPI float64 // of a PNG; 0: 300
}

// A LegendPlace is where the legend goes.
type LegendPlace int

// The places.
const (
	LegendAuto LegendPlace = iota
	LegendBelow
	LegendNone
)

const pointsPerMillimetre = 72 / 25.4

// Write draws the figure. Errors of the data, *DataError, come before anything is
// written. f is not modified.
func (f Figure) Write(w io.Writer, format Format) error {
	data, err := f.encode(format)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// Save writes the figure to a file, in the format that the extension of path names.
// The file is written beside and renamed into place: a figure that cannot be drawn
// leaves what was there.
func (f Figure) Save(path string) error {
	format, err := FormatOf(path)
	if err != nil {
		return err
	}
	data, err := f.encode(format)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".figure-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already if all went well
	_, err = io.Copy(tmp, bytes.NewReader(data))
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func (f Figure) encode(format Format) ([]byte, error) {
	if format != SVG && format != PNG && format != PDF {
		return nil, &FormatError{Name: format.String()}
	}
	s, err := f.layout()
	if err != nil {
		return nil, err
	}
	switch format {
	case SVG:
		return s.svg(), nil
	case PDF:
		return s.pdf(), nil
	}
	dpi := f.DPI
	if dpi == 0 {
		dpi = 300
	}
	return s.png(dpi)
}

func (f *Figure) check() error {
	fail := func(why string, err error) error { return &DataError{Panel: -1, Why: why, Err: err} }
	switch {
	case len(f.Panels) == 0:
		return fail("it has no panels", ErrEmpty)
	case f.Width != 0 && !(f.Width >= 40 && f.Width <= 1000):
		return fail("its width is "+Number(f.Width, 4)+" mm, want 40 to 1000", ErrData)
	case f.DPI != 0 && !(f.DPI >= 30 && f.DPI <= 2400):
		return fail("its resolution is "+Number(f.DPI, 4)+" dpi, want 30 to 2400", ErrData)
	case f.Columns < 0:
		return fail("it has fewer than no columns", ErrData)
	}
	for i := range f.Panels {
		if err := f.Panels[i].check(i); err != nil {
			return err
		}
	}
	return nil
}

func (f *Figure) width() float64 {
	if f.Width == 0 {
		return Column * pointsPerMillimetre
	}
	return f.Width * pointsPerMillimetre
}

func (f *Figure) columns() int {
	return int(math.Max(1, math.Min(float64(f.Columns), float64(len(f.Panels)))))
}
