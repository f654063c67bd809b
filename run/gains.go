package run

import (
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/metalqr/metalqr/matrixeq"
)

// A NamedGain is a task's gain.
type NamedGain struct {
	Task string
	Gain matrixeq.Matrix
}

// AdaptedGains are the gains that an adaptation ends with.
func (a *Adaptation) AdaptedGains() []NamedGain {
	out := make([]NamedGain, len(a.Tasks))
	for i, t := range a.Tasks {
		out[i] = NamedGain{t.Name, t.AdaptedGain}
	}
	return out
}

// WriteGainsCSV writes one line a row of a gain: task, row (from 1), and the
// entries, which read back to the same bits.
func WriteGainsCSV(w io.Writer, gains []NamedGain) error {
	out := csv.NewWriter(w)
	for i, g := range gains {
		if i == 0 {
			header := []string{"task", "row"}
			for j := range g.Gain.Cols {
				header = append(header, fmt.Sprintf("w%d", j+1))
			}
			if err := out.Write(header); err != nil {
				return err
			}
		}
		for r := range g.Gain.Rows {
			line := []string{g.Task, strconv.Itoa(r + 1)}
			for _, x := range g.Gain.Row(r) {
				line = append(line, strconv.FormatFloat(x, 'g', -1, 64))
			}
			if err := out.Write(line); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// WriteGainsNPY writes an array of shape (tasks, r, d), little-endian float64
// in C order, in NumPy's format 1.0. The tasks are in the order given.
func WriteGainsNPY(w io.Writer, gains []NamedGain) error {
	rows, cols := 0, 0
	if len(gains) > 0 {
		rows, cols = gains[0].Gain.Rows, gains[0].Gain.Cols
	}
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d, %d), }", len(gains), rows, cols)
	// The data begins at a multiple of 64 bytes; ten bytes precede the header.
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	if _, err := fmt.Fprintf(w, "\x93NUMPY\x01\x00"); err != nil {
		return err
	}
	if err := binary.Write(w, binary.LittleEndian, uint16(len(header))); err != nil {
		return err
	}
	if _, err := io.WriteString(w, header); err != nil {
		return err
	}
	for _, g := range gains {
		if err := binary.Write(w, binary.LittleEndian, g.Gain.Data); err != nil {
			return err
		}
	}
	return nil
}
