package run

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"

	"github.com/metalqr/metalqr/family"
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

// GainsCSV has one line a row of a gain: task, row (from 1), and the entries,
// which read back to the same bits.
func GainsCSV(gains []NamedGain) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	for i, g := range gains {
		if i == 0 {
			header := []string{"task", "row"}
			for j := range g.Gain.Cols {
				header = append(header, fmt.Sprintf("w%d", j+1))
			}
			out.Write(header)
		}
		for r := range g.Gain.Rows {
			line := []string{g.Task, strconv.Itoa(r + 1)}
			for _, x := range g.Gain.Row(r) {
				line = append(line, strconv.FormatFloat(x, 'g', -1, 64))
			}
			out.Write(line)
		}
	}
	out.Flush() // into memory: it cannot fail
	return b.Bytes()
}

// GainsNPY is a NumPy array of shape (tasks, r, d), the tasks in the order
// given, of which there is at least one.
func GainsNPY(gains []NamedGain) []byte {
	var data []float64
	for _, g := range gains {
		data = append(data, g.Gain.Data...)
	}
	return family.NPY(data, len(gains), gains[0].Gain.Rows, gains[0].Gain.Cols)
}
