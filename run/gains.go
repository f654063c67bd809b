package run

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/sbinet/npyio/npy"

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

// WriteGainsNPY writes a NumPy array of shape (tasks, r, d). The tasks are in
// the order given.
func WriteGainsNPY(w io.Writer, gains []NamedGain) error {
	array := make([][][]float64, len(gains))
	for i, g := range gains {
		for r := range g.Gain.Rows {
			array[i] = append(array[i], g.Gain.Row(r))
		}
	}
	return npy.Write(w, array)
}
