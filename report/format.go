package report

import (
	"path/filepath"
	"strings"
)

// A Format is a file format of figures.
type Format int

// The formats. The zero Format is none of them.
const (
	SVG Format = iota + 1
	PNG
	PDF
)

// String is the usual extension, without its dot.
func (f Format) String() string {
	switch f {
	case SVG:
		return "svg"
	case PNG:
		return "png"
	case PDF:
		return "pdf"
	}
	return "unknown"
}

// FormatOf returns the format that the extension of path names, in either case. The
// error is a *FormatError.
func FormatOf(path string) (Format, error) {
	ext := filepath.Ext(path)
	for _, f := range []Format{SVG, PNG, PDF} {
		if strings.EqualFold(ext, "."+f.String()) {
			return f, nil
		}
	}
	if ext == "" {
		ext = path
	}
	return 0, &FormatError{Name: ext}
}
